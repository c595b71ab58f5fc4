"""Constraints of distributions: docs/format/bandit.md, constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import explore
from .portable import log

STATUSES = ("active", "new", "draining", "removed")


@dataclass(frozen=True)
class Arm:
    """What a bandit knows of an arm besides its statistics."""

    name: str
    status: str  # one of STATUSES
    cap: float  # largest probability; 1 for none
    price: float  # 0 for none
    events: int  # learned since it was added
    reward: float  # sum of their rewards
    until: int  # event time, milliseconds since 1970. draining: rewards up to it are learned; else what was learned up to it has gone


@dataclass(frozen=True)
class Rails:
    """The constraints that every distribution keeps."""

    arms: Sequence[Arm]
    baseline: int  # -1 for none
    floor: float
    baseline_floor: float
    price_step: float
    price_floor: float
    new_share: float
    conservative: float
    rewards: tuple[float, float]  # least and largest

    def eligible(self, allowed: Sequence[bool] | None) -> list[int]:
        """Return the arms that may be chosen of those that the caller allows."""
        chosen = [a for a in range(len(self.arms)) if self.open(a) and (allowed is None or a < len(allowed) and allowed[a])]
        if self.baseline in chosen and self._holds_back():
            return [self.baseline]
        return chosen

    def _holds_back(self) -> bool:
        """Report whether the rule of conservative bandits leaves the baseline alone."""
        if self.conservative == 0:
            return False
        n, earned, low, high, own = 0.0, 0.0, 0.0, 1.0, 0.0
        least, largest = self.rewards
        for i, a in enumerate(self.arms):
            events = float(a.events)
            n += events
            if events == 0:
                continue
            mean = (a.reward / events - least) / (largest - least)
            r = 0.85 * math.sqrt((log(log(2 * events)) + 0.72 * log(10.4 * len(self.arms) / 0.05)) / events)
            if i == self.baseline:
                own, low, high = events, max(0.0, mean - r), min(1.0, mean + r)
            else:
                earned += events * max(0.0, mean - r)
        surplus = own - (1 - self.conservative) * (n + 1)
        return earned + surplus * (low if surplus >= 0 else high) < 0

    def open(self, arm: int) -> bool:
        """Report whether decisions may choose the arm."""
        a = self.arms[arm]
        if a.status not in ("active", "new"):
            return False
        if a.price == 0:
            return True
        if a.price < self.price_floor:
            return False
        if self.price_step == 0 or self.baseline < 0:
            return True
        now = self.arms[self.baseline].price
        return now * (1 - self.price_step) <= a.price <= now * (1 + self.price_step)

    def apply(self, p: Sequence[float], chosen: Sequence[int]) -> list[float]:
        """Return the probabilities of the eligible arms, which are chosen, under the constraints."""
        if self._plain():
            return explore.floor(p, self.floor, False)
        caps = [self.arms[a].cap for a in chosen]
        total = 0.0
        for c in caps:
            total += c
        raised = 1 / total if total < 1 else 1.0
        caps = [min(1.0, raised * c) for c in caps]
        out = self._keep_baseline(_cut(p, caps), chosen, caps)
        return self._explore(out, chosen, caps)

    def _plain(self) -> bool:
        """Report whether there is no constraint but the floor."""
        may = [a for i, a in enumerate(self.arms) if self.open(i)]
        fresh = self.new_share > 0 and any(a.status == "new" for a in may)
        return not fresh and all(a.cap == 1 for a in may) and (self.baseline < 0 or self.baseline_floor == 0)

    def _keep_baseline(self, p: list[float], chosen: Sequence[int], caps: Sequence[float]) -> list[float]:
        if self.baseline_floor == 0 or self.baseline not in chosen:
            return p
        b = chosen.index(self.baseline)
        least = min(self.baseline_floor, caps[b])
        if p[b] >= least:
            return p
        others = (1 - least) / (1 - p[b])
        p = [v * others for v in p]
        p[b] = least
        return p

    def _explore(self, p: list[float], chosen: Sequence[int], caps: Sequence[float]) -> list[float]:
        bottom = []
        for a, cap in zip(chosen, caps):
            least = self.floor / len(chosen)
            if self.arms[a].status == "new":
                least = max(least, self.new_share)
            if a == self.baseline:
                least = max(least, self.baseline_floor)
            bottom.append(min(least, cap))
        t, raised = 0.0, -1
        while True:
            total, held, n = 0.0, 0.0, 0
            for v, least in zip(p, bottom):
                if v - t > least:
                    total += v
                    n += 1
                else:
                    held += least
            if n == 0 or len(p) - n <= raised:
                break
            raised = len(p) - n
            t = max(0.0, (total - (1 - held)) / n)
        return [max(least, v - t) for v, least in zip(p, bottom)]


def _cut(p: Sequence[float], caps: Sequence[float]) -> list[float]:
    """Cut p off at the caps; the others share what is left in proportion, or evenly if they have nothing."""
    s = 1.0
    while True:
        at_caps, free = 0.0, 0.0
        for v, cap in zip(p, caps):
            if v > 0 and s * v >= cap:
                at_caps += cap
            else:
                free += v
        rest = 1 - at_caps
        if free == 0:
            break
        following, rest = rest / free, 0.0
        if not following > s:
            break
        s = following
    out = [min(cap, s * v) if v > 0 else 0.0 for v, cap in zip(p, caps)]
    if rest > 0:
        _spread(out, caps, rest)
    return out


def _spread(p: list[float], caps: Sequence[float], rest: float) -> None:
    """Deal rest out evenly to what is 0, up to the caps."""
    empty, level = [i for i, v in enumerate(p) if v == 0], 0.0
    while True:
        left, n = rest, 0
        for i in empty:
            if caps[i] <= level:
                left -= caps[i]
            else:
                n += 1
        if n == 0 or left / n <= level:
            break
        level = left / n
    for i in empty:
        p[i] = min(caps[i], level)
