"""Turns JSON records into features by the published schema, as the learner does.

The rules are those of docs/format/events.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .errors import RejectionError
from .portable import signed_log1p, sin_cos
from .record import Container, Object, parse
from .schema import ACTIONS, AUTO, CATEGORICAL, ELIGIBLE, ID, KEY, LABEL, NUMERIC, SKIP, TIME, WEIGHT, Schema, Shape
from .values import Number, category, instant, is_integer, parse_number, trim, words
from .wire import xxh64

_DAY = 24 * 60 * 60 * 1000
_MAX_REMEMBERED = 1 << 14
_CLOCK_NAMES = ("#hour_sin", "#hour_cos", "#weekday_sin", "#weekday_cos")


class Feature(NamedTuple):
    """One coordinate: the hash of its name, its value, and the low 32 bits of the hash of its field's path."""

    hash: int
    value: float
    field: int


class Category(NamedTuple):
    """The value of a field that is encoded by what is known of its categories."""

    hash: int
    field: int
    mean: int  # hash of path#mean, 0 for none
    count: int  # hash of path#count, 0 for none


@dataclass
class Event:
    """A decoded record."""

    dense: list[Feature] = field(default_factory=list)  # numeric fields
    sparse: list[Feature] = field(default_factory=list)  # all others
    categories: list[Category] = field(default_factory=list)
    key: bytes = b""
    id: bytes = b""
    time: int = 0  # milliseconds since 1970
    actions: list[list[Feature]] = field(default_factory=list)  # features of the action of each arm; empty for none
    eligible: list[bool] = field(default_factory=list)  # of each arm whether it can be chosen; empty for all

    def __len__(self) -> int:
        return len(self.dense) + len(self.sparse)


class Decoder:
    """Decodes records of one schema for scoring. It may be shared by threads."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._shapes: dict[str, Shape] = {}
        self._hashes: dict[str, int] = {}

    def decode(self, record: str | bytes | Mapping[str, Any]) -> Event:
        """Return the event of a record: the text of a JSON object, or what json.dumps makes one of.

        Raises RejectionError for what the learner would refuse.
        """
        root = parse(record)
        walk = _Walk(self)
        walk.object(root, "")
        walk.check_limit()
        if walk.again:
            walk = _Walk(self)
            walk.tree(root, "")
        return walk.end()

    def shape(self, path: str) -> Shape:
        """Return how the value at a path becomes features."""
        s = self._shapes.get(path)
        if s is None:
            if len(self._shapes) > _MAX_REMEMBERED:
                self._shapes = {}
            s = self._shapes[path] = self.schema.shape(path)
        return s

    def hash(self, name: str) -> int:
        """Return the hash of a feature's name."""
        h = self._hashes.get(name)
        if h is None:
            if len(self._hashes) > _MAX_REMEMBERED:
                self._hashes = {}
            h = self._hashes[name] = xxh64(name.encode())
        return h


