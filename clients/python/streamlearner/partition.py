"""The partition of a key, by the rule of Kafka's default partitioner."""

from __future__ import annotations

_MASK = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a record with that key, which must not be empty."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2 with the seed that Kafka uses (org.apache.kafka.common.utils.Utils.murmur2)."""
    m, whole = 0x5BD1E995, len(data) & ~3
    h = 0x9747B28C ^ len(data)
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & _MASK
        k ^= k >> 24
        h = (h * m & _MASK) ^ (k * m & _MASK)
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & _MASK
    h = (h ^ h >> 13) * m & _MASK
    return h ^ h >> 15
