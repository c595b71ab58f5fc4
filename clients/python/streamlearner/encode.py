"""Encodings around a model: reads docs/format/encode.md and scores as it says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TypeVar

from .errors import CorruptError
from .event import Category, Event, Feature
from .linear import Linear
from .portable import exp, log1p
from .score import Score, Scorer
from .wire import ENCODE, Reader, open_envelope

VERSION = 1

_SKETCH_MASK = (1 << 20) - 1

_T = TypeVar("_T")

# A cell: weight, mean label, and the events since it was met.
_Cell = tuple[float, float, int]


class Encoded:
    """A model with the encodings of its features. It never changes, so threads may share it."""

    def __init__(self, data: bytes, open_inner: Callable[[bytes], Scorer], verified: bool = False) -> None:
        r = open_envelope(data, ENCODE, VERSION, verified)
        self._prior, half_life = r.finites(2)
        self._rate = math.log(2) / half_life if half_life > 0 else 0.0
        bits, self._min_count, expire_after = r.uvarint(), r.uvarint(), r.uvarint()
        if bits > 30 or self._min_count > 255:
            raise CorruptError(f"{bits} bits, min count {self._min_count}")
        r.uvarint()
        self._mask = (1 << bits) - 1
        self._cells: dict[int, _Cell] = {}
        self._overall = 0.0
        if bits:
            r.uvarint()
            self._overall = _read_cell(r)[1]
            self._cells = _read_steps(r, 18, _read_cell)
        self._counters = _read_steps(r, 2, Reader.byte) if self._min_count else {}
        self._recent: set[int] = set()
        if expire_after:
            for _ in range(r.count(9)):
                self._recent.add(r.u64())
                r.uvarint()
        self._encodes = bool(bits)
        self.inner = open_inner(r.rest())
        self.events = self.inner.events
        inner_bits = self.inner.plan.bits if isinstance(self.inner, Linear) else 0
        self._key_mask = (1 << (inner_bits or 64)) - 1

    def score(self, event: Event) -> Score:
        """Score an event."""
        dense, sparse = event.dense, event.sparse
        if self._encodes:
            dense = dense + self._encode(event.categories)
        if self._min_count:
            sparse = [f for f in sparse if self._admits(f.hash)]
        return self.inner.score(Event(dense, sparse))

    def _admits(self, h: int) -> bool:
        """Whether a feature came often enough, or has a weight that did not expire."""
        get = self._counters.get
        if min(get(h & _SKETCH_MASK, 0), get(h >> 32 & _SKETCH_MASK, 0)) >= self._min_count - 1:
            return True
        return h & self._key_mask in self._recent

    def _encode(self, categories: list[Category]) -> list[Feature]:
        """Return the numeric features of the categories, of which those of one field stand side by side."""
        out = []
        for field, group in itertools.groupby(categories, key=lambda c: c.field):
            mean = count = 0.0
            several = list(group)
            for c in several:
                weight, label, ago = self._cells.get(c.hash & self._mask, (0.0, 0.0, 0))
                n = weight * exp(-(self._rate * ago)) if self._rate and ago else weight
                count += log1p(n)
                mean += self._overall
                if n + self._prior > 0:
                    mean += (label - self._overall) * (n / (n + self._prior))
            if several[0].mean:
                out.append(Feature(several[0].mean, mean / len(several), field))
            if several[0].count:
                out.append(Feature(several[0].count, count / len(several), field))
        return out


def _read_cell(r: Reader) -> _Cell:
    weight, mean = r.finites(2)
    return weight, mean, r.uvarint()


def _read_steps(r: Reader, size: int, read: Callable[[Reader], _T]) -> dict[int, _T]:
    """Read values by ascending places, of which the steps are stored."""
    out: dict[int, _T] = {}
    at = -1
    for _ in range(r.count(size)):
        step = r.uvarint()
        if step == 0:
            raise CorruptError("a place twice")
        at += step
        out[at] = read(r)
    return out
