"""Opens published parameters of whatever family."""

from __future__ import annotations

from collections.abc import Sequence

from .bandit import Bandit
from .encode import Encoded
from .errors import CorruptError
from .factor import Factor
from .linear import Linear, open_linear
from .score import Scorer
from .wire import BANDIT, ENCODE, FACTOR, SGD, kind_of


def open_model(parts: Sequence[bytes], before: Scorer | Bandit | None = None, verified: bool = False) -> Scorer | Bandit:
    """Read the parameters in parts: a whole model and the changes to it, or the changes to the model before.

    verified says that their SHA-256 was compared.
    """
    kind = kind_of(parts[0])
    if before is not None or kind == SGD:
        if before is not None and not isinstance(before, Linear):
            raise CorruptError("changes to a kind of model that knows none")
        return open_linear(parts, before, verified)
    if len(parts) > 1:
        raise CorruptError(f"changes to an object of kind {kind}, which knows none")
    if kind == FACTOR:
        return Factor(parts[0], verified)
    if kind == BANDIT:
        return Bandit(parts[0], verified)
    if kind == ENCODE:
        return Encoded(parts[0], lambda data: _open_inner(data, verified), verified)
    raise CorruptError(f"an object of kind {kind} is no model that this client reads")


def _open_inner(data: bytes, verified: bool) -> Scorer:
    """Read the model behind encodings."""
    if kind_of(data) not in (SGD, FACTOR):
        raise CorruptError(f"an object of kind {kind_of(data)} has no encodings")
    model = open_model([data], None, verified)
    assert not isinstance(model, Bandit)
    return model
