package sgd

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// One-vs-all (Rifkin, Klautau 2004, https://jmlr.org/papers/v5/rifkin04a.html):
// each class has a logistic model of its own against all others, with an
// optimizer of its own. The rows of a feature, one a class, lie side by side. The predicted class is
// that of the highest margin, of equal ones the first; the probabilities are
// those of the rows over their sum. The loss is the sum of the losses of the
// rows. Other losses of several classes have such rows too, see softmax.go and targets.go.

// maxClasses bounds the rows of a feature.
const maxClasses = 1024

// row is what a model keeps for one linear score, besides the slots.
type row struct {
	nagS float64 // nag: sum of weight times normalised squared norm, over the events that moved weights
	nagT float64 // nag: sum of the weights of the same events
	race race
}

// classRows is the part of a Model that only several classes need.
type classRows struct {
	rows []row

	// The event at hand.
	target  []float64 // what each row aims at: 1 or 0, or a cost
	listed  []bool    // classes that it can have: all but with costs
	labels  []uint32  // multilabel: its classes
	probs   []float64
	margins []float64
	z       []float64 // softmax: the scores
	offset  []float64 // softmax: what the scores are compared with; 0 for one-vs-all
	before  []row     // the rows as they were
	saved   []slot    // the slots of its features as they were
}

func newClassRows(classes int) classRows {
	return classRows{
		rows: make([]row, classes), before: make([]row, classes), listed: slices.Repeat([]bool{true}, classes),
		target: make([]float64, classes), probs: make([]float64, classes), margins: make([]float64, classes),
		z: make([]float64, classes), offset: make([]float64, classes),
	}
}

// rowCount is the number of linear scores.
func (p *plan) rowCount() int { return max(1, p.classes) }

// rowAt returns row k.
func (m *Model) rowAt(k int) *row {
	if m.p.classes == 0 {
		return &m.row
	}
	return &m.class.rows[k]
}

// turn moves on to the next row, or back by so many.
func (m *Model) turn(rows int) {
	by := uint32(rows * m.lanes) // wraps round when negative
	for i := range m.act {
		m.act[i].idx += by
	}
}

// predictClasses is Predict for a gathered event; label is that of classLabel.
func (m *Model) predictClasses(label float64, labelled bool) event.Step {
	v, norm2 := election{label: label, labelled: labelled}, 0.0
	f := m.p.frame(&m.labels)
	m.contrast(0)
	for k := range m.class.rows {
		m.row = m.class.rows[k]
		var z float64
		var s event.Step
		z, norm2 = m.dotRow(k, 0)
		if !labelled {
			s.Prediction, s.Margin = m.p.predict(z, &f)
		} else {
			m.p.evaluate(&s, z, m.class.target[k], &f)
		}
		v.vote(m, k, &s)
		m.turn(1)
	}
	m.turn(-len(m.class.rows))
	return v.result(m, norm2)
}

// predictRows is Predict for a gathered event.
func (m *Model) predictRows(e *event.Event) event.Step {
	label := 0.0
	var refs event.Step
	if e.Labelled {
		y, rej := m.label(e)
		if rej != nil {
			return event.Step{Reject: rej}
		}
		label = y
		m.read(e, &refs, y)
	}
	s := m.predictClasses(label, e.Labelled)
	s.Ref = refs.Ref
	if rej := unstable(&s); rej != nil {
		return event.Step{Reject: rej}
	}
	return s
}

// learnClasses is learn for several classes. Every row is evaluated and then
// learned; when one refuses the event, all are put back.
func (m *Model) learnClasses(e *event.Event, y, h float64) event.Step {
	var (
		v         = election{label: y, labelled: true}
		refs      event.Step
		norm2     float64
		change    float64
		rejection *event.Rejection
		after     = m.labelsAfter(h)
		f, next   = m.p.frame(&m.labels), m.p.frame(&after)
	)
	m.read(e, &refs, y)
	m.saveRows()
	m.contrast(h)
	for k := range m.class.rows {
		m.row = m.class.rows[k]
		var s event.Step
		var z, norm float64
		z, norm2 = m.dotRow(k, h)
		u := newUpdate(z, norm2, m.class.target[k], h)
		m.p.aim(&u, &s, &f, &next)
		s.GradNorm = math.Abs(s.Grad) * math.Sqrt(norm2)
		v.vote(m, k, &s)
		if rejection = unstable(&s); rejection == nil && m.class.listed[k] {
			norm, rejection = m.learnFrom(&u, s.Loss, &f, &next)
		}
		m.class.rows[k] = m.row
		change += float64(norm * norm)
		m.turn(1)
		if rejection != nil {
			m.turn(-k - 1)
			break
		}
	}
	if rejection == nil {
		m.turn(-len(m.class.rows))
		s := v.result(m, norm2)
		s.Ref, s.UpdateNorm = refs.Ref, float64(math.Sqrt(change)*f.SD)
		if rejection = unstable(&s); rejection == nil && !(finite(change) && finite(m.weight+h) && after.Valid()) {
			rejection = &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v overflows the sum of the weights", h)}
		}
		if rejection == nil {
			m.commit(after, h)
			for k, z := range m.class.margins {
				m.calibrateBy(k, z, m.class.target[k], h)
			}
			return s
		}
	}
	m.restoreRows()
	return event.Step{Reject: rejection}
}

