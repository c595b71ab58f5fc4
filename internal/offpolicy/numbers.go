package offpolicy

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Interval are the numbers that can be chosen, and the bandwidth of draws. In a log of numbers a row has the density of
// its number by the logging policy, and the importance weight is the candidate's density of the same number over it. Policies that draw
// from windows have densities; one that always takes the same number has none, and is evaluated as an even draw from within the bandwidth.
type Interval struct{ Low, High, Bandwidth float64 }

// IntervalOf returns the interval of a bandit's numbers; nil for one that chooses arms.
func IntervalOf(c *bandit.Config) *Interval {
	if !c.Continuous() {
		return nil
	}
	low, high, bandwidth := c.Interval()
	return &Interval{low, high, bandwidth}
}

// read returns the number of a record.
func (i *Interval) read(r *record, f *field) (float64, error) {
	v, err := r.number(f, "the action")
	if err == nil && !(v >= i.Low && v <= i.High) {
		err = refusal{fmt.Sprintf("the action is no number from %v to %v", i.Low, i.High), fmt.Sprint(v)}
	}
	return v, err
}

// Even is the policy that draws evenly from a part of the interval.
type Even struct {
	fixed
	low, high float64
}

// Even draws from the whole interval.
func (i *Interval) Even() *Even { return &Even{low: i.Low, high: i.High} }

// Near draws from within the bandwidth of a number.
func (i *Interval) Near(number string) (*Even, error) {
	v, _, ok := event.FixedValue(number, i.Low, i.High, i.Bandwidth)
	if !ok {
		return nil, fmt.Errorf("%q must be a number from %v to %v", number, i.Low, i.High)
	}
	low, high := event.Window(v, i.Low, i.High, i.Bandwidth)
	return &Even{low: low, high: high}, nil
}

//nolint:unparam // the signature is that of Policy
func (p *Even) target(r *row, t *target) error {
	t.logged, t.all = 0, nil
	if p.low <= r.value && r.value <= p.high {
		t.logged = 1 / (p.high - p.low)
	}
	return nil
}

// Numbers is a bandit that chooses numbers.
type Numbers struct {
	context
	policy interface {
		Density(e *event.Event) float64
	}
	model *bandit.Model // nil for one that does not learn
	bins  func(v float64) int

	Untaught Refusals // rows that it could not learn
}

// PublishedNumbers is a policy as it was published; it stays as it is.
func PublishedNumbers(p *bandit.Policy, l event.Layout) (*Numbers, error) {
	c, err := newContext(l)
	return &Numbers{context: c, policy: p}, err
}

// LearningNumbers is a policy that learns from the log as it goes.
func LearningNumbers(m *bandit.Model, l event.Layout) (*Numbers, error) {
	c, err := newContext(l)
	cfg := m.Config()
	bins := func(v float64) int { return event.Bin(v, cfg.ValueMin, cfg.ValueMax, cfg.Bins) }
	return &Numbers{context: c, policy: m, model: m, bins: bins}, err
}

func (n *Numbers) target(r *row, t *target) error {
	if err := n.decode(r); err != nil {
		return err
	}
	n.e.Value = r.value
	t.logged, t.all = n.policy.Density(&n.e), nil
	return nil
}

// learn takes the row whose context target has decoded.
func (n *Numbers) learn(r *row) {
	if n.model == nil {
		return
	}
	if s := n.model.Learn(r.reward(&n.e, n.bins(r.value))); s.Reject != nil {
		n.Untaught.add(r.number, r.place, refusal{s.Reject.Reason.String(), s.Reject.Detail})
	}
}
