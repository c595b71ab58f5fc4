package drift

import (
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// mersenne is the generator MT19937 (Matsumoto, Nishimura 1998,
// https://doi.org/10.1145/272991.272995), seeded and read as CPython's
// random.Random does both, so that a detector that samples draws what River's
// draws from the same seed.
type mersenne struct {
	word [mersenneSize]uint32
	next int // word that is given out next; mersenneSize when all are
}

const (
	mersenneSize  = 624
	mersenneShift = 397
)

// seed sets the state that random.Random(n) has.
func (m *mersenne) seed(n uint64) {
	key := [2]uint32{uint32(n), uint32(n >> 32)}
	length := 1
	if key[1] != 0 {
		length = 2
	}
	w := &m.word
	w[0] = 19650218
	for i := 1; i < mersenneSize; i++ {
		w[i] = 1812433253*(w[i-1]^w[i-1]>>30) + uint32(i)
	}
	i, j := 1, 0
	for range mersenneSize {
		w[i] = (w[i] ^ (w[i-1]^w[i-1]>>30)*1664525) + key[j] + uint32(j)
		i, j = m.wrap(i), (j+1)%length
	}
	for range mersenneSize - 1 {
		w[i] = (w[i] ^ (w[i-1]^w[i-1]>>30)*1566083941) - uint32(i)
		i = m.wrap(i)
	}
	w[0] = 1 << 31
	m.next = mersenneSize
}

// wrap is the index after i; past the end it goes on at 1, with the last word at 0.
func (m *mersenne) wrap(i int) int {
	if i++; i < mersenneSize {
		return i
	}
	m.word[0] = m.word[mersenneSize-1]
	return 1
}

// uint32 returns the next 32 random bits.
func (m *mersenne) uint32() uint32 {
	if m.next == mersenneSize {
		m.twist()
	}
	y := m.word[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (m *mersenne) twist() {
	w := &m.word
	for i := range mersenneSize {
		y := w[i]&(1<<31) | w[(i+1)%mersenneSize]&(1<<31-1)
		w[i] = w[(i+mersenneShift)%mersenneSize] ^ y>>1 ^ y&1*0x9908b0df
	}
	m.next = 0
}

// below returns a number in [0, n), as random.Random's _randbelow; n is in [1, 2^31).
func (m *mersenne) below(n int) int {
	for {
		if r := int(m.uint32() >> (32 - bits.Len(uint(n)))); r < n {
			return r
		}
	}
}

// sample draws len(out) different numbers below n in the order in which
// random.Random's sample draws them. pool is scratch of n numbers.
func (m *mersenne) sample(n int, out, pool []int) {
	for i := range pool[:n] {
		pool[i] = i
	}
	if n <= sampleSetSize(len(out)) {
		for i := range out {
			j := m.below(n - i)
			out[i], pool[j] = pool[j], pool[n-1-i]
		}
		return
	}
	for i := range out {
		j := m.below(n)
		for pool[j] < 0 { // drawn before
			j = m.below(n)
		}
		out[i], pool[j] = j, -1
	}
}

// sampleSetSize is the population up to which CPython samples from a list of it.
func sampleSetSize(k int) int {
	if k <= 5 {
		return 21
	}
	size := 1
	for size < 3*k {
		size *= 4
	}
	return 21 + size
}

func (m *mersenne) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(m.next))
	for i := 0; i < mersenneSize; i += 2 {
		b = wire.AppendUint64(b, uint64(m.word[i])|uint64(m.word[i+1])<<32)
	}
	return b
}

func (m *mersenne) read(r *wire.Reader) {
	next := r.Uvarint()
	if next > mersenneSize {
		r.Fail("word %d of %d", next, mersenneSize)
		return
	}
	m.next = int(next)
	seen := uint64(0)
	for i := 0; i < mersenneSize; i += 2 {
		v := r.Uint64()
		seen |= v
		m.word[i], m.word[i+1] = uint32(v), uint32(v>>32)
	}
	if seen == 0 {
		r.Fail("a generator that gives nothing but zeros")
	}
}
