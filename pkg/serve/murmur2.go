package serve

import "encoding/binary"

// PartitionOf returns the partition, out of n, into which Kafka's default
// partitioner puts a record with this key: murmur2 of the key without its sign
// bit, modulo n (org.apache.kafka.clients.producer.internals.BuiltInPartitioner).
// The key must not be empty: records without a key go anywhere.
func PartitionOf(key []byte, n int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % n
}

// murmur2 is MurmurHash2 by Austin Appleby with the seed that Kafka uses
// (org.apache.kafka.common.utils.Utils.murmur2;
// https://github.com/aappleby/smhasher/blob/master/src/MurmurHash2.cpp).
func murmur2(data []byte) uint32 {
	const seed, m, r = 0x9747b28c, 0x5bd1e995, 24
	h := seed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	if len(data) > 0 {
		for i, b := range data {
			h ^= uint32(b) << (8 * i)
		}
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
