"""What a model says of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .event import Event


@dataclass(frozen=True)
class Score:
    """The prediction of a model of labels.

    prediction is on the scale of the label: a probability for a model of two
    classes; the index of the class for one of several; the number of labels for
    one of sets of labels. decision is the class that a model of classes decides
    for, by the costs that its owner has set, else None. probabilities has one
    of each class of several; with costs True it has the cost of each.
    """

    prediction: float
    decision: int | None = None
    probabilities: tuple[float, ...] = ()
    costs: bool = False


class Scorer(Protocol):
    """A model that predicts the label of an event."""

    events: int  # learned

    def score(self, event: Event) -> Score: ...
