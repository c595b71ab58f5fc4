package serve

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Errors of a choice.
var (
	// ErrNoID: a decision without an id can neither be drawn nor joined with its reward.
	ErrNoID = errors.New("decision has no id")
	// ErrNoArm: no arm can be chosen, or not the baseline that was to be.
	ErrNoArm = errors.New("no arm to choose")
)

// Mode is how decisions are made.
type Mode string

// The modes.
const (
	Online   Mode = state.PolicyOnline   // the policy draws the arm; the default
	Shadow   Mode = state.PolicyShadow   // the baseline is chosen; the policy only says what it would have done
	Baseline Mode = state.PolicyBaseline // the baseline is chosen, and the policy is not asked
)

// Request asks for a decision. ID and Context are required.
type Request struct {
	// ID is the id of the decision: unique, and that of its reward. The draw depends on it
	// alone, so that a request that is repeated has the same answer from the same version.
	ID string
	// Context is a JSON object, the one that the record of the decision has in the
	// field source.context. Without such a field its members are those of the record.
	Context []byte
	// Actions are the features of the actions, a JSON array of objects, one for each of
	// Eligible in its order, or for each arm; nil when actions have none.
	Actions []byte
	// Eligible names the arms that may be chosen; nil for all.
	Eligible []string
	// Unit makes the draw instead of ID, and is logged: decisions of one unit (a user) in one
	// context have one arm as long as the version stands. Their rewards are not
	// independent, which intervals for estimates must allow for.
	Unit string
	// Key is the value of source.key, unless the context holds that field.
	Key string
	// Baseline is the arm, or the number as text, that is chosen when the mode is not Online. Default that of the model.
	Baseline string
	// Time is that of the decision. Default now.
	Time time.Time
}

// Choose lets the bandit decide. It writes the decision to d, whose memory it uses
// again: a goroutine that keeps a Decision for its requests allocates nothing.
//
// The context is read as the learner reads it from the record that d.AppendJSON
// writes, by the schema that was published with the version (or Options.Schema). The model is that of the
// partition of d.Key.
//
// While nothing was published the error is ErrNoModel: decide by Fallback.
func (c *Client) Choose(d *Decision, r *Request) error {
	t := c.table.Load()
	if t.lead == nil {
		return c.unreadable(t)
	}
	now := time.Now()
	s, err := c.read(d, r, t.lead, now)
	if err != nil {
		s.free()
		return err
	}
	p, err := c.partition(t, &s.event)
	if err != nil {
		s.free()
		return err
	}
	v, err := c.at(t, p)
	if err == nil && v.reading != s.home {
		// Partitions differ while a change of the configuration is being rolled out.
		s.free()
		if v.reading == nil {
			return c.unreadable(t)
		}
		s, err = c.read(d, r, v.reading, now)
	}
	defer s.free()
	if err != nil {
		return err
	}
	d.Partition = p
	return c.decide(d, v, &s.event, r, now)
}

// read writes the record of a request for a schema, and decodes it. The scratch memory
// is to be freed even with an error.
func (c *Client) read(d *Decision, r *Request, by *reading, now time.Time) (*scratch, error) {
	if err := d.begin(c.opts.Model, r, by.form, now); err != nil {
		return nil, err
	}
	whole := append(d.record, '}')
	d.record = whole[:len(d.record)]
	s, err := by.decode(whole)
	if err != nil || s.decoder.ContextEnd() != d.end { // a part of the context could be fields beside it
		if refused := r.checkContext(&by.layout.Schema); refused != nil {
			return s, refused
		}
	}
	if err != nil {
		return s, err
	}
	e := &s.event
	if len(e.ID) == 0 { // the schema has no field of the id
		e.ID = append(e.ID, r.ID...)
	}
	if len(e.Key) == 0 { // the topic has decisions by their id
		e.Key = append(e.Key, e.ID...)
	}
	d.Key = append(d.Key[:0], e.Key...)
	if r.Unit != "" {
		e.ID = append(e.ID[:0], r.Unit...)
	}
	return s, nil
}

// ChooseEvent is Choose for a service that decodes events by itself. It takes from e the
// features, the arms that may be chosen (Eligible), the key, and the id that makes the draw,
// which may be that of a unit. d.AppendJSON has no record to write then; the event that is
// learned must carry the arm and its probability.
func (c *Client) ChooseEvent(d *Decision, e *event.Event) error {
	d.reset(c.opts.Model)
	if len(e.ID) == 0 {
		return fmt.Errorf("%w: Event.ID is empty", ErrNoID)
	}
	t := c.table.Load()
	p, err := c.partition(t, e)
	if err != nil {
		return err
	}
	d.Partition = p
	d.Key = append(d.Key, e.Key...)
	v, err := c.at(t, p)
	if err != nil {
		return err
	}
	d.form, d.record = c.bare, append(d.record, '{')
	return c.decide(d, v, e, &Request{}, time.Now())
}

