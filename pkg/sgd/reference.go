package sgd

import (
	"math"
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

const denseCoordinates = event.Coordinates / 2 // intercept and numeric fields; the sketch follows

// reference is a frozen copy of the parameters. Its weights are in the slots,
// as float32, so that evaluating it touches no memory that learning does not.
type reference struct {
	set    bool
	frame  frame
	scaler *scale.Scaler // frozen, nothing is staged in it
	fields []frozenField // the live scaler's fields, as the reference sees them
	z      float64       // score of the event at hand
	seen   []refSlot     // of several classes: its features in the event at hand
	unseen frozenField   // a field that the live scaler does not have
	known  featureSet    // the features that have a weight in it

	reading event.Reading
}

// frozenField is how a reference sees a field of the live scaler. One that it
// does not have is always 0.
type frozenField struct {
	mean, inv  float64
	weight     float64 // of the first row
	sign       float64
	coordinate uint16
}

// SetReference freezes the live parameters as reference i, 0 or 1.
func (m *Model) SetReference(i int) {
	r := &m.refs[i]
	if m.exact == nil && m.p.rowCount() == 1 {
		m.freezeSlots(i, &r.known)
	} else {
		m.clearReference(i)
		r.known.set(m.touched())
		m.eachRow(&r.known, func(at, k int) { m.slots[at].R.setRef(i, narrow(m.frozen(at, m.rowAt(k)))) })
	}
	r.scaler = m.scaler.Clone()
	r.frame = m.p.frame(&m.labels)
	r.set = true
	r.fields = r.fields[:0]
	m.enroll(0)
}

// freezeSlots freezes the weights of one row as reference i, which knew known, in
// one walk over the slots: of a large model it is what takes the time.
func (m *Model) freezeSlots(i int, known *featureSet) {
	words, row := m.touched().words, m.rowAt(0)
	for w, old := range known.words {
		for gone := old &^ words[w]; gone != 0; gone &= gone - 1 {
			m.slots[(w<<6+bits.TrailingZeros64(gone))<<m.shift].R.setRef(i, 0)
		}
	}
	norm, lane, shift := 1.0, 0, m.shift&31
	if m.p.optimizer == optCoin {
		norm = coinNorm(row.nagS, row.nagT)
	}
	if row.race.served > 0 {
		lane = 1
	}
	for w, word := range words {
		for ; word != 0; word &= word - 1 {
			at := (w<<6 + bits.TrailingZeros64(word)) << shift
			weight := m.slots[at+lane].W
			if row.race.served == 2 {
				weight = m.slots[at+lane].N
			}
			m.slots[at].R.setRef(i, narrow(weight/norm))
		}
	}
	known.set(m.touched())
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
	if m.exact != nil { // numbers may become free
		m.clearReference(i)
	}
	m.refs[i].set = false // the next one overwrites the weights
}

// clearReference zeroes the weights of reference i.
func (m *Model) clearReference(i int) {
	m.eachRow(&m.refs[i].known, func(at, _ int) { m.slots[at].R.setRef(i, 0) })
	m.empty(&m.refs[i].known)
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
			r.fields = append(r.fields, m.frozenField(i, m.scaler.Field(id).Hash))
		}
	}
}

// frozenField returns how reference i sees the field with that hash.
func (m *Model) frozenField(i int, hash uint64) frozenField {
	r := &m.refs[i]
	id := r.scaler.Lookup(hash)
	if id < 0 {
		return frozenField{coordinate: denseCoordinates}
	}
	f := frozenField{inv: 1, weight: m.slots[m.position(hash)].R.ref(i), coordinate: uint16(id + 1), sign: 1}
	if f.coordinate >= denseCoordinates {
		f.coordinate, f.sign = sketch(hash, 1)
	}
	if m.p.standardize {
		moments := r.scaler.Field(id).Moments
		f.mean, f.inv = moments.Mean, moments.Inverse()
	}
	return f
}

// sketch returns the coordinate of a hash in the count sketch, and x with its sign.
func sketch(hash uint64, x float64) (uint16, float64) {
	return uint16(hash>>57 | denseCoordinates), math.Float64frombits(math.Float64bits(x) ^ hash&(1<<63))
}

