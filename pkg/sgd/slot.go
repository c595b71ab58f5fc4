package sgd

import (
	"math"
	"math/bits"
)

// slot holds three numbers of a feature and its weight at the frozen
// references. Optimizers that keep more use two neighbouring slots, the second
// of which is the companion: 64 bytes, a cache line. What the numbers are is
// the optimizer's to say; in the first slot W is the weight (of member 0 in a
// race), and G and N are for most the sum of squared gradients and the largest
// magnitude of the feature.
type slot struct {
	W, G, N float64
	R       packed // first slot: the weight at both references; companion: one more number
}

// packed is two float32 or one float64.
type packed uint64

// ref returns the weight at reference i.
func (b packed) ref(i int) float64 { return b.at(32 * uint(i)) }

// at returns the float32 at bit shift, 0 or 32.
func (b packed) at(shift uint) float64 {
	return float64(math.Float32frombits(uint32(b >> (shift & 63))))
}

// setRef sets the weight at reference i.
func (b *packed) setRef(i int, w float32) {
	sh := 32 * (i & 1)
	*b = *b&^(math.MaxUint32<<sh) | packed(math.Float32bits(w))<<sh
}

// number returns the float64 in b.
func (b packed) number() float64 { return math.Float64frombits(uint64(b)) }

func number(v float64) packed { return packed(math.Float64bits(v)) }

// maxFloats is how many numbers an optimizer can keep of a feature.
const maxFloats = 7

// numbers returns what the slot at i, and its companion if there is one, hold.
func (m *Model) numbers(i int) (v [maxFloats]float64) {
	s := &m.slots[i]
	v[0], v[1], v[2] = s.W, s.G, s.N
	if m.lanes == 2 {
		c := &m.slots[i+1]
		v[3], v[4], v[5], v[6] = c.W, c.G, c.N, c.R.number()
	}
	return v
}

// setNumbers is the inverse of numbers.
func (m *Model) setNumbers(i int, v *[maxFloats]float64) {
	s := &m.slots[i]
	s.W, s.G, s.N = v[0], v[1], v[2]
	if m.lanes == 2 {
		m.slots[i+1] = slot{v[3], v[4], v[5], number(v[6])}
	}
}

// weightAt returns the weight of the slot at i, in a race that of the member served.
func (m *Model) weightAt(i, served int) float64 {
	if served > 0 {
		return m.slots[i+1].member(served)
	}
	return m.slots[i].W
}

// frozen returns the weight of the slot at i, in a row, as a reference is to keep it.
func (m *Model) frozen(i int, r *row) float64 {
	v := m.numbers(i)
	return m.p.frozen(&v, r)
}

// frozen is Model.frozen of the numbers of a slot.
func (p *plan) frozen(v *[maxFloats]float64, r *row) float64 {
	switch {
	case p.optimizer == optCoin:
		return v[0] / coinNorm(r.nagS, r.nagT)
	case r.race.served == 1:
		return v[3]
	case r.race.served == 2:
		return v[5]
	}
	return v[0]
}

// lanes is the number of slots of a weight.
func (p *plan) lanes() int {
	if p.wide() {
		return 2
	}
	return 1
}

// shift is log2 of the number of slots from one feature to the next: room for
// its rows, a power of 2 so that positions are found by shifting.
func (p *plan) shift() uint32 {
	return uint32(bits.Len(uint(p.rowCount()*p.lanes() - 1)))
}
