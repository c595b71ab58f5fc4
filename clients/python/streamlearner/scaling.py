"""How numeric fields and labels are standardised: docs/format/sgd.md and factor.md."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

from .errors import CorruptError
from .event import Feature
from .wire import Reader


class Scaler:
    """The statistics of the numeric fields, as far as scoring needs them."""

    def __init__(self, r: Reader, standardize: bool, clip: float) -> None:
        self.standardize, self.clip = standardize, clip
        self.fields: dict[int, tuple[float, float]] = {}  # mean and 1/deviation by hash
        for _ in range(r.count(8 + 4 * 8 + 1)):
            h = r.u64()
            weight, mean, m2, _ = r.finites(4)
            r.uvarint()
            if min(weight, m2) < 0:
                raise CorruptError(f"a field of weight {weight} and M2 {m2}")
            self.fields[h] = mean, _inverse(weight, m2)

    def value(self, f: Feature) -> float:
        """Return a numeric feature as the model sees it."""
        if not self.standardize:
            return f.value
        mean, inverse = self.fields.get(f.hash, (0.0, 0.0))
        x = (f.value - mean) * inverse
        if self.clip > 0:
            if x > self.clip:
                return self.clip
            if x < -self.clip:
                return -self.clip
        return x


def _inverse(weight: float, m2: float) -> float:
    """Return 1 over the deviation, 0 for a field that was constant."""
    if m2 == 0:
        return 0.0
    inverse = math.sqrt(weight / m2)
    return inverse if inverse <= sys.float_info.max else 0.0


class Labels(NamedTuple):
    """The statistics of the labels."""

    weight: float
    mean: float
    m2: float
    lowest: float
    highest: float
    largest: float

    @classmethod
    def read(cls, r: Reader) -> Labels:
        labels = cls(*r.finites(6))
        if min(labels.weight, labels.m2) < 0:
            raise CorruptError(f"{labels}")
        return labels

    def frame(self) -> Frame:
        """Return the frame in which scores are deviations from the mean of the labels."""
        if self.weight == 0:
            return Frame(self.mean, 0.0, -math.inf, math.inf)
        return Frame(self.mean, math.sqrt(self.m2 / self.weight), self.lowest, self.highest)


class Frame(NamedTuple):
    """Turns a score into a prediction."""

    mean: float = 0.0
    deviation: float = 1.0
    lowest: float = -math.inf
    highest: float = math.inf

    def predict(self, z: float) -> tuple[float, float]:
        """Return the prediction for the score z, and the same before it is clipped."""
        margin = self.mean + self.deviation * z
        return max(self.lowest, min(self.highest, margin)), margin
