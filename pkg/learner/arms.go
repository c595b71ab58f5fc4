package learner

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// The arms of a bandit are a part of its parameters, but they are not learned: people decide on them. So a
// change of theirs does not wait for a quarantine, and no freeze or rollback of
// what was learned undoes it: the table of the model that learns is given to whatever is loaded.

// Reading is how records become events.
type Reading struct {
	Decoder event.Decoder
	Records *event.Loop // of a join; nil without one
	Schema  []byte      // see Config.Schema
}

// ArmStats are the counters and gauges of a bandit's arms.
type ArmStats struct {
	Arms []event.ArmReport // in the order of their indices
	// Evidence is that arms are not chosen as often as their logged propensities say: while they are it takes on
	// average at least c decisions until it exceeds c.
	Evidence float64
	Policy   string // what readers are told to do, one of state.Policies
}

func (l *Learner) armStats() *ArmStats {
	m, ok := l.model.(Armed)
	if !ok {
		return nil
	}
	p := state.Pointer{Policy: l.policy}
	return &ArmStats{Arms: m.ArmReports(), Evidence: m.Evidence(), Policy: p.ReaderPolicy()}
}

// Judge returns what the guard rails of a bandit say of its arms, which takes a millisecond or so for each; nil for other models.
func (l *Learner) Judge() []event.RailReport {
	m, ok := l.model.(Armed)
	if !ok {
		return nil
	}
	return m.Judge()
}

var errNoArms = errors.New("the model is no bandit, and has no arms")

// tableOfArms returns the table of the model that learns; nil when there is none.
func (l *Learner) tableOfArms() []byte {
	if a, ok := l.model.(Armed); ok {
		return a.AppendArms(nil)
	}
	return nil
}

// loadUnder puts older parameters into a model, with a newer table of arms if it has any.
func (p *params) loadUnder(m Model, table []byte) error {
	if a, ok := m.(Armed); ok && table != nil {
		return a.UnmarshalUnder(p.parts[0].data(), table)
	}
	return p.load(m)
}

// changeArm takes a command about an arm.
func (l *Learner) changeArm(kind string, a *state.Args) error {
	m, ok := l.model.(Armed)
	if !ok {
		return errNoArms
	}
	names := m.ArmNames()
	if kind == event.ArmAdd && !slices.Contains(names, a.Arm) {
		names = append(slices.Clone(names), a.Arm)
	}
	r, err := l.readingOf(names) // before anything changes: it may be refused
	if err != nil {
		return err
	}
	if err := m.ChangeArm(event.ArmChange{Kind: kind, Arm: a.Arm, Like: a.Like, Cap: a.Cap, Price: a.Price}); err != nil {
		return err
	}
	l.adoptReading(r)
	l.followArms(m)
	return nil
}

// noteHarm notes an arm that was taken out by the event at hand.
func (l *Learner) noteHarm(o *Outcome, m Armed) {
	arm, why := m.Harm()
	if arm == "" {
		return
	}
	o.Harm = why
	r := l.audit(state.AuditCommand, nil)
	r.Command, r.Args, r.Why = event.ArmRemove, state.Args{Arm: arm}, why
}

// takeOut tells readers at once that an arm was taken out.
func (l *Learner) takeOut(o *Outcome) {
	m, ok := l.model.(Armed)
	if !ok || o.Harm == "" {
		return
	}
	before := l.served()
	l.followArms(m)
	if l.served() != before {
		l.auditServed("")
	}
	o.Save = true
}

// setPolicy says what readers do with a bandit.
func (l *Learner) setPolicy(policy string) error {
	m, ok := l.model.(Armed)
	switch {
	case !ok:
		return errNoArms
	case !slices.Contains(state.Policies(), policy):
		return fmt.Errorf("policy %q: must be one of %s", policy, strings.Join(state.Policies(), ", "))
	case policy != state.PolicyOnline && !m.HasBaseline():
		return fmt.Errorf("policy %s: no arm is the baseline: name one by 'streamlearner arms baseline', or as learner.bandit.baseline", policy)
	}
	l.policy = policy
	return nil
}

