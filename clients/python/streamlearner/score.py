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


@dataclass(frozen=True)
class Choice:
    """An arm that a bandit chose.

    The event that reports its reward must carry the arm and the probability with
    which it was chosen, or nothing can be learned from it.
    """

    arm: int  # index
    name: str
    probability: float


class Scorer(Protocol):
    """A model that predicts the label of an event."""

    events: int  # learned

    def score(self, event: Event) -> Score: ...
