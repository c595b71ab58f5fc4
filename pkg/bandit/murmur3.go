package bandit

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// murmur3 returns MurmurHash3_x86_32 (Appleby, https://github.com/aappleby/smhasher/wiki/MurmurHash3).
func murmur3(b []byte, seed uint32) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	h, n := seed, uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h^mix(binary.LittleEndian.Uint32(b)), 13)*5 + 0xe6546b64
	}
	var k uint32
	for i, c := range b {
		k |= uint32(c) << (8 * i)
	}
	h ^= mix(k) // of 0 is 0
	h ^= n
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// merand48 advances Vowpal Wabbit's generator and returns its number in [0, 1),
// of 23 bits.
func merand48(state *uint64) float64 {
	*state = *state*0xeece66d5deece66d + 2147483647
	return float64(math.Float32frombits(127<<23|uint32(*state>>25)&0x7fffff)) - 1
}

// UniformVW returns the number in [0, 1) with which the client library of
// Vowpal Wabbit's reinforcement learning service, and so of Azure Personalizer, chooses for an event: for
// services that must repeat its choices while they move away from it. It has 23
// bits; use Key.Uniform otherwise.
func UniformVW(app, event []byte) float64 {
	state := uint64(murmur3(event, 0)) + uint64(murmur3(app, 0))
	return merand48(&state)
}
