package sgd

import (
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

const (
	denseCoordinates = event.Coordinates / 2 // intercept and numeric fields; the sketch follows
	sketchMask       = event.Coordinates/2 - 1
)

// reference is a frozen copy of the parameters. Its weights are in the slots,
// as float32, so that evaluating it touches no memory that learning does not.
type reference struct {
	set    bool
	frame  frame
	scaler *scale.Scaler // frozen, nothing is staged in it
	fields []frozenField // the live scaler's fields, as the reference sees them
	known  featureSet    // the features that have a weight in it

	reading event.Reading
}

// frozenField is how a reference sees a field of the live scaler.
type frozenField struct {
	mean, inv  float64
	known      bool // the reference has the field
	coordinate uint16
	sign       float64
}

// SetReference freezes the live parameters as reference i, 0 or 1.
func (m *Model) SetReference(i int) {
	r := &m.refs[i]
	m.clearReference(i)
	r.known.set(m.touched())
	m.eachRow(&r.known, func(at, k int) { m.slots[at].R.setRef(i, narrow(m.frozen(at, m.rowAt(k)))) })
	r.scaler = m.scaler.Clone()
	r.frame = m.p.frame(&m.labels)
	r.set = true
	r.fields = r.fields[:0]
	m.enroll(0)
}

// eachRow calls fn with the place of every row of the features in a set, and the row's number.
func (m *Model) eachRow(set *featureSet, fn func(at, k int)) {
	rows, lanes := m.p.rowCount(), m.lanes
	set.each(func(j int) {
		for k := range rows {
			fn(j<<m.shift+k*lanes, k)
		}
	})
}

// DropReference stops evaluating reference i.
func (m *Model) DropReference(i int) {
	m.clearReference(i)
	m.refs[i].set = false
}

// clearReference zeroes the weights of reference i.
func (m *Model) clearReference(i int) {
	m.eachRow(&m.refs[i].known, func(at, _ int) { m.slots[at].R.setRef(i, 0) })
	m.refs[i].known.clear()
}

// enroll tells the references of the live fields from index known on.
func (m *Model) enroll(known int) {
	for i := range m.refs {
		r := &m.refs[i]
		if !r.set {
			continue
		}
		r.fields = r.fields[:min(known, len(r.fields))]
		for id := len(r.fields); id < m.scaler.Len(); id++ {
			r.fields = append(r.fields, r.see(&m.p, m.scaler.Field(id).Hash))
		}
	}
}

// see returns how the reference sees the field with that hash.
func (r *reference) see(p *plan, hash uint64) frozenField {
	id := r.scaler.Lookup(hash)
	if id < 0 {
		return frozenField{}
	}
	f := frozenField{inv: 1, known: true, coordinate: uint16(id + 1), sign: 1}
	if f.coordinate >= denseCoordinates {
		f.coordinate, f.sign = sketch(hash, 1)
	}
	if p.standardize {
		moments := r.scaler.Field(id).Moments
		f.mean, f.inv = moments.Mean, moments.Inverse()
	}
	return f
}

// sketch returns the coordinate of a hash in the count sketch, and x with its sign.
func sketch(hash uint64, x float64) (uint16, float64) {
	return uint16(denseCoordinates + hash>>57&sketchMask), math.Float64frombits(math.Float64bits(x) ^ hash&(1<<63))
}

// read evaluates the references on the gathered event and puts them into s.
func (m *Model) read(e *event.Event, s *event.Step, y float64) {
	for i := range m.refs {
		if m.refs[i].set {
			s.Ref[i] = m.evaluateReference(i, e, y)
		}
	}
}

func (m *Model) evaluateReference(i int, e *event.Event, y float64) *event.Reading {
	r := &m.refs[i]
	n := 1 + e.X.Len()
	js, xs := slices.Grow(r.reading.J[:0], n)[:n], slices.Grow(r.reading.X[:0], n)[:n]
	js[0], xs[0] = 0, 1
	slots, act, n := m.slots, m.act[1:], 1
	z := slots[m.act[0].idx].R.ref(i)
	multi, seen := m.p.classes > 0, append(m.class.seen[:0], refSlot{m.act[0].idx, 1})
	for k, st := range m.scaler.Staged() {
		f := &e.X.Dense[k]
		var ff frozenField
		if st.ID >= 0 {
			ff = r.fields[st.ID]
		} else { // new to the live scaler, perhaps not to a reference from before a restore
			ff = r.see(&m.p, f.Hash)
		}
		if !ff.known {
			continue
		}
		x := scale.Clip(float64((f.Value-ff.mean)*ff.inv), m.p.clip)
		if multi {
			seen = append(seen, refSlot{act[k].idx, x})
		}
		z += float64(x * slots[act[k].idx].R.ref(i))
		js[n], xs[n] = ff.coordinate, float64(ff.sign*x)
		n++
	}
	act = act[len(e.X.Dense):]
	for k := range e.X.Sparse {
		f := &e.X.Sparse[k]
		if multi {
			seen = append(seen, refSlot{act[k].idx, f.Value})
		}
		z += float64(f.Value * slots[act[k].idx].R.ref(i))
		js[n], xs[n] = sketch(f.Hash, f.Value)
		n++
	}
	var s event.Step
	if m.class.seen = seen; multi {
		s.Loss, s.Grad = m.readClasses(&r.frame, i, y)
	} else {
		m.p.evaluate(&s, z, y, &r.frame)
	}
	r.reading = event.Reading{Loss: min(s.Loss, math.MaxFloat64), Grad: s.Grad, J: js[:n], X: xs[:n]}
	return &r.reading
}

// narrow rounds a weight to float32, within its range.
func narrow(w float64) float32 {
	return float32(max(-math.MaxFloat32, min(math.MaxFloat32, w)))
}
