"""Scores events with the models that streamlearner publishes to Redis.

    with streamlearner.Model.load("redis://localhost:6379", "fraud") as model:
        model.watch()
        answer = model.score({"card": "4711", "amount": 120.5, "country": "DE"})

The score is the same float that the learner and its Go client compute. Nothing
but the standard library is needed.
"""

from .bandit import Bandit
from .client import Answer, Model
from .decision import Decision, Request, Version
from .errors import (
    CorruptError,
    KindError,
    NoArmError,
    NoKeyError,
    NoModelError,
    RedisError,
    RejectionError,
    SchemaError,
    StreamlearnerError,
)
from .event import Decoder, Event
from .model import open_model
from .partition import partition_of
from .redis import Address
from .schema import Schema
from .score import Score

__all__ = [
    "Address", "Answer", "Bandit", "CorruptError", "Decision", "Decoder", "Event", "KindError", "Model", "NoArmError", "NoKeyError",
    "NoModelError", "RedisError", "RejectionError", "Request", "Schema", "SchemaError", "Score", "StreamlearnerError", "Version",
    "open_model", "partition_of",
]
