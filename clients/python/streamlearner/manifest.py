"""Manifests: the blobs that make up the parameters of a large model (docs/format/state.md)."""

from __future__ import annotations

from typing import NamedTuple

from .errors import CorruptError
from .wire import MANIFEST, open_envelope

VERSION = 1


class Part(NamedTuple):
    """A blob: the base, or a change to what the parts before it make."""

    sum: str  # SHA-256 in hexadecimal
    merged: tuple[str, ...]  # sums of the parts that it was merged from


def parse(data: bytes, verified: bool = False) -> list[Part]:
    """Return the parts of a manifest."""
    r = open_envelope(data, MANIFEST, VERSION, verified)
    r.uvarint()
    parts = []
    for i in range(r.count(32 + 3)):
        digest = r.take(32).hex()
        r.uvarint()
        if (r.uvarint() == 0) != (i == 0):
            raise CorruptError(f"part {i}: the base alone spans no checkpoints")
        parts.append(Part(digest, tuple(r.take(32).hex() for _ in range(r.count(32)))))
    r.close()
    if not 2 <= len(parts) <= 256:
        raise CorruptError(f"{len(parts)} parts, must be 2 to 256")
    return parts


def missing(parts: list[Part], have: list[str]) -> int | None:
    """Return from which part on a reader of the parts have must go on; None when it begins with the base."""
    if not have or have[0] != parts[0].sum:
        return None
    have = have[1:]
    for i, part in enumerate(parts[1:], start=1):
        if not have:
            return i
        merged = list(part.merged)
        if have[0] == part.sum:
            have = have[1:]
        elif len(have) < len(merged) and merged[:len(have)] == have:
            return i
        elif merged and have[:len(merged)] == merged:
            have = have[len(merged):]
        else:
            return None
    return None if have else len(parts)