// readingOf returns how records and readers name these arms; nil when they name none.
func (l *Learner) readingOf(names []string) (*Reading, error) {
	if l.cfg.Arms == nil {
		return nil, nil
	}
	r, err := l.cfg.Arms(names)
	if err == nil {
		err = state.CheckSchema(r.Schema)
	}
	if err != nil {
		return nil, fmt.Errorf("reading records with the arms %q: %w", names, err)
	}
	return &r, nil
}

// adoptReading lets records be read so from now on.
func (l *Learner) adoptReading(r *Reading) {
	if r == nil {
		return
	}
	l.cfg.Decoder, l.cfg.Schema = r.Decoder, r.Schema
	if l.join != nil {
		c := *l.join.cfg
		c.Records, l.join.cfg = r.Records, &c
	}
}

// renewDecoder lets records and readers name the arms that the model has.
func (l *Learner) renewDecoder(m Armed) error {
	r, err := l.readingOf(m.ArmNames())
	if err == nil {
		l.adoptReading(r)
	}
	return err
}

// followArms brings a change of the table, which the model that learns has, to readers at once. What is
// served and what was proven become new versions, of the same learned parameters. What waits in quarantine has the
// table of before and goes.
func (l *Learner) followArms(m Armed) {
	table := m.AppendArms(nil)
	l.live.stale = true
	l.pending = l.pending[:0]
	if l.hold != nil {
		l.hold = &hold{checkpoint: l.withArms(&l.hold.checkpoint, table), released: l.hold.released}
	}
	if l.proven != nil {
		c := l.withArms(l.proven, table)
		l.proven = &c
		if l.hold != nil {
			l.audit(state.AuditProven, l.proven)
		}
	}
	if l.champion != nil {
		l.renewChampion()
	}
}

// underTerms returns a version that is older than what was decided of the arms since as one that keeps to it: what an
// operator or the guard rail has taken out does not come back with old parameters.
func (l *Learner) underTerms(c checkpoint) checkpoint {
	now, ok := l.model.(Armed)
	if !ok {
		return c
	}
	terms, err := now.TermsOf(c.params.parts[0].data())
	if err != nil {
		panic(fmt.Sprintf("learner: version %d was found to be of this model, and is not: %v", c.version.Number, err))
	}
	if bytes.Equal(terms, now.AppendTerms(nil)) {
		return c
	}
	return l.withArms(&c, now.AppendArms(nil))
}

// withArms returns a version with another table of arms. It has no state of its own that it was
// taken from: a rebuild of it begins before it.
func (l *Learner) withArms(c *checkpoint, table []byte) checkpoint {
	m := l.fresh()
	if err := c.params.loadUnder(m, table); err != nil {
		panic(fmt.Sprintf("learner: version %d does not take the arms of the model: %v", c.version.Number, err))
	}
	data := encode(m)
	l.versions++
	out := checkpoint{version: c.version, at: c.at, params: whole(func() []byte { return data })}
	v := &out.version
	v.Parent, v.Number, v.State = v.Number, l.versions, state.Sum{}
	v.Config, v.Binary, v.Arch = l.cfg.hash(), l.cfg.Binary, l.cfg.Arch
	return out
}

// restartArms takes over what changed settings have changed of the arms, and reads records by the arms of the state.
func (l *Learner) restartArms(diff []string) error {
	m, ok := l.model.(Armed)
	if !ok {
		return nil
	}
	if err := l.renewDecoder(m); err != nil {
		return err
	}
	if l.policy != "" && l.policy != state.PolicyOnline && !m.HasBaseline() {
		return fmt.Errorf("learner.bandit.baseline: must name an arm while readers have the policy %s; end that first by 'streamlearner policy online'", l.policy)
	}
	if slices.ContainsFunc(diff, func(line string) bool { return strings.HasPrefix(line, "learner.bandit.") }) {
		before := l.served()
		l.followArms(m)
		if l.served() != before {
			l.auditServed("")
		}
	}
	return nil
}
