"""Draws by which bandits turn posteriors into probabilities: docs/format/bandit.md, random numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from .portable import exp, expm1, log
from .wire import MASK

_WEYL = 0x9E3779B97F4A7C15
_FARTHEST = 6.4  # bounds the magnitude of a draw from a standard normal


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the inner product of a and the beginning of b, by four sums."""
    s = [0.0, 0.0, 0.0, 0.0]
    whole = len(a) & ~3
    for i in range(whole):
        s[i & 3] += a[i] * b[i]
    for i in range(whole, len(a)):
        s[0] += a[i] * b[i]
    return (s[0] + s[1]) + (s[2] + s[3])


class Key:
    """Turns the ids of decisions into random numbers, by a salt."""

    def __init__(self, salt: str) -> None:
        h = hashlib.sha256(salt.encode()).digest()
        self._words = [int.from_bytes(h[i:i + 8], "little") for i in range(0, 32, 8)]

    def uniform(self, decision: bytes) -> float:
        """Return the number in [0, 1) by which a decision is made."""
        return (_siphash(self._words[0], self._words[1], decision) >> 11) / (1 << 53)

    def place(self, decision: bytes) -> float:
        """Return the number in [0, 1) by which a decision for a number takes its place."""
        return (self.seed(decision) >> 11) / (1 << 53)

    def seed(self, decision: bytes) -> int:
        """Return the seed of the draws of a decision."""
        return _siphash(self._words[2], self._words[3], decision)


def _siphash(k0: int, k1: int, data: bytes) -> int:
    """SipHash-2-4 (Aumasson, Bernstein 2012)."""
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    whole = len(data) & ~7
    blocks = [int.from_bytes(data[i:i + 8], "little") for i in range(0, whole, 8)]
    blocks.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for n, m in enumerate([*blocks, None]):
        if m is None:
            v2 ^= 0xFF
        else:
            v3 ^= m
        for _ in range(4 if n == len(blocks) else 2):
            v0 = v0 + v1 & MASK
            v1 = _rotate(v1, 13) ^ v0
            v0 = _rotate(v0, 32)
            v2 = v2 + v3 & MASK
            v3 = _rotate(v3, 16) ^ v2
            v0 = v0 + v3 & MASK
            v3 = _rotate(v3, 21) ^ v0
            v2 = v2 + v1 & MASK
            v1 = _rotate(v1, 17) ^ v2
            v2 = _rotate(v2, 32)
        if m is not None:
            v0 ^= m
    return v0 ^ v1 ^ v2 ^ v3


def _rotate(v: int, by: int) -> int:
    return (v << by | v >> 64 - by) & MASK


def mix(h: int) -> int:
    """The finaliser of SplitMix64."""
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
    h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
    return h ^ h >> 31


def stream(seed: int, arm: int) -> int:
    """Return the seed of the draws of an arm."""
    return mix(seed + (arm + 1) * _WEYL & MASK)


