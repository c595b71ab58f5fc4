"""Bandits: reads docs/format/bandit.md and chooses as it says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import explore
from .continuous import Interval, pick
from .errors import CorruptError
from .event import Event, Feature
from .integrals import best_of_betas, best_of_normals
from .portable import exp, log
from .posterior import Key, beta_draw, bounded, cholesky, dot, draw_best, falling, normals, stream, student_draw, tally, winners_of
from .rails import STATUSES, Arm, Rails
from .regression import Diagonal, Full, predict_sparse, scatter
from .scaling import Scaler
from .wire import BANDIT, MASK, Reader, open_envelope, xxh64

VERSION = 4

COUNTS = ("thompson", "ladder", "normal", "ucb1", "klucb", "exp3", "exp3ix")
LINEAR = ("linucb", "lints", "logistic", "epsilon", "softmax", "squarecb", "regcb", "regcb_elimination", "bag")
NUMBERS = (
    "reward_min", "reward_max", "floor", "prior_alpha", "prior_beta", "prior_mean", "prior_weight", "alpha", "spread", "optimism", "epsilon",
    "temperature", "gamma_scale", "gamma_exponent", "mellowness", "psi", "gamma", "rate", "entropy", "importance_clip", "lambda", "clip",
    "extreme", "baseline_floor", "price_step", "price_floor", "new_share", "new_prior",
    "conservative", "cost", "value_min", "value_max", "bandwidth")

_BLOCKS = 8
_MAX_WEIGHT = 1e100


class Bandit:
    """A published bandit. It never changes, so threads may share it.

    arms are the names of its arms, table what it knows of each, baseline the
    index of the one that decisions fall back to, or None.
    """

    def __init__(self, data: bytes, verified: bool = False) -> None:
        r = open_envelope(data, BANDIT, VERSION, verified)
        self.policy, self.features, matrix, standardize, salt, self._baseline = (r.str() for _ in range(6))
        self._nounif, self._interactions, self._intercept = r.bool(), r.bool(), r.bool()
        self._c = dict(zip(NUMBERS, r.finites(len(NUMBERS))))
        if self._c["lambda"] <= 0 or self._c["temperature"] <= 0:
            raise CorruptError(f"lambda {self._c['lambda']}, temperature {self._c['temperature']}")
        self._draws, self._size = r.uvarint(), r.uvarint()
        r.uvarint()
        r.uvarint()
        bins = r.uvarint()
        r.uvarint()
        window = r.uvarint()
        r.uvarint()
        self._read_arms(r)
        self._values: Interval | None = None
        if self.policy == "cats":
            if bins < 2 or bins != len(self.arms) or not self._c["value_min"] < self._c["value_max"] or self._c["bandwidth"] <= 0:
                raise CorruptError(f"{bins} bins of {len(self.arms)} arms from {self._c['value_min']} to {self._c['value_max']}")
            self._values = Interval(self._c["value_min"], self._c["value_max"], self._c["bandwidth"], bins)
        self._arm_hashes = [xxh64(a.encode()) for a in self.arms]
        self._key = Key(salt)
        self._prior = 0.0 if self.policy in ("logistic", "cats") else self._c["optimism"]
        self._full, self._standardize, self._window = matrix == "full", standardize == "on", window > 0
        self._scaler: Scaler | None = None
        self._index: dict[int, int] = {}
        self._theta: list[tuple[float, ...]] = []
        if self.policy in COUNTS:
            self._read_counts(r)
        elif self.policy in ("gradient", "reinforce"):
            r.finites(2)
            if self.policy == "reinforce":
                self._read_features(r)
            self._theta = [r.floats() for _ in self.arms]
        elif self.policy in LINEAR or self.policy in ("cover", "cats"):
            self._read_linear(r)
        else:
            raise CorruptError(f"policy {self.policy!r}, which this client does not know")
        r.close()

    def _read_arms(self, r: Reader) -> None:
        for _ in range(r.count(1)):
            r.str()  # as configured; the table is what holds
        for _ in range(r.count(17)):
            r.str()
            r.finites(2)
        for _ in range(r.count(27)):  # guard rails
            r.str(), r.str(), r.finites(2), r.str(), r.finites(1)
        table = []
        for _ in range(r.count(63)):
            name, status = r.str(), r.byte()
            if status >= len(STATUSES):
                raise CorruptError(f"arm {name!r} has status {status}")
            cap, price = r.finites(2)
            if not 0 < cap <= 1:
                raise CorruptError(f"arm {name!r} has cap {cap}")
            table.append(Arm(name, STATUSES[status], cap, price, r.uvarint(), r.finites(1)[0], r.varint()))
            r.finites(3)  # evidence about propensities
            r.uvarint(), r.uvarint(), r.finites(1), r.str()  # shares of the arm, and what took it out
            for _ in range(r.count(26)):  # what guard rails know of it
                r.finites(3), r.uvarint(), r.uvarint()
        baseline = r.uvarint() - 1
        if baseline >= len(table):
            raise CorruptError(f"baseline {baseline} of {len(table)} arms")
        r.varint()
        self.table, self.arms = table, [a.name for a in table]
        self.baseline = baseline if baseline >= 0 else None
        c = self._c
        self._rails = Rails(table, baseline, c["floor"], c["baseline_floor"], c["price_step"], c["price_floor"], c["new_share"],
                            c["conservative"], (c["reward_min"], c["reward_max"]))

    def _read_counts(self, r: Reader) -> None:
        self.events = r.uvarint()
        r.varint()
        self._sums = [r.finites(4) for _ in self.arms]
        if self._window:
            r.finites(4 * _BLOCKS * len(self.arms))

    def _read_features(self, r: Reader) -> None:
        self.events = r.uvarint()
        r.finites(1)
        self._scaler = Scaler(r, self._standardize, self._c["clip"])
        for i in range(r.count(8)):
            self._index[r.u64()] = i

    def _read_linear(self, r: Reader) -> None:
        self._read_features(r)
        r.varint()
        slots = len(self.arms) if self.features == "disjoint" else 1
        members = self._size if self.policy == "bag" else 1
        self._slots = slots
        self._regressions = [self._read_regression(r, self.policy == "logistic", self._window) for _ in range(slots * members)]
        if self.policy == "cats":
            self._nodes = [Diagonal(r, len(self._index), self._c["lambda"]) for _ in self.arms[1:]]
        if self.policy == "cover":
            r.finites(1)
            self._read_regression(r, True, False)
            self._theta = [r.floats() for _ in range(self._size * len(self.arms))]

    def _read_regression(self, r: Reader, logistic: bool, window: bool) -> Full | Diagonal:
        size, lam = len(self._index), self._c["lambda"]
        if not self._full:
            return Diagonal(r, size, lam)
        out = Full(r, size, logistic, lam)
        for _ in range(_BLOCKS if window else 0):
            n = r.uvarint()
            r.finites(n * (n + 1) // 2 + n)
        return out

    def uniform(self, decision: bytes) -> float:
        """Return the number in [0, 1) by which the decision with that id is made."""
        return self._key.uniform(decision)

    @property
    def continuous(self) -> bool:
        """Whether the bandit chooses a number, see value."""
        return self._values is not None

    def value(self, event: Event) -> tuple[float, int, float]:
        """Return the number for an event with an id, the bin that it lies in, and its density; NaN when values are not finite."""
        assert self._values is not None
        picked, explore = self._pick(event), self._explore()
        if picked < 0:
            return 0.0, 0, math.nan
        v = self._values.draw(picked, self.uniform(event.id), self._key.place(event.id), explore)
        return v, self._values.bin(v), self._values.density(picked, v, explore)

    def baseline_value(self, number: str = "") -> tuple[float, int, float] | None:
        """Return the number that decisions fall back to, or the one named, the bin that it lies in and its density; None without one."""
        assert self._values is not None
        found = self._values.fixed(number or self._baseline)
        return None if found is None else (found[0], self._values.bin(found[0]), found[1])

    def _explore(self) -> float:
        return self._c["floor"] if self.events else 1.0

    def _pick(self, event: Event) -> int:
        return pick([n.theta for n in self._nodes], self._place(event, 0, ())[0])

    def distribution(self, event: Event, eligible: Sequence[bool] | None = None, actions: Sequence[Sequence[Feature]] = ()) -> list[float]:
        """Return the probability of each arm in the context of an event.

        eligible says which arms may be chosen, actions are the features of each
        arm. Arms that were removed or are off in price are never eligible. If no arm is eligible all probabilities are 0.
        """
        if self._values is not None:  # the arms are bins, which have no constraints
            picked = self._pick(event)
            return self._values.shares(picked, self._explore()) if picked >= 0 else [math.nan] * len(self.arms)
        chosen = self._rails.eligible(eligible)
        out = [0.0] * len(self.arms)
        if not chosen:
            return out
        p = self._rails.apply(self._distribute(event, chosen, actions), chosen)
        for a, v in zip(chosen, p):
            out[a] = v
        return out

    def _distribute(self, event: Event, chosen: list[int], actions: Sequence[Sequence[Feature]]) -> list[float]:
        """Return the probabilities of the eligible arms without constraints."""
        if self.policy in COUNTS:
            return self._by_counts(event, chosen)
        if self.policy in ("gradient", "reinforce"):
            x = self._place(event, 0, actions)[0] if self.policy == "reinforce" else [(0, 1.0)]
            return explore.softmax([max(-_MAX_WEIGHT, min(_MAX_WEIGHT, predict_sparse(self._theta[a], x))) for a in chosen], 1)
        if self.policy == "cover":
            return self._cover(event, chosen, actions)
        if self.policy in ("lints", "logistic"):
            return self._thompson(event, chosen, actions)
        if self.policy == "bag":
            shares = [0.0] * len(chosen)
            for b in range(self._size):
                for i, v in enumerate(explore.greedy(self._margins(event, chosen, actions, b)[0])):
                    shares[i] += v
            return explore.normalize(shares)
        return self._by_margins(event, chosen, actions)

    def _by_counts(self, event: Event, chosen: list[int]) -> list[float]:
        c, sums, policy = self._c, self._sums, self.policy
        if policy == "thompson":
            return best_of_betas([(c["prior_alpha"] + sums[a][1], c["prior_beta"] + max(0.0, sums[a][0] - sums[a][1])) for a in chosen])
        if policy == "ladder":
            return self._ladder(chosen)
        if policy == "normal":
            return self._normal_gamma(event, chosen)
        if policy == "exp3":
            return explore.exp3([sums[a][3] for a in chosen], c["gamma"])
        if policy == "exp3ix":
            eta = math.sqrt(log(float(len(chosen))) / (len(chosen) * float(self.events + 1)))
            return explore.softmax([-sums[a][3] for a in chosen], eta)
        total = 0.0
        for a in chosen:
            total += sums[a][0]
        if policy == "ucb1":
            return explore.greedy([explore.ucb1(sums[a][0], sums[a][1], total, c["alpha"]) for a in chosen])
        return explore.greedy([explore.kl_ucb(sums[a][0], sums[a][1], total) for a in chosen])

    def _ladder(self, chosen: list[int]) -> list[float]:
        """Return the share of draws of a falling demand in which each price earns most."""
        c, seed = self._c, self._key.seed(b"")
        order = sorted((a for a, arm in enumerate(self.table) if arm.status != "removed"), key=lambda a: self.table[a].price)
        posteriors = []
        for a in order:
            n, _, _, sales = self._sums[a]
            posteriors.append(bounded(c["prior_alpha"] + sales, c["prior_beta"] + max(0.0, n - sales)))
        weights, winners = [x + y for x, y in posteriors], []
        for m in range(self._draws):
            drawn = [beta_draw(stream(seed, 2 * a), stream(seed, 2 * a + 1), m, *posteriors[i]) for i, a in enumerate(order)]
            demand = dict(zip(order, falling(drawn, weights)))
            worth = [demand[a] * (self.table[a].price - c["cost"]) for a in chosen]
            winners.append(worth.index(max(worth)))
        return tally(winners, len(chosen))

    def _normal_gamma(self, event: Event, chosen: list[int]) -> list[float]:
        c, seed = self._c, self._key.seed(event.id)
        draws: list[list[float]] = []
        for a in chosen:
            n, s, q, _ = self._sums[a]
            kappa = c["prior_weight"] + n
            mean = s / n if n > 0 else 0.0
            spread, d = max(0.0, q - mean * s), mean - c["prior_mean"]
            alpha = c["prior_alpha"] + n / 2
            rate = c["prior_beta"] + (spread + c["prior_weight"] * n / kappa * (d * d)) / 2
            location = (c["prior_weight"] * c["prior_mean"] + s) / (c["prior_weight"] + n)
            scale, freedom, own = math.sqrt(rate / (alpha * kappa)), 2 * alpha, stream(seed, a)
            draws.append([location + scale * student_draw(own, m, freedom) for m in range(self._draws)])
        return tally(winners_of(draws, self._draws), len(chosen))

    def _by_margins(self, event: Event, chosen: list[int], actions: Sequence[Sequence[Feature]]) -> list[float]:
        c, k = self._c, len(chosen)
        z, sd = self._margins(event, chosen, actions, 0)
        if self.policy == "linucb":
            return explore.greedy([m + c["alpha"] * s for m, s in zip(z, sd)])
        if self.policy in ("regcb", "regcb_elimination"):
            width = math.sqrt(c["mellowness"] * log(float(k) * float(max(self.events, 1))))
            return explore.regcb(z, sd, width, self.policy == "regcb_elimination")
        if self.policy == "softmax":
            return explore.softmax(z, 1 / c["temperature"])
        if self.policy == "squarecb":
            gamma = c["gamma_scale"] * exp(c["gamma_exponent"] * log(float(self.events))) if self.events else 0.0
            return explore.square_cb(z, gamma)
        return explore.mix_uniform(explore.greedy(z), c["epsilon"])

    def _cover(self, event: Event, chosen: list[int], actions: Sequence[Sequence[Feature]]) -> list[float]:
        k, shares = len(self.arms), [0.0] * len(chosen)
        pairs, _ = self._place(event, 0, actions)
        x = scatter(pairs, len(self._index))
        expected = [self._prior + self._regressions[a].predict(pairs) for a in chosen]
        for i in range(self._size):
            thetas = [self._theta[i * k + a] for a in chosen]
            scores = [m + (dot(t, x) if self._full else predict_sparse(t, pairs)) for m, t in zip(expected, thetas)]
            for n, v in enumerate(explore.greedy(scores)):
                shares[n] += v
        n = float(len(chosen))
        least = min(1 / n, 1 / math.sqrt(n * float(max(self.events, 1))))
        return explore.floor(explore.normalize(shares), least * n, self._nounif)

    def _thompson(self, event: Event, chosen: list[int], actions: Sequence[Sequence[Feature]]) -> list[float]:
        seed, spread = self._key.seed(event.id), self._c["spread"]
        if self.features != "disjoint":
            return self._correlated(event, chosen, actions, seed)
        z, sd = self._margins(event, chosen, actions, 0)
        sd = [s * spread for s in sd]
        if self._draws == 0:
            return best_of_normals(z, sd) or explore.greedy(z)
        everyone: list[float | None] = [None] * len(self.arms)
        deviations = [0.0] * len(self.arms)
        for a, m, s in zip(chosen, z, sd):
            everyone[a], deviations[a] = m, s
        p = draw_best(seed, everyone, deviations, self._draws)
        return [p[a] for a in chosen]

    def _correlated(self, event: Event, chosen: list[int], actions: Sequence[Sequence[Feature]], seed: int) -> list[float]:
        """Draw the margins of arms that share a regression together, by their covariances."""
        white, own, z, drawn = [], [], [], []
        for a in chosen:
            pairs, unknown = self._place(event, a, actions)
            z.append(self._prior + self._regressions[0].predict(pairs))
            white.append(self._regressions[0].whiten(pairs))
            own.append(unknown / self._c["lambda"])
            drawn.append(normals(stream(seed, a), self._draws))
        factor, draws = cholesky(white, own), []
        for i in range(len(chosen)):
            mine = []
            for m in range(self._draws):
                d = 0.0
                for b in range(i + 1):
                    d += factor[i][b] * drawn[b][m]
                mine.append(z[i] + self._c["spread"] * d)
            draws.append(mine)
        return tally(winners_of(draws, self._draws), len(chosen))

    def _margins(self, event: Event, chosen: list[int], actions: Sequence[Sequence[Feature]], member: int) -> tuple[list[float], list[float]]:
        """Return margins and deviations of arms by a member."""
        z, sd = [], []
        for a in chosen:
            pairs, unknown = self._place(event, a, actions)
            regression = self._regressions[member if self._slots == 1 else member * self._slots + a]
            z.append(self._prior + regression.predict(pairs))
            sd.append(math.sqrt(regression.variance(pairs) + unknown / self._c["lambda"]))
        return z, sd

    def _place(self, event: Event, arm: int, actions: Sequence[Sequence[Feature]]) -> tuple[list[tuple[int, float]], float]:
        """Return the vector of an arm, and the squared norm of what has no coordinate."""
        assert self._scaler is not None
        context = [(f.hash, self._scaler.value(f)) for f in event.dense] + [(f.hash, f.value) for f in event.sparse]
        name = self._arm_hashes[arm]
        hybrid, crossed = self.features == "hybrid", self.features != "disjoint" and self._interactions
        named = [(0, 1.0)] * self._intercept + context
        if hybrid:
            named = [(_cross(name, h), v) for h, v in named]
        own = [(f.hash, f.value) for f in actions[arm]] if actions else [(name, 1.0)] * (self.features == "shared")
        for h, v in own:
            named.append((h, v))
            if crossed:
                named += [(_cross(h, g), w * v) for g, w in context]
        pairs, unknown = [], 0.0
        for h, v in named:
            i = self._index.get(h)
            if i is None:
                unknown += v * v
            else:
                pairs.append((i, v))
        return pairs, unknown


def _cross(a: int, b: int) -> int:
    """Name the product of two features."""
    h = a * 0x9E3779B97F4A7C15 & MASK ^ b
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & MASK
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return h ^ h >> 33
