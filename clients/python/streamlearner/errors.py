"""The errors of this package. All are StreamlearnerError."""

from __future__ import annotations


class StreamlearnerError(Exception):
    """What every error of this package is."""


class CorruptError(StreamlearnerError):
    """Stored bytes are damaged, or of a format that this client does not read."""


class NoModelError(StreamlearnerError):
    """Nothing has been published yet for the partition of the event."""


class NoKeyError(StreamlearnerError):
    """The event has no key, so its partition is not known."""


class SchemaError(StreamlearnerError):
    """The published schema cannot be used: a newer version wrote it, or it is not of JSON records."""


class KindError(StreamlearnerError):
    """The model is of another family than the call is for."""


class NoArmError(StreamlearnerError):
    """No arm can be chosen, or not the baseline that was to be."""


class RedisError(StreamlearnerError):
    """Redis answered with an error, or not at all."""


class RejectionError(StreamlearnerError, ValueError):
    """The event is refused. reason is the name that the learner counts it under."""

    def __init__(self, reason: str, detail: str, field: str = "") -> None:
        self.reason, self.field, self.detail = reason, field, detail
        super().__init__(f'{reason}: field "{field}": {detail}' if field else f"{reason}: {detail}")
