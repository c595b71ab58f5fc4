"""The envelope around every stored object, and a reader of its payload.

The layouts are those of docs/format/state.md.
"""

from __future__ import annotations

import math
import struct

from .errors import CorruptError

MASK = (1 << 64) - 1

STATE, SGD, BANDIT, FACTOR, MANIFEST, SGD_CHANGE, ENCODE = 1, 2, 3, 6, 7, 8, 10

_HEADER, _CHECKSUM = 4, 8

# The constants of XXH64, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
_P1 = 11400714785074694791
_P2 = 14029467366897019727
_P3 = 1609587929392839161
_P4 = 9650029242287828579
_P5 = 2870177450012600261


def _round(acc: int, word: int) -> int:
    acc = (acc + word * _P2) & MASK
    acc = (acc << 31 | acc >> 33) & MASK
    return acc * _P1 & MASK


def xxh64(data: bytes | bytearray | memoryview) -> int:
    """Return the XXH64 of data with seed 0."""
    size = len(data)
    view = memoryview(data)
    at = size & ~31
    if at:
        a, b, c, d = (_P1 + _P2) & MASK, _P2, 0, MASK + 1 - _P1
        for w, x, y, z in struct.iter_unpack("<4Q", view[:at]):
            a, b, c, d = _round(a, w), _round(b, x), _round(c, y), _round(d, z)
        # The shifted words have bits beyond 64, which the mask takes away at the end.
        h = (a << 1 | a >> 63) + (b << 7 | b >> 57) + (c << 12 | c >> 52) + (d << 18 | d >> 46) & MASK
        for v in (a, b, c, d):
            h = ((h ^ _round(0, v)) * _P1 + _P4) & MASK
    else:
        h = _P5
    h = (h + size) & MASK
    while at + 8 <= size:
        h ^= _round(0, int.from_bytes(view[at:at + 8], "little"))
        h = ((h << 27 | h >> 37) & MASK) * _P1 + _P4 & MASK
        at += 8
    if at + 4 <= size:
        h ^= int.from_bytes(view[at:at + 4], "little") * _P1 & MASK
        h = ((h << 23 | h >> 41) & MASK) * _P2 + _P3 & MASK
        at += 4
    for byte in view[at:]:
        h ^= byte * _P5 & MASK
        h = ((h << 11 | h >> 53) & MASK) * _P1 & MASK
    h = (h ^ h >> 33) * _P2 & MASK
    h = (h ^ h >> 29) * _P3 & MASK
    return h ^ h >> 32


def kind_of(data: bytes) -> int:
    """Return the kind that an envelope claims, 0 when data is none."""
    return data[2] if len(data) >= _HEADER and data[:2] == b"SL" else 0


def open_envelope(data: bytes, kind: int, version: int, verified: bool = False) -> Reader:
    """Check an envelope and return a reader of its payload.

    verified says that the bytes were compared with their SHA-256 already, so
    that the checksum, which is slow in Python, need not be computed.
    """
    if len(data) < _HEADER + _CHECKSUM or data[:2] != b"SL":
        raise CorruptError(f"no envelope: {len(data)} bytes that start with {data[:2].hex()}")
    if data[2] != kind:
        raise CorruptError(f"an object of kind {data[2]} where kind {kind} was expected")
    body = memoryview(data)[:-_CHECKSUM]
    if not verified:
        want, got = int.from_bytes(data[-_CHECKSUM:], "little"), xxh64(body)
        if want != got:
            raise CorruptError(f"checksum {want:016x}, computed {got:016x}")
    if data[3] != version:
        raise CorruptError(
            f"version {data[3]} of kind {kind}, this client reads version {version}: use the client of the release that wrote it")
    return Reader(body[_HEADER:])


class Reader:
    """Reads the primitives of the formats one after the other."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    def __len__(self) -> int:
        return len(self._data) - self._at

    def take(self, n: int) -> memoryview:
        """Read n bytes."""
        if n > len(self):
            raise CorruptError(f"{n} bytes wanted, {len(self)} left")
        self._at += n
        return self._data[self._at - n:self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def bool(self) -> bool:
        v = self.byte()
        if v > 1:
            raise CorruptError(f"boolean byte {v}")
        return v == 1

    def uvarint(self) -> int:
        """Read an unsigned LEB128 varint of at most 64 bits."""
        v = shift = 0
        while True:
            b = self.byte()
            v |= (b & 0x7F) << shift
            if b < 0x80:
                break
            shift += 7
            if shift > 63:
                raise CorruptError("a varint of more than 10 bytes")
        if v > MASK:
            raise CorruptError("a varint of more than 64 bits")
        return v

    def varint(self) -> int:
        """Read a zig-zag varint."""
        v = self.uvarint()
        return v >> 1 ^ -(v & 1)

    def count(self, size: int) -> int:
        """Read a length, of which that many elements of size bytes must follow."""
        n = self.uvarint()
        if n * size > len(self):
            raise CorruptError(f"{n} elements of {size} bytes announced, {len(self)} bytes left")
        return n

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def f64(self) -> float:
        return struct.unpack("<d", self.take(8))[0]

    def finite(self) -> float:
        v = self.f64()
        if not math.isfinite(v):
            raise CorruptError(f"non-finite number {v}")
        return v

    def finites(self, n: int) -> tuple[float, ...]:
        """Read n finite numbers."""
        v = struct.unpack(f"<{n}d", self.take(8 * n))
        if not math.isfinite(sum(map(abs, v))) and not all(map(math.isfinite, v)):
            raise CorruptError("a non-finite number")
        return v

    def floats(self) -> tuple[float, ...]:
        """Read a length and that many finite numbers."""
        return self.finites(self.count(8))

    def bytes(self) -> bytes:
        return bytes(self.take(self.count(1)))

    def str(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise CorruptError("text that is not UTF-8") from None

    def rest(self) -> bytes:
        """Read all that is left."""
        return bytes(self.take(len(self)))

    def close(self) -> None:
        """Raise unless everything was read."""
        if len(self):
            raise CorruptError(f"{len(self)} bytes left over")
