"""Decisions of bandits: the record that is decided on, the choice, and what is logged. See docs/decisions.md."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .bandit import Bandit
from .errors import NoArmError, RejectionError, SchemaError
from .event import Decoder, Event
from .explore import choose
from .record import parse
from .schema import Schema

ONLINE, SHADOW, BASELINE = "online", "shadow", "baseline"
MODES = (ONLINE, SHADOW, BASELINE)


@dataclass(frozen=True)
class Version:
    """Which version was asked. Log it with what is done."""

    number: int
    partition: int
    age: float  # seconds since the last record that it has learned
    mode: str  # of the learner: learning, frozen, recovering, or held
    stale: bool  # age is above what the owner of the model allows


@dataclass(frozen=True)
class Request:
    """What a decision is asked for.

    id makes the draw and joins the reward. context is a JSON object, as text or
    as a mapping; actions an array of objects, one for each of eligible in its order,
    or for each arm. eligible names the arms that can be chosen, None for all.
    unit makes the draw instead of id, and is logged. key is the value of
    source.key, unless the context has it. baseline is chosen when the mode is not
    online, "" for that of the model. time_ms is that of the decision in milliseconds since 1970, None for now.
    """

    id: str
    context: Mapping[str, Any] | str | bytes
    actions: Sequence[Mapping[str, Any] | None] | str | bytes | None = None
    eligible: Sequence[str] | None = None
    unit: str = ""
    key: str = ""
    baseline: str = ""
    time_ms: int | None = None


@dataclass(frozen=True)
class Decision:
    """What was decided, and by which version."""

    arm: int  # index; -1 without a model
    name: str
    probability: float  # of the arm, as it was drawn: its propensity; of a number its density
    pmf: tuple[float, ...]  # of each arm by the policy; empty in the mode baseline
    mode: str  # online, shadow or baseline
    key: bytes  # of the records of the decision and of its rewards in Kafka
    version: Version
    record: str  # the beginning of the record
    tail: str  # the rest of it
    nested: bool = True  # the context is an object of its own
    value: float | None = None  # the number that was chosen, where one is; arm and name are then those of its bin

    def json(self, shown: bool = True) -> str:
        """Return the record of the decision, which is to be logged. Of one that was never shown nothing is learned."""
        return self.record + self.tail + (',"shown":false}' if self.nested and not shown else "}")


def cautious(*modes: str) -> str:
    """Return the mode that trusts the policy least; one that is not known ends it."""
    return MODES[max(MODES.index(m) if m in MODES else len(MODES) - 1 for m in modes)]


def fallback_schema() -> Schema:
    """Return how decisions are written while no schema is known."""
    return Schema(format="json", id="id", time="ts", context="context", actions="actions", eligible="eligible", arm="arm", probability="p")


def begin(r: Request, s: Schema) -> str:
    """Write what is decided on as the beginning of a record."""
    if not r.id:
        raise RejectionError("syntax", "the id of the decision is empty")
    if r.actions is not None and not s.actions:
        raise SchemaError("actions are given, but the model does not learn from features of actions: set its source.actions")
    if r.eligible is not None and not s.eligible:
        raise SchemaError("eligible is given, but the model does not read which arms could be chosen: set its source.eligible")
    context = _text(r.context)
    parse(context)  # one object, so that nothing in it becomes a field beside it
    fields = []
    if s.context:
        fields += ['"kind":"decision"', f"{_quote(s.context)}:{context}"]
    else:
        inner = context.strip(" \n\t\r")[1:-1].strip(" \n\t\r")
        fields += [inner] if inner else []
    for name, usual, v in ((s.id, "id", _quote(r.id)), (s.time, "ts", str(_now(r)))):
        if name or s.context:
            fields.append(f"{_quote(name or usual)}:{v}")
    if r.key and s.key and not (s.context and s.key.startswith(s.context + ".")):
        fields.append(f"{_quote(s.key)}:{_quote(r.key)}")
    if r.actions is not None:
        fields.append(f"{_quote(s.actions)}:{_actions(r.actions)}")
    if r.eligible is not None:
        fields.append(f"{_quote(s.eligible)}:[{','.join(map(_quote, r.eligible))}]")
    return "{" + ",".join(fields)


def read(r: Request, record: str, decoder: Decoder) -> tuple[Event, bytes]:
    """Decode the record, and return the event with the id that makes the draw, and the key."""
    event = decoder.decode(record + "}")
    identity = event.id or r.id.encode("utf-8", "replace")
    event.id = r.unit.encode("utf-8", "replace") if r.unit else identity
    return event, event.key or identity


def decide(bandit: Bandit, event: Event, r: Request, mode: str) -> tuple[int, float, tuple[float, ...]]:
    """Return the arm, its probability and the probabilities of all arms by the policy."""
    pmf: tuple[float, ...] = ()
    if mode != BASELINE:
        pmf = tuple(bandit.distribution(event, event.eligible or None, event.actions))
    if mode == ONLINE:
        arm = choose(pmf, bandit.uniform(event.id))
        if pmf[arm] == 0:
            raise NoArmError("none of the eligible arms may be chosen any more")
        if not pmf[arm] > 0:
            raise RejectionError("non_finite", "the event's values are too large")
        return arm, pmf[arm], pmf
    arms = bandit.arms
    baseline = arms.index(r.baseline) if r.baseline in arms else None if r.baseline else bandit.baseline
    if baseline is None:
        raise NoArmError(f"decisions are made in the mode {mode} and the baseline is {r.baseline!r}: it must be one of {arms}")
    if event.eligible and not event.eligible[baseline]:
        raise NoArmError(f"decisions are made in the mode {mode} and the baseline {arms[baseline]!r} is not eligible")
    return baseline, 1.0, pmf


def decide_value(bandit: Bandit, event: Event, r: Request, mode: str) -> tuple[float, int, float, tuple[float, ...]]:
    """Return the number, its bin, its density and the probabilities of all bins by the policy."""
    chosen = bandit.value(event) if mode == ONLINE else bandit.baseline_value(r.baseline)
    if chosen is None:
        raise NoArmError(f"decisions are made in the mode {mode} and the baseline is {r.baseline!r}: it must be a number that may be chosen")
    value, arm, p = chosen
    if not p > 0:
        raise RejectionError("non_finite", "the event's values are too large")
    return value, arm, p, tuple(bandit.distribution(event)) if mode != BASELINE else ()


def tail(s: Schema, r: Request, name: str | float, p: float, pmf: Sequence[float], model: str, version: Version, mode: str) -> str:
    """Write the rest of the record but for its end."""
    fields = [f"{_quote(s.arm)}:{_quote(name) if isinstance(name, str) else _number(name)}"]
    if s.probability or s.context:
        fields.append(f"{_quote(s.probability or 'p')}:{_number(p)}")
    if s.context:
        if pmf:
            fields.append(f'"pmf":[{",".join(map(_number, pmf))}]')
        fields += [f'"model":{_quote(f"{model}/{version.partition}")}', f'"version":{version.number}', f'"mode":"{mode}"']
        if r.unit:
            fields.append(f'"unit":{_quote(r.unit)}')
    return "," + ",".join(fields)


def _now(r: Request) -> int:
    return time.time_ns() // 1_000_000 if r.time_ms is None else r.time_ms


def _text(v: Any) -> str:
    """Return JSON as text."""
    if isinstance(v, (bytes, bytearray)):
        return v.decode("utf-8", "streamlearner.each_byte")
    if isinstance(v, str):
        return v
    try:
        return json.dumps(v, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError) as err:
        raise RejectionError("syntax", str(err)) from None


def _actions(v: Any) -> str:
    text = _text(v)
    parse(f'{{"actions":{text}}}')
    try:
        if isinstance(json.loads(text), list):
            return text
    except ValueError:
        pass
    raise RejectionError("syntax", "actions must be one JSON array")


_ESCAPED = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')


def _escape(m: re.Match[str]) -> str:
    c = m[0]
    if c in '"\\':
        return "\\" + c
    return f"\\u{ord(c):04x}" if c < " " else "\ufffd"


def _quote(s: str) -> str:
    return '"' + _ESCAPED.sub(_escape, s) + '"'


def _number(v: float) -> str:
    """Write a probability as the program does."""
    text = repr(float(v))
    return text[:-2] if text.endswith(".0") else text