// decide lets a version choose in the context of an event.
func (c *Client) decide(d *Decision, v *served, e *event.Event, r *Request, now time.Time) error {
	policy := v.model.bandit
	if policy == nil {
		return fmt.Errorf("%w: model %s is no bandit: ask it by Score", ErrKind, c.opts.Model)
	}
	// Under a hold the schema may know arms that came after the version; they are not chosen.
	if n := len(e.Actions); n > 0 && n < len(policy.Arms()) {
		return &event.Rejection{Reason: event.ActionsInvalid, Detail: fmt.Sprintf("features of %d actions: the policy has %d arms", n, len(policy.Arms()))}
	}
	if n := len(e.Eligible); n > 0 && n < len(policy.Arms()) {
		return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("Eligible has %d elements: the policy has %d arms", n, len(policy.Arms()))}
	}
	d.from(v, c.mode(v), now)
	var eligible []bool
	if len(e.Eligible) > 0 {
		eligible = e.Eligible
	}
	if d.Mode != Baseline {
		d.PMF = policy.Distribution(e, eligible, d.PMF[:0])
	}
	if policy.Continuous() {
		return d.value(policy, e, r.Baseline)
	}
	if d.Mode == Online {
		d.Arm = bandit.Choose(d.PMF, policy.Uniform(e.ID))
		d.Name, d.Prob = policy.Arms()[d.Arm], d.PMF[d.Arm]
		if d.Prob > 0 {
			return nil
		}
		if d.Prob == 0 {
			return fmt.Errorf("%w: none of the eligible arms may be chosen any more", ErrNoArm)
		}
		return &event.Rejection{Reason: event.NonFinite, Detail: "the event's values must be finite"}
	}
	return d.baseline(policy, r.Baseline, eligible)
}

// value decides for a number: that of the policy, or the baseline that a request names, or else the model.
func (d *Decision) value(policy *bandit.Policy, e *event.Event, baseline string) error {
	ok := true
	if d.Mode == Online {
		d.Value, d.Arm, d.Prob = policy.Value(e)
	} else {
		d.Value, d.Arm, d.Prob, ok = policy.BaselineValue(baseline)
	}
	if !ok {
		c := policy.Config()
		return fmt.Errorf("%w: decisions are made in mode %s and the baseline is %q: Request.Baseline, or learner.bandit.baseline, must be a number from %v to %v", ErrNoArm, d.Mode, baseline, c.ValueMin, c.ValueMax)
	}
	if !(d.Prob > 0) {
		return &event.Rejection{Reason: event.NonFinite, Detail: "the event's values must be finite"}
	}
	d.Continuous, d.Name = true, policy.Arms()[d.Arm]
	return nil
}

// baseline decides for the arm that a request names, or else the model.
func (d *Decision) baseline(policy *bandit.Policy, name string, eligible []bool) error {
	arm, ok := policy.Baseline()
	if name != "" {
		arm = slices.Index(policy.Arms(), name)
		ok = arm >= 0
	}
	switch {
	case !ok:
		return fmt.Errorf("%w: decisions are made in mode %s and the baseline is %q: Request.Baseline, or learner.bandit.baseline, must be one of %q", ErrNoArm, d.Mode, name, policy.Arms())
	case eligible != nil && !eligible[arm]:
		return fmt.Errorf("%w: decisions are made in mode %s and the baseline %q is not eligible", ErrNoArm, d.Mode, policy.Arms()[arm])
	}
	d.Arm, d.Name, d.Prob = arm, policy.Arms()[arm], 1
	return nil
}

// mode returns how decisions are made: as the operator and Options.Mode say, whichever
// trusts the policy less. What an operator has said that is not known here ends the policy.
func (c *Client) mode(v *served) Mode {
	for _, m := range []Mode{Online, Shadow} {
		if trust(c.opts.Mode, m) && trust(Mode(v.pointer.ReaderPolicy()), m) {
			return m
		}
	}
	return Baseline
}

// trust reports whether a mode trusts the policy no more than most.
func trust(m, most Mode) bool {
	return m == "" || m == Online || m == Shadow && most == Shadow
}

// Fallback decides for r.Baseline without a model, so that a service goes on while
// nothing is published and its decisions are logged all the same. Mode is Baseline,
// Arm is -1 and Version 0.
//
// Without Options.Schema the record has the fields id, ts, context, actions, eligible,
// arm and p. Nobody knows then that the choice is a number: give it Options.Schema, or do not log what was
// decided before the first version.
func (c *Client) Fallback(d *Decision, r *Request) error {
	form := c.fallback
	if lead := c.table.Load().lead; lead != nil {
		form = lead.form
	}
	if err := r.checkContext(form.schema); err != nil { // nobody decodes it
		return err
	}
	if err := d.begin(c.opts.Model, r, form, time.Now()); err != nil {
		return err
	}
	if r.Baseline == "" {
		return fmt.Errorf("%w: Request.Baseline is empty", ErrNoArm)
	}
	d.Prob = 1
	if c := form.schema.Continuous; len(c) > 0 {
		d.Value, d.Prob, d.Continuous = event.FixedValue(r.Baseline, c[0], c[1], c[2])
		if !d.Continuous {
			return fmt.Errorf("%w: Request.Baseline %q must be a number from %v to %v", ErrNoArm, r.Baseline, c[0], c[1])
		}
	}
	d.Key = append(d.Key, r.Key...)
	if len(d.Key) == 0 {
		d.Key = append(d.Key, r.ID...)
	}
	d.Mode, d.Arm, d.Name = Baseline, -1, r.Baseline
	return nil
}
