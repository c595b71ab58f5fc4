"""Models of pairs of features: reads docs/format/factor.md and scores as it says."""

from __future__ import annotations

from typing import NamedTuple

from .errors import CorruptError
from .event import Event
from .portable import sigmoid
from .scaling import Frame, Labels, Scaler
from .score import Score
from .wire import FACTOR, MASK, Reader, open_envelope, xxh64

VERSION = 1

_GOLDEN_RATIO = 0x9E3779B97F4A7C15


class _Active(NamedTuple):
    """A feature with a value other than 0."""

    x: float
    hash: int
    field: int


class Factor:
    """A published factorization model. It never changes, so threads may share it."""

    def __init__(self, data: bytes, verified: bool = False) -> None:
        r = open_envelope(data, FACTOR, VERSION, verified)
        self.model, self.loss, optimizer, user, item = (r.str() for _ in range(5))
        self.k, self.bits = r.uvarint(), r.uvarint()
        self._seed = r.varint() & MASK
        standardize, scale_label = r.bool(), r.bool()
        numbers = r.finites(10)
        self._init, clip = numbers[6], numbers[8]
        if self.model not in ("fm", "ffm", "mf") or self.loss not in ("logistic", "squared") or not 1 <= self.bits <= 32 or not self.k:
            raise CorruptError(f"model {self.model!r}, loss {self.loss!r}, {self.bits} bits, {self.k} factors")
        self._user, self._item = xxh64(user.encode()) & 0xFFFFFFFF, xxh64(item.encode()) & 0xFFFFFFFF
        self.events = r.uvarint()
        r.finites(3)
        labels = Labels.read(r)
        self._frame = labels.frame() if scale_label and self.loss == "squared" else Frame()
        self.scaler = Scaler(r, standardize, clip)
        stride = 3 if optimizer == "ftrl" else 2
        self._intercept = r.finites(stride)[0]
        self._linear = {key: row[0] for key, row in self._rows(r, stride, 1).items()}
        self._factors = self._rows(r, 2 * self.k, self.k)
        self._mask = (1 << self.bits) - 1
        r.close()

    def _rows(self, r: Reader, stride: int, keep: int) -> dict[int, tuple[float, ...]]:
        """Read a table, and keep the first numbers of each row."""
        out, key = {}, -1
        for _ in range(r.count(1 + 8 * stride)):
            step = r.uvarint()
            key += step
            if step == 0 or key >= 1 << self.bits:
                raise CorruptError(f"row {key} of {1 << self.bits}")
            out[key] = r.finites(stride)[:keep]
        return out

    def score(self, event: Event) -> Score:
        """Score an event."""
        active = [_Active(x, f.hash, f.field) for f in event.dense if (x := self.scaler.value(f)) != 0]
        active += [_Active(f.value, f.hash, f.field) for f in event.sparse if f.value != 0]
        z = self._intercept
        for a in active:
            w = self._linear.get(a.hash & self._mask)
            if w is not None:
                z += a.x * w
        z += {"fm": self._fm, "ffm": self._ffm, "mf": self._mf}[self.model](active)
        if self.loss == "logistic":
            return Score(sigmoid(z))
        return Score(self._frame.predict(z)[0])

    def _of(self, key: int) -> tuple[float, ...] | list[float]:
        """Return the factors of a row, which are drawn from its key as long as it was not learned."""
        row = self._factors.get(key)
        if row is not None:
            return row
        h = _mix(self._seed * _GOLDEN_RATIO & MASK ^ key)
        out = []
        for _ in range(self.k):
            h = h + _GOLDEN_RATIO & MASK
            v = _mix(h)
            signed = v - (1 << 64) if v >> 63 else v
            out.append(self._init * ((signed >> 10) * 2.0**-53))
        return out

    def _fm(self, active: list[_Active]) -> float:
        total, squares = [0.0] * self.k, [0.0] * self.k
        for a in active:
            for f, v in enumerate(self._of(a.hash & self._mask)):
                vx = v * a.x
                total[f] += vx
                squares[f] += vx * vx
        z = 0.0
        for s, q in zip(total, squares):
            z += s * s - q
        return z / 2

    def _ffm(self, active: list[_Active]) -> float:
        z = 0.0
        for i, a in enumerate(active):
            for b in active[i + 1:]:
                dot = _dot(self._of(self._pair_key(a.hash, b.field)), self._of(self._pair_key(b.hash, a.field)))
                z += a.x * b.x * dot
        return z

    def _pair_key(self, h: int, field: int) -> int:
        """Return the row of a feature against a field."""
        return _mix(h ^ (field + 1) * _GOLDEN_RATIO & MASK) & self._mask

    def _mf(self, active: list[_Active]) -> float:
        user, item = [0.0] * self.k, [0.0] * self.k
        for a in active:
            if a.field not in (self._user, self._item):
                continue
            side = user if a.field == self._user else item
            for f, v in enumerate(self._of(a.hash & self._mask)):
                side[f] += v * a.x
        return _dot(user, item)


def _dot(a: list[float] | tuple[float, ...], b: list[float] | tuple[float, ...]) -> float:
    z = 0.0
    for v, u in zip(a, b):
        z += v * u
    return z


def _mix(h: int) -> int:
    """The finaliser of SplitMix64."""
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
    h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
    return h ^ h >> 31
