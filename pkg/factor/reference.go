package factor

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// ErrNoReference is returned for a reference that is not set.
var ErrNoReference = errors.New("reference is not set")

const (
	denseCoordinates = event.Coordinates / 2 // intercept and numeric fields; the sketch follows
	sketchMask       = event.Coordinates/2 - 1
)

// reference is a frozen copy of the parameters, without the optimizer's numbers.
type reference struct {
	set     bool
	params  params
	frame   frame
	scaler  *scale.Scaler // frozen, nothing is staged in it
	reading event.Reading
}

// SetReference freezes the live parameters as reference i, 0 or 1.
func (m *Model) SetReference(i int) {
	r := &m.refs[i]
	r.set = true
	r.params = params{
		intercept: [3]float64{m.live.intercept[0]},
		linear:    m.live.linear.frozen(1), factors: m.live.factors.frozen(m.p.k),
	}
	r.frame, r.scaler = m.p.frame(&m.labels), m.scaler.Clone()
}

// DropReference stops evaluating reference i.
func (m *Model) DropReference(i int) { m.refs[i] = reference{} }

// read evaluates the references on an event and puts them into s.
func (m *Model) read(e *event.Event, s *event.Step, y float64) {
	for i := range m.refs {
		if m.refs[i].set {
			x := &e.X
			if e.Views[i] != nil {
				x = e.Views[i]
			}
			s.Ref[i] = m.evaluateReference(&m.refs[i], x, y)
		}
	}
}

// evaluateReference evaluates an event at frozen parameters. The reading has
// the gradient of z by the intercept and by the linear weights as it is. Of each
// feature's factors it has one more entry in the sketch, the sum of the
// gradient with random signs: a count sketch in which a feature's factors share
// a coordinate.
func (m *Model) evaluateReference(r *reference, x *event.Vector, y float64) *event.Reading {
	w := &m.frozen
	w.reset(x.Len())
	for i := range x.Dense {
		f := &x.Dense[i]
		if id := r.scaler.Lookup(f.Hash); id >= 0 { // a numeric field that it does not know contributes 0
			w.add(f, bounded(r.scaler.Value(*f)), id)
		}
	}
	for i := range x.Sparse {
		w.add(&x.Sparse[i], x.Sparse[i].Value, -1)
	}
	w.evaluate(&m.p, &r.params)
	var s event.Step
	m.p.evaluate(&s, w.z, y, &r.frame)

	n := len(w.act)
	js, xs := slices.Grow(r.reading.J[:0], 1+2*n)[:1+2*n], slices.Grow(r.reading.X[:0], 1+2*n)[:1+2*n]
	js[0], xs[0] = 0, 1
	for i := range w.act {
		a := &w.act[i]
		js[1+i], xs[1+i] = a.coordinate()
		js[1+n+i], xs[1+n+i] = sketch(mix(a.hash), 1)
	}
	m.sketchFactors(w, xs[1+n:])
	r.reading = event.Reading{Loss: min(s.Loss, math.MaxFloat64), Excess: m.p.excess(&s), Grad: s.Grad, J: js, X: xs}
	return &r.reading
}

// sketchFactors multiplies the signs in xs, one of each feature, by the sums of
// the derivatives by its factors with random signs.
func (m *Model) sketchFactors(w *workspace, xs []float64) {
	for i := range xs {
		w.act[i].x = 0 // from here on the sum
	}
	k := m.p.k
	for i := range w.rows {
		r := &w.rows[i]
		if r.active == unneeded {
			continue
		}
		signs, sum := mix(uint64(r.key)+goldenRatio), 0.0
		for _, d := range w.dv[i*k : (i+1)*k] {
			sum += math.Float64frombits(math.Float64bits(d) ^ signs<<63)
			signs = bits.RotateLeft64(signs, -1)
		}
		w.act[r.active].x += sum
	}
	for i := range xs {
		xs[i] *= w.act[i].x
	}
}

// coordinate returns where the gradient by a feature's linear weight stands in
// a reading, and its value.
func (a *active) coordinate() (uint16, float64) {
	if c := a.dense + 1; c >= 1 && c < denseCoordinates {
		return uint16(c), a.x
	}
	return sketch(a.hash, a.x)
}

// sketch returns the coordinate of a hash in the count sketch, and x with its sign.
func sketch(hash uint64, x float64) (uint16, float64) {
	return uint16(denseCoordinates + hash>>57&sketchMask), math.Float64frombits(math.Float64bits(x) ^ hash&(1<<63))
}

// AppendReference appends reference i as a sealed envelope of kind KindReference:
//
//	configuration (Config.append)
//	mean, standard deviation of the label frame, lowest, highest prediction float64
//	numeric fields (scale.Scaler.Append)
//	intercept float64
//	linear weights, then factor rows (table.append), the values alone
func (m *Model) AppendReference(i int, b []byte) ([]byte, error) {
	r := &m.refs[i]
	if !r.set {
		return b, fmt.Errorf("factor: reference %d: %w", i, ErrNoReference)
	}
	start := len(b)
	b = wire.Begin(b, wire.KindReference, formatVersion)
	b = m.cfg.append(b)
	b = r.frame.Append(b)
	b = r.scaler.Append(b)
	b = wire.AppendFloat64(b, r.params.intercept[0])
	b = r.params.linear.append(b)
	b = r.params.factors.append(b)
	return wire.Seal(b, start), nil
}

// UnmarshalReference sets reference i from what AppendReference wrote. Bytes of
// another configuration, or damaged ones, are refused and change nothing.
func (m *Model) UnmarshalReference(i int, b []byte) error {
	r, err := m.open(b, wire.KindReference)
	if err != nil {
		return fmt.Errorf("factor: read reference: %w", err)
	}
	ref := reference{set: true, frame: scale.ReadFrame(r), scaler: scale.Read(r, m.p.scaling())}
	ref.params.intercept[0] = r.Finite()
	if !parameters(ref.params.intercept[:]) {
		r.Fail("intercept %v", ref.params.intercept[0])
	}
	ref.params.linear = readTable(r, 1, m.p.bits, parameters)
	ref.params.factors = readTable(r, m.p.k, m.p.bits, parameters)
	if err := r.Close(); err != nil {
		return fmt.Errorf("factor: read reference: %w", err)
	}
	m.refs[i] = ref
	return nil
}