// saveRows remembers all rows of the event's features.
func (m *Model) saveRows() {
	n := m.p.classes * m.lanes
	m.class.saved = m.class.saved[:0]
	for i := range m.act {
		at := int(m.act[i].idx)
		m.class.saved = append(m.class.saved, m.slots[at:at+n]...)
	}
	copy(m.class.before, m.class.rows)
}

// restoreRows puts back what saveRows remembered.
func (m *Model) restoreRows() {
	n := m.p.classes * m.lanes
	for i := range m.act {
		at := int(m.act[i].idx)
		copy(m.slots[at:at+n], m.class.saved[i*n:(i+1)*n])
	}
	copy(m.class.rows, m.class.before)
}

// ScoreClasses returns the predicted class of an event and appends to dst the
// probabilities of all classes, as Predict gives them; with the loss csoaa their
// costs. It is for models of several classes, and as safe for concurrent use as Score.
func (m *Model) ScoreClasses(e *event.Event, dst []float64) (class int, probs []float64) {
	start, sum := len(dst), 0.0
	f, best, margin := m.p.frame(&m.labels), math.Inf(-1), math.Inf(-1)
	for k := range m.class.rows {
		p, z, said := m.scoreRow(e, k, &f)
		if said > best || said == best && z > margin {
			best, margin, class = said, z, k
		}
		dst = append(dst, p)
		sum += p
	}
	switch own := dst[start:]; m.p.several {
	case severalSoftmax:
		softmax(own)
	case severalOVA:
		for k := range own {
			own[k] /= sum
		}
	case severalMultilabel, severalCosts:
	}
	return class, dst
}

// scoreRow returns what row k says of an event: its probability (of softmax the
// score, of csoaa the cost), its margin, and how much it speaks for its class.
func (m *Model) scoreRow(e *event.Event, k int, f *frame) (p, margin, said float64) {
	z := m.score(e, k)
	if m.p.softmax() {
		return z, z, z
	}
	p, margin = m.p.predict(z, f)
	switch {
	case m.p.several == severalCosts:
		return p, margin, -margin
	case m.calibration != nil:
		p = m.calibration[k].Probability(margin)
		return p, margin, p
	}
	return p, margin, margin
}

// scoreClass is what Predict has as prediction: the class, or of several labels their number.
func (m *Model) scoreClass(e *event.Event) float64 {
	class, labels := m.chosen(e)
	if m.p.several == severalMultilabel {
		return float64(labels)
	}
	return float64(class)
}

// chosen returns the class of an event, and how many labels it probably has.
func (m *Model) chosen(e *event.Event) (class, labels int) {
	f, best, margin := m.p.frame(&m.labels), math.Inf(-1), math.Inf(-1)
	for k := range m.class.rows {
		p, z, said := m.scoreRow(e, k, &f)
		if said > best || said == best && z > margin {
			best, margin, class = said, z, k
		}
		if p >= 0.5 {
			labels++
		}
	}
	return class, labels
}

// refSlot is a feature of the event at hand as a reference sees it.
type refSlot struct {
	at uint32
	x  float64
}

// see collects the features of the event as reference i sees them. Its reading has their values.
func (m *Model) see(i int, e *event.Event) []refSlot {
	r := &m.refs[i]
	seen, act, xs := append(r.seen[:0], refSlot{m.act[0].idx, 1}), m.act[1:], r.reading.X[1:]
	for k, st := range m.scaler.Staged() {
		ff := m.readField(i, st.ID, e.X.Dense[k].Hash)
		seen = append(seen, refSlot{act[k].idx, float64(ff.sign * xs[k])})
	}
	act = act[len(e.X.Dense):]
	for k := range e.X.Sparse {
		seen = append(seen, refSlot{act[k].idx, e.X.Sparse[k].Value})
	}
	return seen
}

// readClasses evaluates reference r, of index i, on the features that it sees. The gradient of
// several rows is watched along one direction: the sum over the classes of derivative
// times a fixed sign (-1 for every other two classes), times x.
func (m *Model) readClasses(r *reference, i int, e *event.Event, y float64) (loss, excess, grad float64) {
	c := &m.class
	if e.Views[i] == nil { // else readView has found them
		r.seen = m.see(i, e)
	}
	for k := range c.rows {
		by := uint32(k * m.lanes)
		c.z[k] = 0
		for _, s := range r.seen {
			c.z[k] += float64(s.x * m.slots[s.at+by].R.ref(i))
		}
	}
	if m.p.softmax() {
		others(c.z, c.offset, c.probs)
	}
	for k := range c.rows {
		if !c.listed[k] {
			continue
		}
		var s event.Step
		m.p.evaluate(&s, c.z[k]-c.offset[k], c.target[k], &r.frame)
		if m.p.softmax() {
			if float64(k) == y {
				loss = s.Loss
			}
			excess += float64(s.Grad * c.z[k])
		} else {
			loss += s.Loss
			excess += m.p.excess(c.z[k], s.Loss, s.Grad, &r.frame)
		}
		if k&2 == 0 {
			grad += s.Grad
		} else {
			grad -= s.Grad
		}
	}
	return loss, excess, grad
}
