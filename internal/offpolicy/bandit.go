package offpolicy

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Layout returns how the context of a decision is read from records of format f: the features of s but for what
// tells of the decision itself, by fields or by s: a model that saw a reward would not be honest. hidden are fields that
// are no features either.
func Layout(f Format, fields Fields, a *Arms, s event.Schema, hidden ...string) event.Layout {
	out := slices.Clone(s.Exclude)
	if fields.Eligible == "" {
		fields.Eligible = s.Eligible
	}
	for _, name := range append(slices.Clone(hidden), fields.Reward, fields.Propensity, fields.Dropped, s.Label, s.Probability, s.Arm) {
		noFeature := slices.Contains([]string{"", fields.Action, s.Weight, s.Time, s.Key, s.ID}, name)
		if !noFeature && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	s.Exclude = out
	s.Label, s.Positive, s.Classes, s.ClassWeights, s.LabelType, s.LabelSeparator, s.SampleNegatives = "", "", nil, nil, "", "", 0
	s.Probability, s.Eligible, s.Arm, s.Arms = "", fields.Eligible, fields.Action, a.names
	s.Continuous = nil // the action is given, not read
	l := event.Layout{Format: f.Name, Schema: s}
	if f.Columns != nil {
		l.Columns, l.Delimiter = f.Columns, string(f.Comma)
	}
	return l
}

// context decodes what a bandit looks at.
type context struct {
	decoder event.Decoder
	e       event.Event
}

func newContext(l event.Layout) (c context, err error) {
	c.decoder, err = catalog.Decoder(l, false)
	return c, err
}

// decode reads the context of a row.
func (c *context) decode(r *row) error {
	if err := c.decoder.Decode(r.record.raw, &c.e); err != nil {
		return refusal{"the context cannot be read", err.Error()}
	}
	return nil
}

// reward makes an event one to learn from, with the arm as the model counts it.
func (r *row) reward(e *event.Event, arm int) *event.Event {
	d := &r.decision
	e.Arm, e.Prob, e.Label, e.Labelled = arm, d.Propensity, d.Reward, true
	e.Weight /= 1 - d.Dropped // for those that were dropped
	return e
}

// Bandit is a policy of package bandit.
type Bandit struct {
	context
	policy interface {
		Distribution(e *event.Event, eligible []bool, dst []float64) []float64
	}
	model *bandit.Model // nil for one that does not learn
	arms  []int         // of every arm of the policy: its index in the log
	seen  event.Event   // the event as the policy counts arms
	p     []float64
	all   []float64

	Untaught Refusals // rows that it could not learn
}

// Published is a policy as it was published; it stays as it is.
func Published(p *bandit.Policy, l event.Layout, a *Arms) (*Bandit, error) {
	return newBandit(p, p.Arms(), l, a)
}

// Learning is a policy that learns from the log as it goes.
func Learning(m *bandit.Model, l event.Layout, a *Arms) (*Bandit, error) {
	b, err := newBandit(m, m.ArmNames(), l, a)
	if err == nil {
		b.model = m
	}
	return b, err
}

func newBandit(policy interface {
	Distribution(e *event.Event, eligible []bool, dst []float64) []float64
}, names []string, l event.Layout, a *Arms,
) (*Bandit, error) {
	b := &Bandit{policy: policy, all: make([]float64, len(a.names))}
	for _, name := range names {
		i, ok := a.index[name]
		if !ok {
			return nil, fmt.Errorf("arm %s of the policy is none of the arms of the log: %s", name, some(a.names))
		}
		b.arms = append(b.arms, i)
	}
	var err error
	b.context, err = newContext(l)
	return b, err
}

func (b *Bandit) target(r *row, t *target) error {
	if err := b.decode(r); err != nil {
		return err
	}
	e := b.view()
	var eligible []bool
	if len(e.Eligible) > 0 {
		if eligible = e.Eligible; !slices.Contains(eligible, true) {
			return refusal{"none of its arms was eligible", ""}
		}
	}
	b.p = b.policy.Distribution(e, eligible, b.p[:0])
	clear(b.all)
	for i, p := range b.p {
		b.all[b.arms[i]] = p
	}
	t.logged, t.all = b.all[r.action], b.all
	return nil
}

// view returns the event with the arms in the order of the policy.
func (b *Bandit) view() *event.Event {
	actions, eligible := b.seen.Actions[:0], b.seen.Eligible[:0]
	b.seen = b.e
	for _, i := range b.arms {
		if len(b.e.Actions) > 0 {
			actions = append(actions, b.e.Actions[i])
		}
		if len(b.e.Eligible) > 0 {
			eligible = append(eligible, b.e.Eligible[i])
		}
	}
	b.seen.Actions, b.seen.Eligible = actions, eligible
	return &b.seen
}

// learn takes the row whose context target has decoded.
func (b *Bandit) learn(r *row) {
	if b.model == nil {
		return
	}
	arm := slices.Index(b.arms, r.action)
	if arm < 0 {
		b.Untaught.add(r.number, r.place, refusal{"the action is none of the policy's arms", ""})
		return
	}
	if s := b.model.Learn(r.reward(&b.seen, arm)); s.Reject != nil {
		b.Untaught.add(r.number, r.place, refusal{s.Reject.Reason.String(), s.Reject.Detail})
	}
}
