"""Reads what streamlearner keeps in Redis: docs/format/redis.md."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .errors import CorruptError, RedisError
from .redis import Connection


@dataclass(frozen=True)
class Pointer:
    """The published version of a partition."""

    n: int
    sha256: str
    mode: str = ""
    created: int = 0  # milliseconds: the time of the last record that it has learned
    max_age: int = 0  # milliseconds after which it is stale, 0 for never
    learned: int = 0
    loss: float = 0
    schema: str = ""  # the JSON of the schema; empty when it was published without
    policy: str = "online"  # what to do with a bandit: online, shadow or baseline

    @classmethod
    def parse(cls, data: bytes) -> Pointer:
        v: dict[str, Any] = json.loads(data)
        schema = json.dumps(v["schema"], sort_keys=True) if v.get("schema") else ""
        return cls(v["n"], v["sha256"], v.get("mode", ""), v.get("created", 0), v.get("max_age", 0), v.get("learned", 0),
                   v.get("loss", 0), schema, v.get("policy", "online"))


def _prefix(model: str, partition: int) -> str:
    return f"sl:{{{model}/{partition}}}:"


def channel(model: str) -> str:
    """Return the channel of hints at new versions."""
    return f"sl:{{{model}}}:published"


def partitions(c: Connection, model: str) -> list[int]:
    """Return the partitions that were ever claimed, ascending."""
    return sorted(int(p) for p in c.call("SMEMBERS", f"sl:{{{model}}}:partitions"))


def current(c: Connection, model: str, partition: int) -> Pointer | None:
    """Return the published version, None when there is none."""
    data = c.call("GET", _prefix(model, partition) + "current")
    return Pointer.parse(data) if data is not None else None


def blob(c: Connection, model: str, partition: int, digest: str) -> bytes | None:
    """Return a blob by its SHA-256, which is checked; None when it is gone."""
    key = f"{_prefix(model, partition)}b:{digest}"
    data = c.call("GET", key)
    if data is None:
        return None
    if data.startswith(b"SLCHUNKS "):
        data = _chunked(c, key, data)
    if data is not None and hashlib.sha256(data).hexdigest() != digest:
        raise CorruptError(f"blob {digest} has another SHA-256")
    return data


def _chunked(c: Connection, key: str, index: bytes) -> bytes | None:
    try:
        _, count, tag, compression, size = index.decode().split(" ")
        chunks, length = int(count), int(size)
    except ValueError:
        raise CorruptError(f"index of chunks {index[:100]!r}") from None
    out = []
    for i in range(chunks):
        chunk = c.call("GET", f"{key}:{tag}:{i}")
        if chunk is None:
            return None
        out.append(chunk)
    data = b"".join(out)
    if compression == "zstd":
        data = _zstd(data)
    elif compression != "none":
        raise CorruptError(f"compression {compression}, which this client does not know")
    if len(data) != length:
        raise CorruptError(f"a blob of {len(data)} bytes where {length} were announced")
    return data


def _zstd(data: bytes) -> bytes:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise RedisError("the model is compressed by zstd, which needs Python 3.14: set redis.compression to none in the "
                         "configuration of the learner, or use Python 3.14 or later") from None
    return bytes(zstd.decompress(data))
