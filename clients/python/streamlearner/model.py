"""Opens published parameters of whatever family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from .errors import CorruptError
from .event import Event
from .linear import Linear, open_linear
from .score import Score
from .wire import SGD, kind_of


class Scorer(Protocol):
    """A model that predicts the label of an event."""

    def score(self, event: Event) -> Score: ...


def open_model(parts: Sequence[bytes], before: Scorer | None = None, verified: bool = False) -> Scorer:
    """Read the parameters in parts: a whole model and the changes to it, or the changes to the model before."""
    if before is not None:
        return open_linear(parts, cast(Linear, before), verified)
    kind = kind_of(parts[0])
    if kind == SGD:
        return open_linear(parts, None, verified)
    raise CorruptError(f"an object of kind {kind} is no model that this client reads")
