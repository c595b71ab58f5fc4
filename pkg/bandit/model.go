package bandit

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// core is the parameters of a policy with what they say of an event. The
// arm, the propensity and the reward of the events are valid.
type core interface {
	// predict returns the margin of the event's arm and the norm of
	// the features, or why the event is refused.
	predict(e *event.Event) (z, norm float64, rej *event.Rejection)
	// learn fills the step and then learns the event; refusing changes nothing.
	learn(e *event.Event, s *event.Step) *event.Rejection
	// distribute sets p, zeros for every arm, to the probabilities of the eligible arms, of which there is one
	// at least, without constraints. It changes nothing else, so that it may be called by many at once.
	distribute(e *event.Event, eligible []bool, p []float64)
	// read evaluates the event at these parameters as a reference.
	read(e *event.Event, r *event.Reading)
	// merge adds what another core of the same configuration learned from other events.
	merge(o core) error
	// append writes the parameters, decode reads them into a fresh core.
	append(b []byte) []byte
	decode(r *wire.Reader)

	// table returns the arms that the core knows. extend makes t the table, which is the one before
	// with arms at its end; those have learned nothing yet.
	table() *arms
	extend(t *arms)
	// seed lets an arm that has learned nothing begin with what the arms like have learned, each counting by.
	seed(arm int, like []int, by float64)
	// forget drops what an arm has learned.
	forget(arm int)
}

// Model is a bandit with its frozen references. It is not safe for concurrent
// use, except that Distribution may run concurrently with itself.
type Model struct {
	cfg      Config
	arms     *arms // those of live
	rails    rails
	guards   []guard
	live     core
	refs     [2]core // nil where no reference is set
	readings [2]event.Reading
	step     event.Step // of the event at hand; here because it is passed to an interface
	last     learned
	harmed   string // arm that the event learned last has proven harmful; empty for none
	harm     string // why
	receipt  []pair // of Correct
}

// New returns a bandit that has learned nothing.
func New(c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Arms, c.Limits = slices.Clone(c.Arms), slices.Clone(c.Limits)
	c.GuardRails = slices.Clone(c.GuardRails)
	c.resolvePrior()
	m := &Model{cfg: c, arms: newArms(&c), guards: c.guards()}
	m.live, m.rails = fresh(&m.cfg, m.arms), newRails(&m.cfg, m.arms)
	return m, nil
}

// fresh returns the parameters of a bandit that has learned nothing.
func fresh(c *Config, t *arms) core {
	switch c.Policy {
	case Thompson, Ladder, Normal, UCB1, KLUCB, EXP3, EXP3IX:
		return newCounts(c, t)
	case Gradient, Reinforce:
		return newGradient(c, t)
	case Cover:
		return newCover(c, t)
	case Cats:
		return newCats(c, t)
	default:
		return newLinear(c, t)
	}
}

// Config returns the settings of the model.
func (m *Model) Config() Config { return m.cfg }

// Distribution appends the probability of every arm for the context of e to
// dst. eligible has an element for each arm and says which may be chosen; nil means all. Arms that
// were removed or are off in price are never eligible. The probabilities add up to 1 and keep the caps, the floor of
// the baseline, the shares of new arms, and the floor: each of the n eligible arms has
// at least floor / n, or its cap. If none is eligible all are 0.
//
// It reads e.X and e.Actions, whose values must be finite, and e.ID, the id of the decision, which
// keys the draws of Thompson policies: the same policy, event and id give the same probabilities.
//
// Policy thompson computes integrals, which takes some 200 us for ten arms and
// gives the same result until the model learns: keep it, or use Policy.
func (m *Model) Distribution(e *event.Event, eligible []bool, dst []float64) []float64 {
	return distribution(m.live, &m.rails, m.arms.len(), e, eligible, dst)
}

func distribution(c core, r *rails, k int, e *event.Event, eligible []bool, dst []float64) []float64 {
	start := len(dst)
	dst = slices.Grow(dst, k)[:start+k]
	p := dst[start:]
	clear(p)
	if c, ok := c.(*cats); ok { // the arms are bins, which have no constraints
		c.distribute(e, nil, p)
		return dst
	}
	if r.masks(eligible, k) {
		var memory [maxArms]bool
		eligible = r.mask(eligible, memory[:k])
	}
	if eligible != nil && !slices.Contains(eligible, true) {
		return dst
	}
	// By type, so that memory stays off the heap.
	switch c := c.(type) {
	case *linear:
		c.distribute(e, eligible, p)
	case *counts:
		c.distribute(e, eligible, p)
	case *gradient:
		c.distribute(e, eligible, p)
	case *cover:
		c.distribute(e, eligible, p)
	}
	r.apply(p, eligible)
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
	z, norm, rej := m.live.predict(e)
	if rej != nil {
		return event.Step{Reject: rej}
	}
	if !e.Labelled {
		s.Prediction, s.Margin = m.cfg.prediction(z), z
		return s
	}
	m.cfg.evaluate(&s, z, norm, e.Label)
	if rej := unstable(&s); rej != nil {
		return event.Step{Reject: rej}
	}
	m.read(e, &s)
	return s
}

