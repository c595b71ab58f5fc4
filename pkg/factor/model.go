package factor

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Model is a factorization model with its frozen references. It is not safe for
// concurrent use, except that Score may run concurrently with itself.
type Model struct {
	cfg Config
	p   plan

	live   params
	scaler *scale.Scaler
	labels labels
	events uint64  // events learned
	weight float64 // sum of the weights learned
	sparse float64 // largest magnitude of a sparse feature learned
	norm   float64 // running mean of the norms of gradients, after clipping

	refs [2]reference

	// The event at hand.
	work      workspace
	frozen    workspace // the same event at a reference
	saved     []float64 // rows before an update
	maxSparse float64   // largest magnitude among its sparse features
}

// New returns a model that has learned nothing.
func New(c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Model{cfg: c, p: c.plan()}
	m.live, m.scaler = m.p.fresh(), scale.New(m.p.scaling())
	return m, nil
}

// Config returns the settings of the model.
func (m *Model) Config() Config { return m.cfg }

// Events returns how many events were learned.
func (m *Model) Events() uint64 { return m.events }

// Rows returns how many linear weights and how many factor rows are stored.
func (m *Model) Rows() (linear, factors int) { return m.live.linear.len(), m.live.factors.len() }

// Occupancy returns how many linear weights are in use: one for each feature, apart
// from those that share one.
func (m *Model) Occupancy() event.Occupancy {
	return event.Occupancy{Used: m.live.linear.len(), Slots: 1 << m.p.bits}
}

// Predict evaluates the model on an event and changes nothing. Loss, gradient
// and references are filled when the event is labelled. It refuses the events
// that Learn would refuse for their values.
func (m *Model) Predict(e *event.Event) event.Step {
	if rej := m.gather(e, 0, false); rej != nil {
		return event.Step{Reject: rej}
	}
	var s event.Step
	f := m.p.frame(&m.labels)
	if !e.Labelled {
		s.Prediction, s.Margin = m.p.predict(m.work.z, &f)
	} else {
		y, rej := m.label(e)
		if rej != nil {
			return event.Step{Reject: rej}
		}
		m.p.evaluate(&s, m.work.z, y, &f)
		s.GradNorm = math.Abs(s.Grad) * m.work.norm()
		m.read(e, &s, y)
	}
	if rej := unstable(&s); rej != nil {
		return event.Step{Reject: rej}
	}
	return s
}

// Learn predicts an event and then learns it. An event of weight 0 is only
// predicted. A refused event changes nothing.
func (m *Model) Learn(e *event.Event) event.Step {
	if !e.Labelled {
		return event.Step{Reject: &event.Rejection{Reason: event.LabelMissing, Detail: "an event without label cannot be learned"}}
	}
	h := e.Weight
	if !(h >= 0 && finite(h)) {
		return event.Step{Reject: &event.Rejection{Reason: event.WeightInvalid, Detail: fmt.Sprintf("weight %v: must be finite and not negative", h)}}
	}
	if h == 0 {
		return m.Predict(e)
	}
	y, rej := m.label(e)
	if rej == nil {
		rej = m.gather(e, h, true)
	}
	if rej != nil {
		return event.Step{Reject: rej}
	}
	return m.learn(e, y, h)
}

// learn is the second half of Learn: the event has been accepted and gathered.
func (m *Model) learn(e *event.Event, y, h float64) event.Step {
	var s event.Step
	before := m.p.frame(&m.labels)
	after := m.labels
	if !m.p.logistic {
		after = m.labels.Add(y, h)
	}
	next := m.p.frame(&after)
	m.p.evaluate(&s, m.work.z, y, &before)
	s.GradNorm = math.Abs(s.Grad) * m.work.norm()
	m.read(e, &s, y)
	rej := unstable(&s)
	if rej == nil && !(finite(m.weight+h) && after.Valid()) {
		rej = &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v overflows the sum of the weights", h)}
	}
	if rej != nil {
		return event.Step{Reject: rej}
	}
	g := m.p.gradient(&s, &next)
	factor, norm := m.clipped(math.Abs(g) * m.work.norm())
	if !finite(norm) {
		return event.Step{Reject: &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("the norm of the gradient is %v", norm)}}
	}
	if s.UpdateNorm, rej = m.move(float64(float64(h*g)*factor), h); rej != nil {
		return event.Step{Reject: rej}
	}
	if m.p.scaleLabel {
		s.UpdateNorm = float64(s.UpdateNorm * before.SD)
	}
	m.scaler.Commit()
	m.observeNorm(norm)
	m.labels = after
	m.weight += h
	m.events++
	m.sparse = max(m.sparse, m.maxSparse)
	return s
}

// unstable refuses a step with a loss or a margin that is not finite.
func unstable(s *event.Step) *event.Rejection {
	if finite(s.Margin) && finite(s.Loss) && finite(s.GradNorm) {
		return nil
	}
	return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("margin %v, loss %v, gradient norm %v are not all finite; lower learner.factor.rate and rate_factors", s.Margin, s.Loss, s.GradNorm)}
}

// gather screens the values of an event and evaluates it at the live parameters.
func (m *Model) gather(e *event.Event, h float64, learning bool) *event.Rejection {
	seasoned := scale.Seasoned(m.events)
	staged, rej := m.scaler.Stage(e.X.Dense, h, learning, seasoned)
	if rej != nil {
		return rej
	}
	w := &m.work
	w.reset(e.X.Len())
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		if m.p.model == modelMF && (f.Field == m.p.user || f.Field == m.p.item) {
			return m.numericSide(f)
		}
		w.add(f, staged[i].X, staged[i].ID)
	}
	limit := float64(scale.Largest)
	if seasoned {
		limit = scale.Limit(m.p.extreme, m.sparse)
	}
	m.maxSparse = 0
	for i := range e.X.Sparse {
		f := &e.X.Sparse[i]
		x := math.Abs(f.Value)
		if !(x <= limit) {
			return scale.Refuse(f, limit)
		}
		m.maxSparse = max(m.maxSparse, x)
		w.add(f, f.Value, -1)
	}
	if m.p.model == modelFFM && len(w.act) > maxFieldAware {
		return &event.Rejection{Reason: event.TooManyFeatures, Detail: fmt.Sprintf("%d features, learner.factor.model ffm takes at most %d, since its time grows with their square; use fm", len(w.act), maxFieldAware)}
	}
	w.evaluate(&m.p, &m.live)
	return nil
}

// numericSide refuses a user or an item that is a number, whose size would be its meaning.
func (m *Model) numericSide(f *event.Feature) *event.Rejection {
	key, name := "user", m.cfg.User
	if f.Field == m.p.item {
		key, name = "item", m.cfg.Item
	}
	return &event.Rejection{Reason: event.NoFeatures, Field: name, Detail: fmt.Sprintf("learner.factor.%s is a number; list the field in features.categorical", key)}
}
