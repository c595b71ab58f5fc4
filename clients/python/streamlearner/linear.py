"""Linear models: reads docs/format/sgd.md and scores as it says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from . import calibration
from .errors import CorruptError
from .event import Event
from .portable import exp
from .scaling import Frame, Labels, Scaler
from .score import Score
from .wire import SGD, SGD_CHANGE, Reader, kind_of, open_envelope

VERSION = 3

LOSSES = ("logistic", "squared", "hinge", "quantile", "huber", "poisson")
OPTIMIZERS = ("nag", "sgd", "adagrad", "adam", "ftrl", "coin", "arow", "scw", "rls", "auto")
CALIBRATIONS = ("none", "platt", "isotonic")
COMPATS = ("", "vw", "river")
SEVERAL = ("ova", "softmax", "multilabel", "csoaa")

_MAX_MARGIN = 700.0
_FLOATS = {"nag": 3, "sgd": 1, "adagrad": 2, "adam": 3, "ftrl": 3, "coin": 6, "arow": 2, "scw": 2, "rls": 3, "auto": 7}


class Plan(NamedTuple):
    """The settings that the model was learned with."""

    loss: str
    optimizer: str
    calibrate: str
    bits: int
    classes: int
    standardize: bool
    scale_label: bool
    compat: str
    several: str
    rate: float
    l1: float
    l2: float
    clip: float
    threshold: float  # the probability from which the decision of two classes is positive

    @property
    def floats(self) -> int:
        """How many numbers are stored of a feature in each row."""
        if (self.l1 > 0 or self.l2 > 0) and self.optimizer in ("nag", "sgd", "adagrad"):
            return 6
        return _FLOATS[self.optimizer]

    @property
    def kept(self) -> tuple[int, ...]:
        """Which of these numbers scoring needs."""
        return {"auto": (0, 3, 5), "coin": (0, 1, 2, 3, 4, 5)}.get(self.optimizer, (0,))


class Row(NamedTuple):
    """The state of one linear score."""

    norm_sum: float
    norm_weight: float
    served: int


def _read_plan(r: Reader) -> Plan:
    try:
        loss, optimizer, _, method = LOSSES[r.byte()], OPTIMIZERS[r.byte()], r.byte(), CALIBRATIONS[r.byte()]
        bits, classes = r.uvarint(), r.uvarint()
        standardize, scale_label, compat, several = r.bool(), r.bool(), COMPATS[r.byte()], SEVERAL[r.byte()]
    except IndexError:
        raise CorruptError("a loss, optimizer, calibration or convention that this client does not know") from None
    numbers = r.finites(17)
    rate, l1, l2, clip, positive, negative = (numbers[i] for i in (2, 7, 8, 10, 15, 16))
    if bits > 30 or classes == 1 or classes > 1024 or positive + negative <= 0:
        raise CorruptError(f"{bits} bits, {classes} classes, costs {positive} and {negative}")
    return Plan(loss, optimizer, method, bits, classes, standardize, scale_label, compat, several if classes else "",
                rate, l1, l2, clip, positive / (positive + negative))


class Linear:
    """A published linear model. It never changes, so threads may share it."""

    def __init__(self, data: bytes, verified: bool = False, before: Linear | None = None) -> None:
        kind = SGD if before is None else SGD_CHANGE
        r = open_envelope(data, kind, VERSION, verified)
        p = self.plan = _read_plan(r)
        if before is not None and before.plan[:9] != p[:9]:
            raise CorruptError("a change of a model with other settings")
        self.events = r.uvarint()
        r.finites(2)
        self.labels = Labels.read(r)
        self.scaler = Scaler(r, p.standardize, p.clip)
        self.rows = [self._read_row(r) for _ in range(max(1, p.classes))]
        self.calibration = calibration.read(r, CALIBRATIONS.index(p.calibrate), len(self.rows))
        self.weights: dict[int, tuple[float, ...]] = dict(before.weights) if before is not None else {}
        self._read_features(r)
        self._zero = (0.0,) * (len(p.kept) * len(self.rows))
        self._home = self.weights.get(0 if p.bits == 0 else 1 << p.bits, self._zero)
        self._mask = (1 << p.bits) - 1 if p.bits else (1 << 64) - 1
        self._frame = self._make_frame()

    def _read_row(self, r: Reader) -> Row:
        total, weight = r.finites(2)
        served = 0
        if self.plan.optimizer == "auto":
            served = r.byte()
            r.finites(3)
            if served > 2:
                raise CorruptError(f"member {served} of 3 is served")
        return Row(total, weight, served)

    def _read_features(self, r: Reader) -> None:
        p, weights = self.plan, self.weights
        floats, rows = p.floats, len(self.rows)
        keep = [k * floats + i for k in range(rows) for i in p.kept]
        everything = len(keep) == floats * rows
        key = -1
        count = r.count(1 + 8 * floats * rows)
        for _ in range(count):
            if p.bits:
                step = r.uvarint()
                key += step
                if step == 0 or key > 1 << p.bits:
                    raise CorruptError(f"feature {key} of {1 << p.bits}")
            else:
                key = r.u64()
            numbers = r.finites(floats * rows)
            weights[key] = numbers if everything else tuple(numbers[i] for i in keep)
        if p.optimizer == "rls":
            r.finites(count * (count + 1) // 2)
        r.close()

    def _make_frame(self) -> Frame:
        p = self.plan
        if p.loss == "logistic":
            return Frame(lowest=-50.0, highest=50.0) if p.compat == "vw" else Frame()
        if p.loss == "poisson":
            return Frame(lowest=-30.0, highest=30.0)
        if p.loss == "hinge":
            return Frame()
        if p.compat == "vw":  # the range starts as [0, 0]
            return Frame(lowest=min(0.0, self.labels.lowest), highest=max(0.0, self.labels.highest))
        return self.labels.frame() if p.scale_label else Frame()

    @property
    def classifies(self) -> bool:
        """Whether the label is one class."""
        if self.plan.classes:
            return self.plan.several != "multilabel"
        return self.plan.loss in ("logistic", "hinge")

    def score(self, event: Event) -> Score:
        """Score an event."""
        if self.plan.classes:
            return self._score_classes(event)
        prediction, margin = self._predict(self._linear(self._values(event), 0))
        if self.calibration:
            prediction = self.calibration[0].probability(margin)
        if not self.classifies:
            return Score(prediction)
        return Score(prediction, int(prediction >= self.plan.threshold))

    def _values(self, event: Event) -> list[tuple[float, tuple[float, ...]]]:
        """Return the value and the numbers of each feature, the intercept first."""
        get, mask, zero = self.weights.get, self._mask, self._zero
        out = [(1.0, self._home)]
        out += [(self.scaler.value(f), get(f.hash & mask, zero)) for f in event.dense]
        out += [(f.value, get(f.hash & mask, zero)) for f in event.sparse]
        return out

    def _linear(self, values: Sequence[tuple[float, tuple[float, ...]]], k: int) -> float:
        """Return the linear score of row k, added up in the order of the features."""
        row = self.rows[k]
        if self.plan.optimizer == "coin":
            z = 0.0
            for x, v in values:
                z += x * self._coin_weight(v[6 * k:6 * k + 6], abs(x))
            return z / ((row.norm_sum + 1e-6) / row.norm_weight if row.norm_weight else 1.0)
        at = k * len(self.plan.kept) + row.served
        z = values[0][1][at]
        for x, v in values[1:]:
            z += x * v[at]
        return z

    def _coin_weight(self, v: Sequence[float], ax: float) -> float:
        """Return the weight for a feature of magnitude ax, which counts towards the largest."""
        w, gradients, largest, theta, bound, wealth = v
        if ax <= largest:
            return w
        lm = bound * ax
        if not lm > 1e-50:
            return 0.0
        return (self.plan.rate + wealth) / (lm * (lm + gradients)) * theta

    def _predict(self, z: float) -> tuple[float, float]:
        """Return the prediction and the margin for a linear score."""
        loss, f = self.plan.loss, self._frame
        if loss in ("logistic", "hinge"):
            margin = max(f.lowest, min(f.highest, z))
            t = exp(-min(abs(margin), _MAX_MARGIN))
            large = 1 / (1 + t)
            return (large if margin >= 0 else t * large), margin
        if loss == "poisson":
            margin = max(f.lowest, min(f.highest, z))
            return exp(margin), margin
        return f.predict(z)

    def _score_classes(self, event: Event) -> Score:
        p, values = self.plan, self._values(event)
        best = margin = -math.inf
        chosen, out = 0, []
        for k in range(p.classes):
            probability, z, said = self._score_row(values, k)
            if said > best or said == best and z > margin:
                best, margin, chosen = said, z, k
            out.append(probability)
        if p.several == "multilabel":
            return Score(float(sum(q >= 0.5 for q in out)), None, tuple(out))
        if p.several == "softmax":
            out = _softmax(out)
        elif p.several == "ova":
            total = 0.0
            for q in out:
                total += q
            out = [q / total for q in out]
        return Score(float(chosen), chosen, tuple(out), costs=p.several == "csoaa")

    def _score_row(self, values: Sequence[tuple[float, tuple[float, ...]]], k: int) -> tuple[float, float, float]:
        """Return the probability of a class (softmax: its score, csoaa: its cost), the margin, and how much speaks for it."""
        z = self._linear(values, k)
        if self.plan.several == "softmax":
            return z, z, z
        probability, margin = self._predict(z)
        if self.plan.several == "csoaa":
            return probability, margin, -margin
        if self.calibration:
            probability = self.calibration[k].probability(margin)
            return probability, margin, probability
        return probability, margin, margin


def _softmax(scores: list[float]) -> list[float]:
    top, total, out = max(scores), 0.0, []
    for z in scores:
        out.append(exp(max(-_MAX_MARGIN, z - top)))
        total += out[-1]
    return [e / total for e in out]


def open_linear(parts: Sequence[bytes], before: Linear | None = None, verified: bool = False) -> Linear:
    """Read a model and the changes to it; before is the model that the first change is made to."""
    model = before
    for data in parts:
        model = Linear(data, verified, model if kind_of(data) == SGD_CHANGE else None)
    if model is None:
        raise CorruptError("no part of a model")
    return model