// Learn predicts the reward of an event's arm and then learns it. An event of
// weight 0 is only predicted. A refused event changes nothing.
func (m *Model) Learn(e *event.Event) event.Step {
	m.harmed, m.harm = "", ""
	if !e.Labelled {
		return event.Step{Reject: &event.Rejection{Reason: event.LabelMissing, Detail: "an event without reward cannot be learned"}}
	}
	if !(e.Weight >= 0 && finite(e.Weight)) {
		return event.Step{Reject: &event.Rejection{Reason: event.WeightInvalid, Detail: fmt.Sprintf("weight %v: must be finite and not negative", e.Weight)}}
	}
	if e.Weight == 0 {
		m.last = learned{arm: e.Arm}
		return m.Predict(e)
	}
	if rej := m.check(e); rej != nil {
		return event.Step{Reject: rej}
	}
	m.step = event.Step{}
	if rej := m.live.learn(e, &m.step); rej != nil {
		return event.Step{Reject: rej}
	}
	m.last = learned{e.Arm, e.Time, e.Weight}
	m.read(e, &m.step)
	propensity := e.Prob
	if m.cfg.Continuous() {
		propensity = 1 // a density says nothing of how often a bin is chosen
	}
	changed, gone := m.arms.learned(e, propensity, &m.cfg)
	if m.harm = m.arms.harmful(e, m.guards, &m.cfg); m.harm != "" {
		m.harmed, changed = m.arms.list[e.Arm].Name, true
	}
	for _, i := range gone {
		m.live.forget(i)
	}
	if changed || m.cfg.holdsBack(m.arms) != (m.rails.alone >= 0) {
		m.rails = newRails(&m.cfg, m.arms)
	}
	return m.step
}

// check says why the arm, the actions, the propensity or the reward of an event is refused, if one is.
func (m *Model) check(e *event.Event) *event.Rejection {
	if e.Arm < 0 || e.Arm >= m.arms.len() {
		return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("arm %d: the bandit has the indices 0 to %d", e.Arm, m.arms.len()-1)}
	}
	if a := &m.arms.list[e.Arm]; a.Status == ArmRemoved || a.Status == ArmDraining && e.Time > a.Until {
		return gone(a)
	}
	if n := len(e.Actions); n != 0 && n != m.arms.len() {
		return &event.Rejection{Reason: event.ActionsInvalid, Detail: fmt.Sprintf("features of %d actions: the bandit has %d arms; give features for all, in their order, or for none", n, m.arms.len())}
	}
	if n := len(e.Eligible); n != 0 && (n != m.arms.len() || !e.Eligible[e.Arm]) {
		return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("arm %d could not be chosen: the eligible ones of the %d arms are %v", e.Arm, m.arms.len(), e.Eligible)}
	}
	if m.cfg.Continuous() {
		if rej := m.cfg.checkValue(e); rej != nil || !e.Labelled {
			return rej
		}
		return m.CheckLabel(e.Label)
	}
	if !e.Labelled {
		return nil
	}
	if !(e.Prob > 0 && e.Prob <= 1) {
		return &event.Rejection{Reason: event.PropensityInvalid, Detail: fmt.Sprintf("propensity %v: must be above 0 and at most 1", e.Prob)}
	}
	return m.CheckLabel(e.Label)
}

// CheckLabel says why a reward is refused whatever the event, if it is.
func (m *Model) CheckLabel(y float64) *event.Rejection {
	if y >= m.cfg.RewardMin && y <= m.cfg.RewardMax {
		return nil
	}
	return &event.Rejection{Reason: event.RewardInvalid, Detail: fmt.Sprintf("reward %v: learner.bandit.reward_min and reward_max allow %v to %v", y, m.cfg.RewardMin, m.cfg.RewardMax)}
}

// gone refuses a reward of an arm that does not learn any more.
func gone(a *Arm) *event.Rejection {
	return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("arm %q was removed, and this is later than learner.bandit.drain allows: make it longer than rewards are late", a.Name)}
}

func (m *Model) read(e *event.Event, s *event.Step) {
	for i, ref := range m.refs {
		if ref != nil && e.Arm < ref.table().len() {
			ref.read(e, &m.readings[i])
			s.Ref[i] = &m.readings[i]
		}
	}
}

func unstable(s *event.Step) *event.Rejection {
	if finite(s.Prediction) && finite(s.Loss) && finite(s.GradNorm) {
		return nil
	}
	return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("loss %v, gradient norm %v are not finite", s.Loss, s.GradNorm)}
}

func finite(x float64) bool { return x-x == 0 }
