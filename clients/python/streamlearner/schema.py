"""The schema that is published with a version: what the fields of a record mean.

See docs/format/events.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import SchemaError
from .wire import xxh64

# What the value at a path is for.
AUTO, NUMERIC, CATEGORICAL, TEXT, SKIP = "auto", "numeric", "categorical", "text", "skip"
LABEL, WEIGHT, TIME, KEY, ID, ARM, PROBABILITY = "label", "weight", "time", "key", "id", "arm", "probability"
ELIGIBLE, ACTIONS = "eligible", "actions"

NAMED = (LABEL, WEIGHT, TIME, KEY, ID, ARM, PROBABILITY, ELIGIBLE, ACTIONS)


@dataclass(frozen=True)
class Shape:
    """How the value at a path becomes features."""

    base: str
    hash: int  # of the path
    text: bool = False
    log1p: bool = False
    cyclic: bool = False
    missing: int = -1  # index into Schema.missing
    encode: tuple[int, int] | None = None  # hashes of path#mean and path#count, 0 for none
    key: bool = False  # its value is the key as well
    groups: tuple[int, ...] = ()

    @property
    def named(self) -> bool:
        """Whether the field is no feature but has a meaning of its own."""
        return self.base in NAMED and not self.cyclic


@dataclass
class Schema:
    """The settings as they are published; a list is empty when it is left out."""

    format: str = ""
    columns: list[str] = field(default_factory=list)
    delimiter: str = ""
    label: str = ""
    positive: str = ""
    classes: list[str] = field(default_factory=list)
    class_weights: list[float] = field(default_factory=list)
    sample_negatives: float = 0
    label_type: str = ""
    label_separator: str = ""
    weight: str = ""
    time: str = ""
    key: str = ""
    id: str = ""
    arm: str = ""
    arms: list[str] = field(default_factory=list)
    continuous: list[float] = field(default_factory=list)
    probability: str = ""
    eligible: str = ""
    actions: str = ""
    context: str = ""
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    ngrams: int = 0
    log1p: list[str] = field(default_factory=list)
    cyclic: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    target: list[str] = field(default_factory=list)
    count: list[str] = field(default_factory=list)
    cross: list[list[str]] = field(default_factory=list)
    max_features: int = 0

    @classmethod
    def parse(cls, published: dict[str, Any] | str | bytes) -> Schema:
        """Read a published schema. A setting that it does not know may make features, and is an error."""
        values = published if isinstance(published, dict) else json.loads(published)
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise SchemaError(f"the schema has {', '.join(unknown)}, which a newer version of streamlearner wrote: update this client")
        return cls(**values)

    def __post_init__(self) -> None:
        if self.format != "json":
            raise SchemaError(f'the model learns from records of the format "{self.format}", this client reads json')
        self.limit = self.max_features or 4096
        self._named = [(name, getattr(self, name)) for name in NAMED if getattr(self, name)]
        lists = self.include + self.numeric + self.categorical + self.text + self.log1p + self.target + self.count
        self.key_is_feature = bool(self.key) and self.key in lists
        self._entries: list[str] = []  # of each group of a cross
        self._first: list[int] = []  # of each cross: its first group
        self.crosses: list[list[int]] = []  # the groups of each cross, equal ones side by side
        for cross in self.cross:
            self._add_cross(sorted(cross, key=_utf8))
        self.indicators = [(xxh64(_utf8(m + "?")), xxh64(_utf8(m)) & 0xFFFFFFFF) for m in self.missing]

    def _add_cross(self, entries: list[str]) -> None:
        self._first.append(len(self._entries))
        positions = []
        for i, entry in enumerate(entries):
            if i == 0 or entry != entries[i - 1]:
                self._entries.append(entry)
            positions.append(len(self._entries) - 1)
        self.crosses.append(positions)

    @property
    def groups(self) -> int:
        """The number of groups of all crosses."""
        return len(self._entries)

    def role(self, path: str) -> str:
        """Return what the value at a path is for."""
        for name, at in self._named:
            if not _below(at, path) or name == KEY and self.key_is_feature:
                continue
            if path == at:
                return name
            if name != ACTIONS:
                return SKIP
        if self.context and not _below(self.context, path) and not self.of_action(path):
            return SKIP
        if _longest(self.exclude, path) >= 0 or self.include and _longest(self.include, path) < 0:
            return SKIP
        numeric, categorical, text = _longest(self.numeric, path), _longest(self.categorical, path), _longest(self.text, path)
        if text >= 0 and text > numeric and text > categorical:
            return TEXT
        if numeric >= 0 and numeric > categorical:
            return NUMERIC
        if categorical >= 0 or path in self.target or path in self.count:
            return CATEGORICAL
        return AUTO

    def of_action(self, path: str) -> bool:
        """Whether a field belongs to the features of an action."""
        return bool(self.actions) and _below(self.actions, path)

    def shape(self, path: str) -> Shape:
        """Return how the value at a path becomes features."""
        base, number = self.role(path), xxh64(_utf8(path))
        cyclic = path in self.cyclic
        if base == SKIP or base in NAMED and not cyclic:
            return Shape(base, number)
        encode = None
        if path in self.target or path in self.count:
            encode = (xxh64(_utf8(path + "#mean")) if path in self.target else 0,
                      xxh64(_utf8(path + "#count")) if path in self.count else 0)
        return Shape(
            AUTO if base == TEXT else base, number, text=base == TEXT, log1p=_longest(self.log1p, path) >= 0, cyclic=cyclic,
            missing=self.missing.index(path) if path in self.missing else -1, encode=encode,
            key=self.key_is_feature and path == self.key, groups=() if self.of_action(path) else tuple(self._groups_of(path)))

    def _groups_of(self, path: str) -> list[int]:
        """Return of each cross the group of the longest entry that covers a path."""
        out = []
        for i, first in enumerate(self._first):
            end = self._first[i + 1] if i + 1 < len(self._first) else len(self._entries)
            covering = [g for g in range(first, end) if _matches(self._entries[g], path)]
            if covering:
                out.append(max(covering, key=lambda g: _rank(self._entries[g])))
        return out


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _below(at: str, path: str) -> bool:
    """Whether path is the field or lies below it."""
    return path.startswith(at) and (len(path) == len(at) or path[len(at)] == ".")


def _matches(entry: str, path: str) -> bool:
    return path.startswith(entry[:-1]) if entry.endswith("*") else _below(entry, path)


def _rank(entry: str) -> int:
    """Order entries by length in bytes; of a name and a prefix of one length the name is first."""
    return 2 * (len(_utf8(entry)) - 1) if entry.endswith("*") else 2 * len(_utf8(entry)) + 1


def _longest(entries: list[str], path: str) -> int:
    """Return the rank of the longest entry that covers path, -1 for none."""
    return max((_rank(e) for e in entries if _matches(e, path)), default=-1)
