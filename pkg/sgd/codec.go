package sgd

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// formatVersion is the version of both envelopes of this package.
const formatVersion = 1

// AppendBinary appends the live parameters and all optimizer state as a sealed
// envelope of kind KindSGD:
//
//	configuration (appendPlan)
//	events uvarint, weight, largest sparse magnitude, nag S, nag T float64
//	label statistics: weight, mean, M2, lowest, highest, largest magnitude float64
//	numeric fields (scale.Scaler.Append)
//	number of slots uvarint, then of each, ascending: distance to the slot before
//	(the first: to -1) uvarint, W, and G for adagrad and nag, and N for nag, float64
//
// Slot 2^bits is the intercept.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	n := countBits(m.touched)
	start := len(b)
	b = slices.Grow(b, 256+48*m.scaler.Len()+n*(2+8*m.p.floats()))
	b = wire.Begin(b, wire.KindSGD, formatVersion)
	b = m.p.append(b)
	b = wire.AppendUvarint(b, m.events)
	for _, v := range [...]float64{m.weight, m.sparse, m.nagS, m.nagT} {
		b = wire.AppendFloat64(b, v)
	}
	b = m.labels.append(b)
	b = m.scaler.Append(b)
	b = wire.AppendUvarint(b, uint64(n))
	last := -1
	forEachBit(m.touched, func(i int) {
		s := &m.slots[i]
		b = wire.AppendUvarint(b, uint64(i-last))
		parts := [...]float64{s.W, s.G, s.N}
		for _, v := range parts[:m.p.floats()] {
			b = wire.AppendFloat64(b, v)
		}
		last = i
	})
	return wire.Seal(b, start), nil
}

// UnmarshalBinary replaces the live parameters by those that AppendBinary
// wrote. References stay. Bytes of another configuration, or damaged ones, are
// refused and change nothing. Rates and extreme may differ: no parameter depends on them.
func (m *Model) UnmarshalBinary(b []byte) error {
	p, r, err := openEnvelope(b, wire.KindSGD)
	if err != nil {
		return fmt.Errorf("sgd: read model: %w", err)
	}
	if err := m.p.compatible(&p); err != nil {
		return fmt.Errorf("sgd: read model: %w", err)
	}
	h := readHead(&m.p, r)
	body := *r // read once to check everything, then again to take it over
	m.p.readSlots(r, func(int, slot) {})
	if err := r.Close(); err != nil {
		return fmt.Errorf("sgd: read model: %w", err)
	}
	forEachBit(m.touched, func(i int) {
		s := &m.slots[i]
		s.W, s.G, s.N = 0, 0, 0
	})
	clear(m.touched)
	m.p.readSlots(&body, func(i int, v slot) {
		s := &m.slots[i]
		s.W, s.G, s.N = v.W, v.G, v.N
		m.touched[i>>6] |= 1 << (i & 63)
	})
	m.events, m.weight, m.sparse, m.nagS, m.nagT = h.events, h.weight, h.sparse, h.nagS, h.nagT
	m.labels, m.scaler = h.labels, h.scaler
	for i := range m.refs {
		m.refs[i].fields = m.refs[i].fields[:0]
	}
	m.enroll(0)
	return nil
}

// Open returns the model that AppendBinary wrote, with the configuration that
// the bytes name. It is how readers get a model to Score with.
func Open(b []byte) (*Model, error) {
	p, _, err := openEnvelope(b, wire.KindSGD)
	if err != nil {
		return nil, fmt.Errorf("sgd: read model: %w", err)
	}
	m, err := New(p.config())
	if err != nil {
		return nil, fmt.Errorf("sgd: read model: %w: %w", wire.ErrCorrupt, err)
	}
	return m, m.UnmarshalBinary(b)
}

// head is what stands before the slots.
type head struct {
	events                     uint64
	weight, sparse, nagS, nagT float64
	labels                     labels
	scaler                     *scale.Scaler
}

func readHead(p *plan, r *wire.Reader) head {
	h := head{events: r.Uvarint(), weight: r.Finite(), sparse: r.Finite(), nagS: r.Finite(), nagT: r.Finite()}
	if r.Err() == nil && min(h.weight, h.sparse, h.nagS, h.nagT) < 0 {
		r.Fail("negative sums %v, %v, %v, %v", h.weight, h.sparse, h.nagS, h.nagT)
	}
	h.labels = readLabels(r)
	h.scaler = scale.Read(r, p.scaling())
	return h
}

// floats returns how many numbers of a slot the optimizer uses.
func (p *plan) floats() int {
	return [...]int{optNAG: 3, optSGD: 1, optAdaGrad: 2}[p.optimizer]
}

// readSlots calls fn with every encoded slot. Errors are left in r.
func (p *plan) readSlots(r *wire.Reader, fn func(i int, s slot)) {
	last, floats := -1, p.floats()
	for range r.Count(1 + 8*floats) {
		last = readIndex(r, last, p.bits)
		s := slot{W: r.Finite()}
		if floats > 1 {
			s.G = r.Finite()
		}
		if floats > 2 {
			s.N = r.Finite()
		}
		if r.Err() == nil && (math.Abs(s.W) > maxWeight || s.G < 0 || s.N < 0 || s.N > scale.Largest) {
			r.Fail("slot %d holds %v, %v, %v", last, s.W, s.G, s.N)
		}
		if r.Err() != nil {
			return
		}
		fn(last, s)
	}
}

// readIndex reads the distance from slot last to the next one.
func readIndex(r *wire.Reader, last, bits int) int {
	d := r.Uvarint()
	if r.Err() == nil && (d == 0 || d > uint64(1<<bits-last)) {
		r.Fail("slot %d steps after slot %d of %d", d, last, 1<<bits)
		return last
	}
	return last + int(d)
}
