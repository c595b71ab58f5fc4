package sgd

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// One-vs-all (Rifkin, Klautau 2004, https://jmlr.org/papers/v5/rifkin04a.html):
// each class has a logistic model of its own against all others, with an
// optimizer of its own. The rows of a feature, one a class, lie side by side. The predicted class is
// that of the highest margin, of equal ones the first; the probabilities are
// those of the rows over their sum. The loss is the sum of the losses of the
// rows. Softmax has the same rows, see softmax.go.

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
	probs  []float64
	z      []float64 // softmax: the scores
	offset []float64 // softmax: what the scores are compared with; 0 for one-vs-all
	before []row     // the rows as they were
	saved  []slot    // the slots of its features as they were
	seen   []refSlot
}

func newClassRows(classes int) classRows {
	return classRows{rows: make([]row, classes), before: make([]row, classes), probs: make([]float64, classes),
		z: make([]float64, classes), offset: make([]float64, classes)}
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

// classLabel returns the class that the label names, or why it is refused.
func (m *Model) classLabel(e *event.Event) (float64, *event.Rejection) {
	if y := e.Label; y >= 0 && y < float64(m.p.classes) && y == math.Trunc(y) {
		return y, nil
	}
	return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: must be the index of a class, a whole number from 0 to %d (learner.classes %d)", e.Label, m.p.classes-1, m.p.classes)}
}

// turn moves on to the next row, or back by so many.
func (m *Model) turn(rows int) {
	by := uint32(rows * m.lanes) // wraps round when negative
	for i := range m.act {
		m.act[i].idx += by
	}
}

// election gathers what the rows say of an event.
type election struct {
	step  event.Step
	label float64 // -1 for none
	best  float64 // highest margin
	sum   float64 // of the probabilities
	grad2 float64 // sum of the squared derivatives
}

// vote counts the step of row k.
func (v *election) vote(m *Model, k int, s *event.Step) {
	z := s.Margin
	if m.p.softmax {
		z = m.class.z[k]
	}
	if k == 0 || z > v.best {
		v.best, v.step.Class = z, k
		if v.label < 0 {
			v.step.Margin = s.Margin
		}
	}
	if float64(k) == v.label {
		v.step.Margin, v.step.Grad = s.Margin, s.Grad
	}
	m.class.probs[k] = s.Prediction
	v.sum += s.Prediction
	if !m.p.softmax || float64(k) == v.label {
		v.step.Loss += s.Loss
	}
	v.grad2 += float64(s.Grad * s.Grad)
}

// result is the step of all rows.
func (v *election) result(m *Model, norm2 float64) event.Step {
	if m.p.softmax {
		copy(m.class.probs, m.class.z)
		softmax(m.class.probs)
	} else {
		for k := range m.class.probs {
			m.class.probs[k] /= v.sum
		}
	}
	s := v.step
	s.Prediction, s.Probs = float64(s.Class), m.class.probs
	if v.label >= 0 {
		s.Label = v.label
		s.GradNorm = math.Sqrt(float64(v.grad2 * norm2))
	}
	return s
}

// is is 1 for the class of the label and 0 for the others.
func is(k int, label float64) float64 {
	if float64(k) == label {
		return 1
	}
	return 0
}

// predictClasses is Predict for a gathered event; label is -1 for none.
func (m *Model) predictClasses(label float64) event.Step {
	v, norm2 := election{label: label}, 0.0
	f := m.p.frame(&m.labels)
	m.contrast(0)
	for k := range m.class.rows {
		m.row = m.class.rows[k]
		var z float64
		var s event.Step
		z, norm2 = m.dotRow(k, 0)
		if label < 0 {
			s.Prediction, s.Margin = m.p.predict(z, &f)
		} else {
			m.p.evaluate(&s, z, is(k, label), &f)
		}
		v.vote(m, k, &s)
		m.turn(1)
	}
	m.turn(-len(m.class.rows))
	return v.result(m, norm2)
}

// predictRows is Predict for a gathered event.
func (m *Model) predictRows(e *event.Event) event.Step {
	label := -1.0
	var refs event.Step
	if e.Labelled {
		y, rej := m.classLabel(e)
		if rej != nil {
			return event.Step{Reject: rej}
		}
		label = y
		m.read(e, &refs, y)
	}
	s := m.predictClasses(label)
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
		v         = election{label: y}
		refs      event.Step
		norm2     float64
		change    float64
		rejection *event.Rejection
		f         = m.p.frame(&m.labels)
	)
	m.read(e, &refs, y)
	m.saveRows()
	m.contrast(h)
	for k := range m.class.rows {
		m.row = m.class.rows[k]
		var s event.Step
		var z float64
		z, norm2 = m.dotRow(k, h)
		u := newUpdate(z, norm2, is(k, y), h)
		m.p.aim(&u, &s, &f, &f)
		s.GradNorm = math.Abs(s.Grad) * math.Sqrt(norm2)
		v.vote(m, k, &s)
		norm := 0.0
		if rejection = unstable(&s); rejection == nil {
			norm, rejection = m.learnFrom(&u, s.Loss, &f, &f)
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
		s.Ref, s.UpdateNorm = refs.Ref, math.Sqrt(change)
		if rejection = unstable(&s); rejection == nil && !(finite(change) && finite(m.weight+h)) {
			rejection = &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v overflows the sum of the weights", h)}
		}
		if rejection == nil {
			m.commit(m.labels, h)
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

// ScoreClasses returns the predicted class of an event and appends the
// probabilities of all classes to dst, as Predict gives them. It is for models
// of several classes, and as safe for concurrent use as Score.
func (m *Model) ScoreClasses(e *event.Event, dst []float64) (class int, probs []float64) {
	start := len(dst)
	best := math.Inf(-1)
	for k := range m.class.rows {
		z := m.score(e, k)
		if z > best {
			best, class = z, k
		}
		dst = append(dst, z)
	}
	own := dst[start:]
	if m.p.softmax {
		softmax(own)
		return class, dst
	}
	sum, f := 0.0, m.p.frame(&m.labels)
	for k, z := range own {
		own[k], _ = m.p.predict(z, &f)
		sum += own[k]
	}
	for k := range own {
		own[k] /= sum
	}
	return class, dst
}

// scoreClass is the class of ScoreClasses as a number.
func (m *Model) scoreClass(e *event.Event) float64 {
	best, class := math.Inf(-1), 0
	for k := range m.class.rows {
		if z := m.score(e, k); z > best {
			best, class = z, k
		}
	}
	return float64(class)
}

// refSlot is a feature of the event at hand as a reference sees it.
type refSlot struct {
	at uint32
	x  float64
}

// readClasses evaluates reference i, with its frame, on the features that it sees. The gradient of
// several rows is watched along one direction: the sum over the classes of derivative
// times a fixed sign (-1 for every other two classes), times x.
func (m *Model) readClasses(f *frame, i int, y float64) (loss, grad float64) {
	c := &m.class
	for k := range c.rows {
		by := uint32(k * m.lanes)
		c.z[k] = 0
		for _, s := range c.seen {
			c.z[k] += float64(s.x * m.slots[s.at+by].R.ref(i))
		}
	}
	if m.p.softmax {
		others(c.z, c.offset, c.probs)
	}
	for k := range c.rows {
		var s event.Step
		m.p.evaluate(&s, c.z[k]-c.offset[k], is(k, y), f)
		if !m.p.softmax || float64(k) == y {
			loss += s.Loss
		}
		if k&2 == 0 {
			grad += s.Grad
		} else {
			grad -= s.Grad
		}
	}
	return loss, grad
}