// read evaluates the references on the gathered event and puts them into s.
func (m *Model) read(e *event.Event, s *event.Step, y float64) {
	m.readScores(e)
	m.readLosses(e, s, y)
}

// readScores takes the gathered event's scores and vectors at the references.
func (m *Model) readScores(e *event.Event) {
	for i := range m.refs {
		r := &m.refs[i]
		if !r.set {
			continue
		}
		if e.Views[i] != nil {
			r.z = m.readView(i, e.Views[i])
			continue
		}
		o, n := &r.reading, 1+e.X.Len()
		if o.J, o.X = o.J[:cap(o.J)], o.X[:cap(o.X)]; min(len(o.J), len(o.X)) < n {
			o.J, o.X = make([]uint16, n), make([]float64, n)
		}
		o.J, o.X = o.J[:n], o.X[:n]
		o.J[0], o.X[0] = 0, 1
		sparse := 1 + len(e.X.Dense)
		z := m.slots[m.home].R.ref(i) + m.readDense(i, e.X.Dense, o.J[1:sparse], o.X[1:sparse])
		r.z = z + m.readSparse(i, e.X.Sparse, o.J[sparse:], o.X[sparse:])
	}
}

// readLosses takes losses and gradients at the scores and puts the readings into s.
func (m *Model) readLosses(e *event.Event, s *event.Step, y float64) {
	for i := range m.refs {
		r := &m.refs[i]
		if !r.set {
			continue
		}
		o := &r.reading
		s.Ref[i] = o
		switch {
		case m.p.classes > 0:
			o.Loss, o.Excess, o.Grad = m.readClasses(r, i, e, y)
		case m.p.loss == lossLogistic:
			z := clamp(r.z, r.frame.Lo, r.frame.Hi)
			o.Loss, o.Grad = readLogistic(z, y)
			o.Excess = float64(o.Grad * z)
			continue
		default:
			o.Loss, o.Grad = m.p.lossAt(r.z, y, &r.frame)
			o.Excess = m.p.excess(r.z, o.Loss, o.Grad, &r.frame)
		}
		o.Loss = min(o.Loss, math.MaxFloat64)
		if !(math.Abs(o.Excess) <= math.MaxFloat64) {
			o.Excess = o.Loss
		}
	}
}

// readDense fills coordinates and values of the numeric fields as reference i
// sees them, and returns their part of the score.
func (m *Model) readDense(i int, dense []event.Feature, js []uint16, xs []float64) (z float64) {
	js, xs = js[:len(dense)], xs[:len(dense)]
	staged, fields, limit := m.scaler.Staged()[:len(dense)], m.refs[i].fields, m.p.clip
	if limit == 0 {
		limit = math.Inf(1)
	}
	for k := range dense {
		f, id := &dense[k], staged[k].ID
		var ff *frozenField
		if uint(id) < uint(len(fields)) {
			ff = &fields[id]
		} else {
			ff = m.readField(i, id, f.Hash)
		}
		x := float64((f.Value - ff.mean) * ff.inv)
		if math.Abs(x) > limit {
			x = math.Copysign(limit, x)
		}
		z += float64(x * ff.weight)
		js[k], xs[k] = ff.coordinate, float64(ff.sign*x)
	}
	return z
}

// readField returns how reference i sees the field of that index in the live
// scaler. A new field has none, but a reference from before a restore may know it.
func (m *Model) readField(i, id int, hash uint64) *frozenField {
	r := &m.refs[i]
	if uint(id) >= uint(len(r.fields)) {
		r.unseen = m.frozenField(i, hash)
		return &r.unseen
	}
	return &r.fields[id]
}

// readSparse is readDense for the sparse features.
func (m *Model) readSparse(i int, sparse []event.Feature, js []uint16, xs []float64) (z float64) {
	slots, sh := m.slots, 32*uint(i)
	act := m.act[len(m.act)-len(sparse):]
	act, js, xs = act[:len(sparse)], js[:len(sparse)], xs[:len(sparse)]
	for k := range sparse {
		f := &sparse[k]
		z += float64(f.Value * slots[act[k].idx].R.at(sh))
		js[k], xs[k] = sketch(f.Hash, f.Value)
	}
	return z
}

// narrow rounds a weight to float32, within its range.
func narrow(w float64) float32 {
	return float32(max(-math.MaxFloat32, min(math.MaxFloat32, w)))
}
