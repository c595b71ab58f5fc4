package bandit

import (
	"crypto/sha256"
	"encoding/binary"
)

// Key turns decision ids into random numbers: the same id always gives the
// same ones, so that a retry repeats its choice and a log can be audited.
type Key struct {
	choice [2]uint64 // of the number that chooses the arm
	draws  [2]uint64 // of the draws from posteriors
}

// NewKey returns the key of a salt: the SHA-256 of the salt is four words, little-endian.
func NewKey(salt string) Key {
	h := sha256.Sum256([]byte(salt))
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(h[8*i:]) }
	return Key{[2]uint64{word(0), word(1)}, [2]uint64{word(2), word(3)}}
}

// Uniform returns a number in [0, 1) for a decision id: the upper 53 bits of
// its SipHash-2-4 under the first two words of the key.
func (k Key) Uniform(id []byte) float64 {
	return float64(sipHash(k.choice[0], k.choice[1], id)>>11) / (1 << 53)
}

// place returns another number in [0, 1) for a decision id: the upper 53 bits of seed.
func (k Key) place(id []byte) float64 { return float64(k.seed(id)>>11) / (1 << 53) }

// seed returns the seed of the posterior draws for a decision id.
func (k Key) seed(id []byte) uint64 { return sipHash(k.draws[0], k.draws[1], id) }

// Choose returns the arm that u, uniform in [0, 1), selects from the
// probabilities p by inverting their cumulative distribution. The same u and p
// always give the same arm. An arm of probability 0 is chosen only if all are.
func Choose(p []float64, u float64) int {
	last, sum := 0, 0.0
	for i, v := range p {
		if v <= 0 {
			continue
		}
		last = i
		if sum += v; u < sum {
			return i
		}
	}
	return last // u lies above the sum by rounding
}

// Normalize makes p a distribution: negative values become 0, and the rest
// adds up to 1. If nothing is left the first has probability 1.
func Normalize(p []float64) {
	sum := 0.0
	for i, v := range p {
		p[i] = max(0, v)
		sum += p[i]
	}
	if sum == 0 {
		p[0], sum = 1, 1
	}
	for i := range p {
		p[i] /= sum
	}
}
