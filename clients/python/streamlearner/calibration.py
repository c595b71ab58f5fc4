"""The maps of margins to probabilities: docs/format/sgd.md, scoring."""

from __future__ import annotations

from typing import Protocol

from .portable import sigmoid
from .wire import Reader

_MAX_MARGIN = 30.0
_BINS = 256


class Map(Protocol):
    """A map of margins to probabilities."""

    def probability(self, z: float) -> float: ...


def _limit(z: float) -> float:
    return max(-_MAX_MARGIN, min(_MAX_MARGIN, z))


class Platt:
    """A logistic function with a slope and an offset of its own."""

    def __init__(self, r: Reader) -> None:
        self.a, self.b = r.finites(2)
        r.finites(3)

    def probability(self, z: float) -> float:
        return sigmoid(_limit(self.a * _limit(z) + self.b))


class Isotonic:
    """A table that never falls, between whose entries it interpolates."""

    def __init__(self, r: Reader) -> None:
        r.uvarint()
        self.table = r.finites(_BINS)
        r.finites(2 * _BINS)

    def probability(self, z: float) -> float:
        z = _limit(z)
        at = (z / (abs(z) + 2) + 1) * (_BINS / 2) - 0.5
        if at != at:
            return at
        i = int(max(0.0, min(_BINS - 2.0, at)))
        part = max(0.0, min(1.0, at - i))
        return self.table[i] + part * (self.table[i + 1] - self.table[i])


def read(r: Reader, method: int, rows: int) -> list[Map]:
    """Read the map of each row; none without calibration."""
    if method == 0:
        return []
    make = Platt if method == 1 else Isotonic
    return [make(r) for _ in range(rows)]
