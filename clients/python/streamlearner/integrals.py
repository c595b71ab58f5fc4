"""Integrals of the probability that a draw is the largest: docs/format/bandit.md, integrals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .portable import exp, expm1, log, log1p

_ORDER = 16
_TAIL = 38.0  # a density is nil where its logarithm is this far below its mode
_PANEL = 2.0
_MAX_OBSERVATIONS = 1e12
_LEAST_SHAPE = 0.1

# Nodes and weights of the Gauss-Legendre rule: Abramowitz and Stegun, table 25.4.
_HALF = (
    (0.9894009349916499, 0.0271524594117541), (0.9445750230732326, 0.0622535239386479),
    (0.8656312023878318, 0.0951585116824928), (0.7554044083550030, 0.1246289712555339),
    (0.6178762444026438, 0.1495959888165767), (0.4580167776572274, 0.1691565193950025),
    (0.2816035507792589, 0.1826034150449236), (0.0950125098376374, 0.1894506104550685),
)
_NODES = [-x for x, _ in _HALF] + [x for x, _ in reversed(_HALF)]
_WEIGHTS = [w for _, w in _HALF] + [w for _, w in reversed(_HALF)]


def _integrals() -> list[list[float]]:
    """Return the weights of the nodes in the integrals up to each node, by the Legendre polynomials."""
    p = []
    for x in _NODES:
        row = [1.0, x]
        for k in range(1, _ORDER):
            row.append(((2 * k + 1) * x * row[k] - k * row[k - 1]) / (k + 1))
        p.append(row)
    out = []
    for i, x in enumerate(_NODES):
        row = []
        for m in range(_ORDER):
            s = x + 1
            for k in range(1, _ORDER):
                s += p[m][k] * (p[i][k + 1] - p[i][k - 1])
            row.append(_WEIGHTS[m] / 2 * s)
        out.append(row)
    return out


_UP_TO = _integrals()


class _Bell:
    """The density of an arm: of log-odds of a Beta distribution, or a normal one."""

    def __init__(self, alpha: float = 0.0, beta: float = 0.0, mean: float = 0.0, sd: float = 0.0) -> None:
        self.normal = sd > 0
        self.total = self.won = 0.0
        self.f, self.up_to = [0.0] * _ORDER, [0.0] * _ORDER
        if self.normal:
            reach = sd * math.sqrt(2 * _TAIL)
            self.t, self.sd, self.left, self.right = mean, sd, mean - reach, mean + reach
            self.height = 1 / (sd * math.sqrt(2 * math.pi))
            return
        n = alpha + beta
        if n > _MAX_OBSERVATIONS:
            scale = _MAX_OBSERVATIONS / n
            alpha, beta = max(_LEAST_SHAPE, alpha * scale), max(_LEAST_SHAPE, beta * scale)
            n = alpha + beta
        self.alpha, self.beta, self.x, self.y = alpha, beta, alpha / n, beta / n
        self.t, self.sd = log(alpha / beta), math.sqrt(1 / alpha + 1 / beta)
        self.height = 1 / (self.sd * math.sqrt(2 * math.pi))
        self.left, self.right = self.t - self._reach(-1), self.t + self._reach(1)

    def _reach(self, sign: float) -> float:
        d = self.sd
        while self.log_density(sign * d) > -_TAIL:
            d *= 1.25
        return d

    def log_density(self, d: float) -> float:
        """Return the logarithm of the density at distance d from its mode, relative to that."""
        if self.normal:
            return -(d * d) / (2 * (self.sd * self.sd))
        return -(self.alpha * log1p(self.y * expm1(-d))) - self.beta * log1p(self.x * expm1(d))

    def panel(self) -> float:
        return _PANEL * self.sd if self.normal else _PANEL * min(1.0, self.sd)

    def sample(self, start: float, end: float, half: float) -> None:
        """Evaluate the density and its integral at the nodes of a panel."""
        if not self.lives(start, end):
            self.f, self.up_to = [0.0] * _ORDER, [self.total] * _ORDER
            return
        self.f = [self.height * exp(self.log_density(start + half * (1 + x) - self.t)) for x in _NODES]
        self.up_to = [max(0.0, self.total + half * _sum(row, self.f)) for row in _UP_TO]

    def lives(self, start: float, end: float) -> bool:
        return self.left < end and self.right > start


def _sum(weights: Sequence[float], f: Sequence[float]) -> float:
    s = 0.0
    for w, v in zip(weights, f):
        s += w * v
    return s


def best_of_betas(posteriors: Sequence[tuple[float, float]]) -> list[float]:
    """Return the probability of each Beta(alpha, beta) that its draw is the largest."""
    return _integrate([_Bell(a, b) for a, b in posteriors])


def best_of_normals(mean: Sequence[float], sd: Sequence[float]) -> list[float] | None:
    """Return the same of normal distributions; None when all deviations and means are 0."""
    least = 0.0
    for m, s in zip(mean, sd):
        least = max(least, 1e-9 * s, 1e-12 * abs(m))
    if least == 0:
        return None
    return _integrate([_Bell(mean=m, sd=max(s, least)) for m, s in zip(mean, sd)])


def _integrate(bells: list[_Bell]) -> list[float]:
    t = _after(bells, -math.inf)
    while t < math.inf:
        end = math.inf
        for b in bells:
            if b.left > t:
                end = min(end, b.left)
            elif b.right > t:
                end = min(end, t + b.panel())
        half = (end - t) / 2
        for b in bells:
            b.sample(t, end, half)
        for m, w in enumerate(_WEIGHTS):
            _collect(bells, m, half * w)
        for b in bells:
            if b.lives(t, end):
                b.total += half * _sum(_WEIGHTS, b.f)
        t = _after(bells, end)
    total = 0.0
    for b in bells:
        total += b.won
    return [b.won / total for b in bells]


def _after(bells: list[_Bell], t: float) -> float:
    """Return the first point at or after t where a density lives."""
    return min((max(t, b.left) for b in bells if b.right > t), default=math.inf)


def _collect(bells: list[_Bell], m: int, w: float) -> None:
    """Add node m with weight w to the integral of each arm."""
    below, product = [], 1.0
    for b in bells:
        below.append(product)
        product *= b.up_to[m]
    product = 1.0
    for b, under in zip(reversed(bells), reversed(below)):
        b.won += w * b.f[m] * (under * product)
        product *= b.up_to[m]
