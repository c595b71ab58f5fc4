"""Numbers from an interval: reads docs/format/bandit.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .regression import predict_sparse


@dataclass(frozen=True)
class Interval:
    """The interval of the numbers that may be chosen, in bins of equal width."""

    low: float
    high: float
    bandwidth: float
    bins: int

    def centre(self, i: int) -> float:
        """Return the middle of a bin."""
        return self.low + (self.high - self.low) * ((i + 0.5) / self.bins)

    def window(self, i: int) -> tuple[float, float]:
        """Return the ends of the window around the middle of a bin."""
        return self._around(self.centre(i))

    def _around(self, v: float) -> tuple[float, float]:
        return max(self.low, v - self.bandwidth), min(self.high, v + self.bandwidth)

    def fixed(self, text: str) -> tuple[float, float] | None:
        """Return a number that is chosen without a draw, and the density that it is logged with; None when text is none of the interval."""
        try:
            v = float(text)
        except ValueError:
            return None
        if "_" in text or text != text.strip() or not self.low <= v <= self.high:
            return None
        low, high = self._around(v)
        return v, 1 / (high - low)

    def bin(self, v: float) -> int:
        """Return the bin of a number."""
        return max(0, min(self.bins - 1, int((v - self.low) / (self.high - self.low) * self.bins)))

    def density(self, picked: int, v: float, explore: float) -> float:
        """Return the density of a number when the tree has picked a bin."""
        d = explore / (self.high - self.low)
        low, high = self.window(picked)
        return d + (1 - explore) / (high - low) if low <= v <= high else d

    def draw(self, picked: int, u: float, v: float, explore: float) -> float:
        """Return the number that u, whether to explore, and v, the place, select."""
        low, high = (self.low, self.high) if u < explore else self.window(picked)
        return min(high, low + (high - low) * v)

    def shares(self, picked: int, explore: float) -> list[float]:
        """Return the probability that the number lies in each bin."""
        low, high = self.window(picked)
        half, out = (self.high - self.low) / self.bins / 2, []
        for i in range(self.bins):
            c = self.centre(i)
            inside = max(0.0, min(high, c + half) - max(low, c - half))
            out.append(explore / self.bins + (1 - explore) * inside / (high - low))
        return out


def pick(nodes: Sequence[Sequence[float]], x: list[tuple[int, float]]) -> int:
    """Return the bin that a tree picks; below 0 when x is not finite."""
    low, high = 0, len(nodes) + 1
    while high - low > 1:
        middle = low + (high - low + 1) // 2
        z = predict_sparse(nodes[middle - 1], x)
        if math.isnan(z):
            return -1
        if z > 0:
            low = middle
        else:
            high = middle
    return low