def normals(own: int, count: int) -> list[float]:
    """Return the first draws of a stream from the standard normal distribution."""
    out = []
    for i in range((count + 1) // 2):
        h = mix(own + (i + 1) * _WEYL & MASK)
        out += [_quantile(((h & 0xFFFFFFFF) + 0.5) / (1 << 32)), _quantile(((h >> 32) + 0.5) / (1 << 32))]
    return out[:count]


def _quantile(p: float) -> float:
    """The quantile of the standard normal distribution, AS 241, PPND7 (Wichura 1988)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        num = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        den = ((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1
        return q * num / den
    r = math.sqrt(-log(1 - p if q > 0 else p))
    if r <= 5:
        r -= 1.6
        num = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777
        den = (0.12021132975 * r + 0.73700164250) * r + 1
    else:
        r -= 5
        num = ((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150
        den = (0.012258202635 * r + 0.24197894225) * r + 1
    z = num / den
    return -z if q < 0 else z


def student_draw(own: int, m: int, freedom: float) -> float:
    """Return draw m of a stream from the standard t distribution, by the polar method (Bailey 1994)."""
    own = mix(own + (m + 1) * _WEYL & MASK)
    i = 1
    while True:
        h = mix(own + i * _WEYL & MASK)
        u, v = ((h & 0xFFFFFFFF) + 0.5) / (1 << 31) - 1, ((h >> 32) + 0.5) / (1 << 31) - 1
        w = u * u + v * v
        if w < 1:
            return u * math.sqrt(freedom * expm1(-2 / freedom * log(w)) / w)
        i += 1


def bounded(alpha: float, beta: float) -> tuple[float, float]:
    """Return a Beta posterior of at most 1e12 observations."""
    n = alpha + beta
    return (alpha, beta) if n <= 1e12 else (max(0.1, alpha * (1e12 / n)), max(0.1, beta * (1e12 / n)))


def beta_draw(first: int, second: int, m: int, alpha: float, beta: float) -> float:
    """Return draw m of Beta(alpha, beta) from two streams."""
    x, y = _gamma_draw(first, m, alpha), _gamma_draw(second, m, beta)
    return x / (x + y)


def _gamma_draw(own: int, m: int, shape: float) -> float:
    """Return draw m of a stream from the Gamma distribution (Marsaglia and Tsang 2000)."""
    own = mix(own + (m + 1) * _WEYL & MASK)
    boost = 1.0
    if shape < 1:
        boost = exp(log((float(own >> 11) + 0.5) / (1 << 53)) / shape)
        shape += 1
    d = shape - 1.0 / 3
    c = 1 / math.sqrt(9 * d)
    i = 1
    while True:
        h = mix(own + i * _WEYL & MASK)
        x, u = _quantile(((h & 0xFFFFFFFF) + 0.5) / (1 << 32)), ((h >> 32) + 0.5) / (1 << 32)
        v = 1 + c * x
        if v > 0:
            v = v * v * v
            if log(u) < x * x / 2 + d * (1 - v + log(v)):
                return d * v * boost
        i += 1


def falling(x: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the closest numbers to x that never rise, by pooling adjacent violators."""
    blocks: list[list[float]] = []
    for v, w in zip(x, weights):
        blocks.append([v, w, 1])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            v2, w2, n2 = blocks.pop()
            v1, w1, n1 = blocks.pop()
            blocks.append([(w1 * v1 + w2 * v2) / (w1 + w2), w1 + w2, n1 + n2])
    return [v for v, _, n in blocks for _ in range(int(n))]


def tally(winners: Sequence[int], arms: int) -> list[float]:
    """Return the share of the draws that each arm wins."""
    return [winners.count(a) / len(winners) for a in range(arms)]


def winners_of(draws: Sequence[Sequence[float] | None], count: int) -> list[int]:
    """Return of each draw the arm that has the largest, of equal ones the first."""
    out = []
    for m in range(count):
        best, winner = -math.inf, 0
        for a, d in enumerate(draws):
            if d is not None and d[m] > best:
                best, winner = d[m], a
        out.append(winner)
    return out


def draw_best(seed: int, z: Sequence[float | None], sd: Sequence[float], count: int) -> list[float]:
    """Return the share of draws that each arm wins, an arm that is None apart."""
    reach = max((m - _FARTHEST * s for m, s in zip(z, sd) if m is not None), default=-math.inf)
    draws: list[list[float] | None] = []
    for a, (m, s) in enumerate(zip(z, sd)):
        if m is None or m + _FARTHEST * s < reach:
            draws.append(None)
        else:
            draws.append([m + s * u for u in normals(stream(seed, a), count)])
    return tally(winners_of(draws, count), len(z))


def cholesky(white: Sequence[Sequence[float] | None], own: Sequence[float]) -> list[list[float]]:
    """Return the Cholesky factor of the inner products of vectors, with own added to the diagonal."""
    out: list[list[float]] = []
    for i, x in enumerate(white):
        row = [0.0] * (i + 1)
        out.append(row)
        if x is None:
            continue
        for j in range(i + 1):
            y = white[j]
            if y is None:
                continue
            v = dot(x, y)
            if i == j:
                v += own[i]
            for k in range(j):
                v -= row[k] * out[j][k]
            if i == j:
                row[j] = math.sqrt(max(v, 0.0))
            elif out[j][j] > 0:
                row[j] = v / out[j][j]
    return out
