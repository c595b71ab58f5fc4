package bandit

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// policy is the parameters of a bandit with what they say of an event. The
// arm of the events is valid, and so is the reward where one is used.
type policy interface {
	// reward says why a reward is refused, if it is.
	reward(r float64) *event.Rejection
	// predict returns the expected reward of the event's arm and the norm of
	// the features, or why the event is refused.
	predict(e *event.Event) (expected, norm float64, rej *event.Rejection)
	// learn fills the step and then learns the event; refusing changes nothing.
	learn(e *event.Event, s *event.Step) *event.Rejection
	// distribution appends the probability of every arm, without the floor. It
	// writes nothing but dst.
	distribution(e *event.Event, dst []float64) []float64
	// read evaluates the event at these parameters as a reference.
	read(e *event.Event, r *event.Reading)
	// append writes the parameters, decode reads them into a fresh policy.
	append(b []byte) []byte
	decode(r *wire.Reader)
}

// Model is a bandit with its frozen references. It is not safe for concurrent
// use, except that Distribution may run concurrently with itself.
type Model struct {
	cfg      Config
	live     policy
	refs     [2]policy // nil where no reference is set
	readings [2]event.Reading
	step     event.Step // of the event at hand; here because it is passed to an interface
}

// New returns a bandit that has learned nothing.
func New(c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Arms = slices.Clone(c.Arms)
	m := &Model{cfg: c}
	m.live = m.fresh()
	return m, nil
}

// fresh returns the parameters of a bandit that has learned nothing.
func (m *Model) fresh() policy {
	if m.cfg.Policy == Thompson {
		return newBetas(&m.cfg)
	}
	return newLinear(&m.cfg)
}

// Config returns the settings of the model.
func (m *Model) Config() Config { return m.cfg }

// Distribution appends the probability of every arm for the context of e to
// dst. They add up to 1 and none is below floor / number of arms. It reads only
// e.X, whose values must be finite.
//
// Policy thompson computes integrals, which takes some 300 us for ten arms and
// gives the same result until the model learns: keep it.
func (m *Model) Distribution(e *event.Event, dst []float64) []float64 {
	start := len(dst)
	dst = m.live.distribution(e, dst)
	enforceFloor(dst[start:], m.cfg.Floor)
	return dst
}

// Predict evaluates the model on an event and changes nothing: the prediction
// is the expected reward of the event's arm. Loss, gradient and references are
// filled when the event is labelled.
func (m *Model) Predict(e *event.Event) event.Step {
	var s event.Step
	if rej := m.check(e); rej != nil {
		return event.Step{Reject: rej}
	}
	expected, norm, rej := m.live.predict(e)
	if rej != nil {
		return event.Step{Reject: rej}
	}
	if !e.Labelled {
		s.Prediction, s.Margin = expected, expected
		return s
	}
	evaluate(&s, expected, norm, e.Label)
	if rej := unstable(&s); rej != nil {
		return event.Step{Reject: rej}
	}
	m.read(e, &s)
	return s
}

// Learn predicts the reward of an event's arm and then learns it. An event of
// weight 0 is only predicted. A refused event changes nothing.
func (m *Model) Learn(e *event.Event) event.Step {
	if !e.Labelled {
		return event.Step{Reject: &event.Rejection{Reason: event.LabelMissing, Detail: "an event without reward cannot be learned"}}
	}
	if !(e.Weight >= 0 && finite(e.Weight)) {
		return event.Step{Reject: &event.Rejection{Reason: event.WeightInvalid, Detail: fmt.Sprintf("weight %v: must be finite and not negative", e.Weight)}}
	}
	if e.Weight == 0 {
		return m.Predict(e)
	}
	if rej := m.check(e); rej != nil {
		return event.Step{Reject: rej}
	}
	m.step = event.Step{}
	if rej := m.live.learn(e, &m.step); rej != nil {
		return event.Step{Reject: rej}
	}
	m.read(e, &m.step)
	return m.step
}

// check says why the arm, the propensity or the reward of an event is refused, if one is.
func (m *Model) check(e *event.Event) *event.Rejection {
	if e.Arm < 0 || e.Arm >= len(m.cfg.Arms) {
		return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("arm %d: learner.bandit.arms has the indices 0 to %d", e.Arm, len(m.cfg.Arms)-1)}
	}
	if !e.Labelled {
		return nil
	}
	if !(e.Prob > 0 && e.Prob <= 1) {
		return &event.Rejection{Reason: event.PropensityInvalid, Detail: fmt.Sprintf("propensity %v: must be above 0 and at most 1", e.Prob)}
	}
	return m.live.reward(e.Label)
}

func (m *Model) read(e *event.Event, s *event.Step) {
	for i, ref := range m.refs {
		if ref != nil {
			ref.read(e, &m.readings[i])
			s.Ref[i] = &m.readings[i]
		}
	}
}

func unstable(s *event.Step) *event.Rejection {
	if finite(s.Loss) && finite(s.GradNorm) {
		return nil
	}
	return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("loss %v, gradient norm %v are not finite", s.Loss, s.GradNorm)}
}

func finite(x float64) bool { return x-x == 0 }