class _Walk:
    """One pass over a record."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder, self.schema = decoder, decoder.schema
        self.event = Event()
        self.failure: RejectionError | None = None
        self.seen: set[str] = set()  # paths that came; of the tree, those that have a value
        self.again = False  # a path came twice
        self.present: set[int] = set()  # indices of Schema.missing
        self.groups: list[list[Feature]] = [[] for _ in range(decoder.schema.groups)]
        self.order: list[int] | None = None  # the eligible arms as the record lists them
        self.saw_actions = False

    def fail(self, reason: str, path: str, detail: str) -> None:
        """Refuse the record, unless it is refused already."""
        if self.failure is None:
            self.failure = RejectionError(reason, detail, path)

    def object(self, pairs: Object, prefix: str) -> None:
        """Read the members of an object in their order."""
        for key, v in pairs:
            self.member(prefix + key, v)

    def member(self, path: str, v: Any) -> None:
        if path in self.seen:
            self.again = True
        self.seen.add(path)
        self.value(path, v, self.decoder.shape(path))

    def value(self, path: str, v: Any, shape: Shape) -> None:
        """Read the value at a path, or in an array one of the path of the array."""
        if v is None or shape.base == LABEL and self.schema.label_type and isinstance(v, list):
            return
        if shape.base in (ACTIONS, ELIGIBLE) and isinstance(v, list) and not isinstance(v, Object):
            self.offer(path, v, shape.base, self.object)
        elif isinstance(v, Object):
            self.container(path, shape)
            self.object(v, path + ".")
        elif isinstance(v, list):
            shape = self.container(path, shape)
            for n, element in enumerate(v):
                if _in_bag(element, shape.base):
                    self.value(path, element, shape)
                else:
                    self.member(f"{path}.{n}", element)
        elif shape.base != SKIP:
            self.scalar(path, v, shape)

    def tree(self, pairs: Object, prefix: str) -> None:
        """Read an object in which a path came twice: the last of equal keys counts, and keys are taken in byte order."""
        last = dict(pairs)
        for key in sorted(last):
            self.tree_member(prefix + key, last[key])

    def tree_member(self, path: str, v: Any) -> None:
        if v is None or path in self.seen:
            return
        shape = self.decoder.shape(path)
        if isinstance(v, Object) and not (shape.base == LABEL and self.schema.label_type):
            self.container(path, shape)
            self.tree(v, path + ".")
            return
        self.seen.add(path)
        if shape.base in (ACTIONS, ELIGIBLE) and isinstance(v, list):
            self.offer(path, v, shape.base, self.tree)
        elif not isinstance(v, list):
            if shape.base != SKIP:
                self.scalar(path, v, shape)
        elif not (shape.base == LABEL and self.schema.label_type):
            shape = self.container(path, shape)
            for n, element in enumerate(v):
                if element is not None and _in_bag(element, shape.base):
                    if shape.base != SKIP:
                        self.scalar(path, element, shape)
                else:
                    self.tree_member(f"{path}.{n}", element)

    def offer(self, path: str, elements: list[Any], base: str, walk: Callable[[Object, str], None]) -> None:
        """Read the eligible arms or the features of the actions."""
        if base == ELIGIBLE:
            self.order = []
            for v in elements:
                self.add_eligible(path, v)
            return
        self.saw_actions = True
        for n, v in enumerate(elements):
            if n == (len(self.schema.arms) or 1 << 16):
                self.refuse("actions_invalid", path, "there must be no more elements than arms")
            if v is not None and not isinstance(v, Object):
                self.refuse("actions_invalid", path, "an element must be the features of an action, an object")
            event, seen = self.event, self.seen
            self.event, self.seen = Event(), set()
            try:
                if v is not None:
                    walk(v, path + ".")
                    self.check_limit()
                event.actions.append(self.event.dense + self.event.sparse)
            finally:
                self.event, self.seen = event, seen

    def refuse(self, reason: str, path: str, detail: str) -> None:
        """Refuse the record at once."""
        self.fail(reason, path, detail)
        assert self.failure is not None
        raise self.failure

    def add_eligible(self, path: str, v: Any) -> None:
        assert self.order is not None
        arms = self.schema.arms
        if isinstance(v, list):
            self.refuse("arm_unknown", path, f"must hold names or indices of arms, one of {arms}")
        text = ("true" if v else "false") if isinstance(v, bool) else v
        arm = arms.index(text) if isinstance(text, str) and text in arms else -1
        if arm < 0 and isinstance(v, str):
            number = float(v) if isinstance(v, Number) else parse_number(trim(v))
            if number is not None and 0 <= number < len(arms) and number == int(number):
                arm = int(number)
        if arm < 0:
            self.fail("arm_unknown", path, f"{v!r}: must be an index below {len(arms)} or one of {arms}")
        elif arm in self.order:
            self.fail("arm_unknown", path, f"{v!r}: is there twice")
        else:
            self.order.append(arm)

    def end_offer(self) -> None:
        """Check the arms that can be chosen, and put the features of each action to the index of its arm."""
        order, event, arms = self.order, self.event, len(self.schema.arms)
        if order is not None:
            if not order:
                self.fail("arm_unknown", self.schema.eligible, "names no arm; leave it out when all can be chosen")
                return
            event.eligible = [a in order for a in range(arms)]
        if not self.saw_actions or self.failure is not None:
            return
        want = len(order) if order is not None else arms
        if want and len(event.actions) != want:
            self.fail("actions_invalid", self.schema.actions, f"{len(event.actions)} elements for {want} arms")
        elif order is not None:
            given, event.actions = event.actions, [[] for _ in range(arms)]
            for a, features in zip(order, given):
                event.actions[a] = features

    def container(self, path: str, shape: Shape) -> Shape:
        """Note that a value is an object or array, and return the shape of the elements of the array."""
        if shape.named:
            self.special(path, Container(), shape.base)
            return Shape(SKIP, shape.hash)
        if shape.missing >= 0:
            self.present.add(shape.missing)
        if shape.cyclic:
            self.clock(path, Container(), shape)
            return Shape(SKIP, shape.hash)
        return shape

    def scalar(self, path: str, v: Any, shape: Shape) -> None:
        """Add the features of a string, number or boolean."""
        if shape.named:
            self.special(path, v, shape.base)
            return
        event = self.event
        dense, sparse = len(event.dense), len(event.sparse)
        is_text = isinstance(v, str) and not isinstance(v, Number)
        if shape.cyclic:
            self.clock(path, v, shape)
        elif shape.text and is_text:
            self.words(path, v, shape)
        elif shape.base == NUMERIC:
            self.numeric(path, v, shape)
        elif shape.base == AUTO and isinstance(v, Number):
            self.dense(path, float(v), shape)
        else:
            self.category(path, v, shape)
        if shape.missing >= 0 and not self.empty(v, shape, sparse, is_text):
            self.present.add(shape.missing)
        if shape.log1p:
            event.dense[dense:] = [f._replace(value=signed_log1p(f.value)) for f in event.dense[dense:]]
        if shape.key:
            self.special(path, v, KEY)
        if shape.encode:
            event.categories += [Category(f.hash, f.field, *shape.encode) for f in event.sparse[sparse:]]
        for g in shape.groups:
            self.groups[g] += event.dense[dense:] + event.sparse[sparse:]

    def empty(self, v: Any, shape: Shape, sparse: int, is_text: bool) -> bool:
        """Whether a value counts as absent."""
        if not is_text:
            return False
        if shape.text:
            return len(self.event.sparse) == sparse
        return (shape.base == NUMERIC or shape.cyclic) and not trim(v)

    def dense(self, path: str, v: float, shape: Shape) -> None:
        if math.isinf(v):
            self.fail("non_finite", path, "too large for a 64-bit float")
            return
        self.event.dense.append(Feature(shape.hash, v, shape.hash & 0xFFFFFFFF))

    def numeric(self, path: str, v: Any, shape: Shape) -> None:
        if isinstance(v, bool):
            self.dense(path, float(v), shape)
        elif isinstance(v, Number):
            self.dense(path, float(v), shape)
        elif trim(v):
            number = parse_number(trim(v))
            if number is None:
                self.fail("non_finite", path, f"{v[:64]!r} is no number; features.numeric lists this field")
                return
            self.dense(path, number, shape)

    def category(self, path: str, v: Any, shape: Shape) -> None:
        if isinstance(v, bool):
            text = "true" if v else "false"
        elif not isinstance(v, Number):
            text = v
        elif math.isinf(float(v)) and not is_integer(v):
            self.fail("non_finite", path, "too large for a 64-bit float")
            return
        else:
            text = category(str(v), float(v))
        self.event.sparse.append(Feature(self.decoder.hash(f"{path}={text}"), 1.0, shape.hash & 0xFFFFFFFF))

    def words(self, path: str, text: str, shape: Shape) -> None:
        """Add the words of a text and its sequences of words, each once."""
        found, ngrams, taken = words(text), max(self.schema.ngrams, 1), set()
        for i in range(len(found)):
            for end in range(i + 1, min(i + ngrams, len(found)) + 1):
                h = self.decoder.hash(f"{path}={' '.join(found[i:end])}")
                if h not in taken:
                    taken.add(h)
                    self.event.sparse.append(Feature(h, 1.0, shape.hash & 0xFFFFFFFF))
            if len(self.event) > self.schema.limit:
                return

    def clock(self, path: str, v: Any, shape: Shape) -> None:
        """Add the features of a time, and set that of the event."""
        if isinstance(v, str) and not isinstance(v, Number) and not trim(v):
            return
        ms = self.instant(path, v)
        if ms is None:
            return
        if shape.base == TIME:
            self.event.time = ms
        at = sin_cos(ms % _DAY, _DAY) + sin_cos((ms + 3 * _DAY) % (7 * _DAY), 7 * _DAY)
        for name, x in zip(_CLOCK_NAMES, at):
            self.event.dense.append(Feature(self.decoder.hash(path + name), x, shape.hash & 0xFFFFFFFF))

    def instant(self, path: str, v: Any) -> int | None:
        ms = instant(v)
        if ms is None:
            self.fail("time_invalid", path, "must be RFC 3339 text, or a number of seconds or milliseconds since 1970 up to the year 9999")
        return ms

    def special(self, path: str, v: Any, base: str) -> None:
        """Use the value of a field that is no feature. Labels, arms and their probabilities do not matter here."""
        is_text = isinstance(v, str) and not isinstance(v, Number)
        if base in (KEY, ID) and not isinstance(v, Container):
            text = (("true" if v else "false") if isinstance(v, bool) else str(v)).encode()
            if base == KEY:
                self.event.key = text
            else:
                self.event.id = text
        elif base == TIME and not (is_text and not trim(v)):
            ms = self.instant(path, v)
            if ms is not None:
                self.event.time = ms
        elif base == WEIGHT and not (is_text and not trim(v)):
            number = float(v) if isinstance(v, Number) else parse_number(trim(v)) if is_text else None
            if number is None or not 0 <= number < math.inf:
                self.fail("weight_invalid", path, "must be a finite number >= 0")
        elif base == ELIGIBLE:
            self.fail("arm_unknown", path, "must be an array of the arms that can be chosen")
        elif base == ACTIONS:
            self.fail("actions_invalid", path, "must be an array of the features of each action")

    def check_limit(self) -> None:
        if len(self.event) > self.schema.limit:
            raise RejectionError("too_many_features", f"more than {self.schema.limit} features")

    def end(self) -> Event:
        """Add what depends on the whole record, and return the event."""
        self.check_limit()
        for i, (h, f) in enumerate(self.schema.indicators):
            if i not in self.present:
                self.event.sparse.append(Feature(h, 1.0, f))
        if not len(self.event) and not self.schema.arm:
            self.fail("no_features", "", "no field of the record is a feature")
        self.end_offer()
        if self.failure is None:
            for positions in self.schema.crosses:
                self.combine(positions, 0, 0, ())
        if self.failure is not None:
            raise self.failure
        self.check_limit()
        return self.event

    def combine(self, positions: list[int], k: int, start: int, picked: tuple[Feature, ...]) -> None:
        """Add the products of one member of the group of each position from the k-th on."""
        if k == len(positions):
            self.product(sorted(picked, key=lambda f: f.hash))
            return
        members = self.groups[positions[k]]
        repeated = k + 1 < len(positions) and positions[k + 1] == positions[k]
        for i in range(start, len(members)):
            self.combine(positions, k + 1, i + 1 if repeated else 0, (*picked, members[i]))

    def product(self, parts: list[Feature]) -> None:
        value, f = 1.0, 0
        for p in parts:
            value *= p.value
            f += p.field
        if value == 0:
            return
        if not math.isfinite(value):
            self.fail("non_finite", "", "a product of features.cross is too large for a 64-bit float")
            return
        h = xxh64(b"".join(p.hash.to_bytes(8, "little") for p in parts))
        self.event.sparse.append(Feature(h, value, f & 0xFFFFFFFF))
        self.check_limit()


def _in_bag(element: Any, base: str) -> bool:
    """Whether an element of an array is a value of the array's own path."""
    if element is None or isinstance(element, list):
        return False
    if isinstance(element, Number):
        return base == CATEGORICAL
    return base != NUMERIC
