"""Reads the JSON text of a record so that nothing is lost that features depend on:
the literals of numbers, and all of several equal keys."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any

from .errors import RejectionError
from .values import Number

_MAX_DEPTH = 64


class Container:
    """Stands for an object or array where a value is wanted."""


class Object(list):  # type: ignore[type-arg]
    """The pairs of an object in their order, so that equal keys are seen."""


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    """Replace each invalid byte by U+FFFD, where "replace" would take several for one."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("streamlearner.each_byte", _each_byte)

_SURROGATES = re.compile("[\ud800-\udfff]")


def _pairs(pairs: list[tuple[str, Any]]) -> Object:
    return Object((_text(k), v if not type(v) is str else _text(v)) for k, v in pairs)


def _text(s: str) -> str:
    """Replace unpaired surrogates by U+FFFD."""
    return s if s.isascii() else _SURROGATES.sub("\ufffd", s)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parse(record: str | bytes | Mapping[str, Any]) -> Object:
    """Read a record that must be a JSON object."""
    try:
        if isinstance(record, Mapping):
            record = json.dumps(record, allow_nan=False)
        elif isinstance(record, (bytes, bytearray)):
            record = record.decode("utf-8", "streamlearner.each_byte")
        root = json.loads(record, object_pairs_hook=_pairs, parse_float=Number, parse_int=Number, parse_constant=_no_constant)
    except RecursionError:
        raise RejectionError("too_deep", "nested too deep") from None
    except (ValueError, TypeError) as err:
        raise RejectionError("syntax", str(err)) from None
    if not isinstance(root, Object):
        raise RejectionError("syntax", "a record must be a JSON object")
    _check_depth(root, 1)
    return root


def _check_depth(v: list[Any], depth: int) -> None:
    """Refuse what nests too deep, and replace the surrogates in arrays."""
    if depth > _MAX_DEPTH:
        raise RejectionError("too_deep", f"more than {_MAX_DEPTH} objects and arrays inside each other")
    if isinstance(v, Object):
        for _, e in v:
            if isinstance(e, list):
                _check_depth(e, depth + 1)
        return
    for i, e in enumerate(v):
        if isinstance(e, list):
            _check_depth(e, depth + 1)
        elif type(e) is str:
            v[i] = _text(e)
