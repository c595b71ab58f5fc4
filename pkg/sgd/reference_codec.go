package sgd

import (
	"errors"
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// ErrNoReference is returned for a reference that is not set.
var ErrNoReference = errors.New("reference is not set")

// AppendReference appends reference i as a sealed envelope of kind KindReference:
//
//	configuration (plan.append)
//	mean, standard deviation of the label frame, lowest, highest prediction float64
//	numeric fields (scale.Scaler.Append)
//	number of slots uvarint, then of each, ascending: distance to the slot before
//	(the first: to -1) uvarint, weight float32, of several classes one for each
func (m *Model) AppendReference(i int, b []byte) ([]byte, error) {
	r := &m.refs[i]
	if !r.set {
		return b, fmt.Errorf("sgd: reference %d: %w", i, ErrNoReference)
	}
	start := len(b)
	b = wire.Begin(b, wire.KindReference, formatVersion)
	b = m.p.append(b)
	for _, v := range [...]float64{r.frame.mean, r.frame.sd, r.frame.lo, r.frame.hi} {
		b = wire.AppendFloat64(b, v)
	}
	b = r.scaler.Append(b)
	b = wire.AppendUvarint(b, uint64(countBits(r.slots)))
	last := -1
	forEachBit(r.slots, func(j int) {
		b = wire.AppendUvarint(b, uint64(j-last))
		for k := range m.p.rowCount() {
			b = wire.AppendFloat32(b, float32(m.slots[j<<m.shift+k*m.lanes].R.ref(i)))
		}
		last = j
	})
	return wire.Seal(b, start), nil
}

// UnmarshalReference sets reference i from what AppendReference wrote. Bytes of
// another configuration, or damaged ones, are refused and change nothing.
func (m *Model) UnmarshalReference(i int, b []byte) error {
	p, r, err := openEnvelope(b, wire.KindReference)
	if err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	if err := m.p.compatible(&p); err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	f := readFrame(r)
	scaler := scale.Read(r, m.p.scaling())
	body := *r // read once to check everything, then again to take it over
	m.p.readWeights(r, func(int, int, float32) {})
	if err := r.Close(); err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	m.clearReference(i)
	ref := &m.refs[i]
	if ref.slots == nil {
		ref.slots = make([]uint64, len(m.touched))
	}
	m.p.readWeights(&body, func(j, k int, w float32) {
		m.slots[j<<m.shift+k*m.lanes].R.setRef(i, w)
		ref.slots[j>>6] |= 1 << (j & 63)
	})
	ref.set, ref.frame, ref.scaler, ref.fields = true, f, scaler, ref.fields[:0]
	m.enroll(0)
	return nil
}

// readFrame reads a frame, whose range may be unbounded.
func readFrame(r *wire.Reader) frame {
	f := frame{mean: r.Finite(), sd: r.Finite(), lo: r.Float64(), hi: r.Float64()}
	if r.Err() == nil && !(f.sd >= 0 && f.sd <= scale.Largest && math.Abs(f.mean) <= scale.Largest && f.lo <= f.hi) {
		r.Fail("label frame %v", f)
	}
	return f
}

// readWeights calls fn with every encoded weight of feature j in row k. Errors are left in r.
func (p *plan) readWeights(r *wire.Reader, fn func(j, k int, w float32)) {
	last, rows := -1, p.rowCount()
	for range r.Count(1 + 4*rows) {
		last = readIndex(r, last, p.bits)
		for k := range rows {
			w := r.Float32()
			if r.Err() == nil && !finite(float64(w)) {
				r.Fail("slot %d holds %v", last, w)
			}
			if r.Err() != nil {
				return
			}
			fn(last, k, w)
		}
	}
}
