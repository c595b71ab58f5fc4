package event

import (
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// Occupancy is how many features a model has weights of, and how many places for
// them. With hashing, features that share a place share a weight.
type Occupancy struct {
	Used  int // places that are taken; without hashing the features
	Slots int // all places, a power of 2; 0 without hashing
}

// Features estimates how many distinct features took the places: by linear counting
// (Whang, Vander-Zanden, Taylor 1990, https://doi.org/10.1145/78922.78925) n = -m ln(1 - used/m).
// When every place is taken, it is what leaves one of them free on average, and there
// may be any number more.
func (o Occupancy) Features() float64 {
	if o.Slots == 0 {
		return float64(o.Used)
	}
	m, free := float64(o.Slots), float64(max(1, o.Slots-o.Used))
	return -float64(m * portable.Log(free/m))
}

// CollisionShare is the expected share of the features that are not alone in their
// place: 1 - (1 - 1/m)^(n-1), which is nearly the share of the places that are taken.
func (o Occupancy) CollisionShare() float64 {
	n := o.Features()
	if o.Slots == 0 || n <= 1 {
		return 0
	}
	return 1 - portable.Exp(-(n-1)/float64(o.Slots))
}

// MaxCollisionShare is the share of colliding features above which more places are worth
// their memory.
const MaxCollisionShare = 0.05

// Bits returns the least number of bits with which the collision share of the same
// features would be at most MaxCollisionShare; 0 without hashing.
func (o Occupancy) Bits() int {
	if o.Slots == 0 {
		return 0
	}
	b, n := bits.Len(uint(o.Slots))-1, o.Features()
	for b < 62 && 1-portable.Exp(-(n-1)/float64(uint64(1)<<b)) > MaxCollisionShare {
		b++
	}
	return b
}
