package learner

import (
	"slices"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Evaluation says which candidate policies are evaluated off policy on the decisions that are learned. Its zero value
// evaluates none.
type Evaluation struct {
	// Names and Identities are those of the candidates, the logged policy first. Sums of a candidate that a state
	// holds are continued when both are what they were.
	Names, Identities []string
	// Sums says how weights are tamed and what rewards are possible.
	Sums ope.Config
	// Every is 1 to evaluate every learned decision, n for every n-th.
	Every uint64
	// Alpha: intervals hold with probability 1-alpha. It is no part of the state.
	Alpha float64
	// Ask fills d with what each candidate would do with an event that the model is about to learn; false for an
	// event that is no decision. It does not change the model.
	Ask func(m Model, e *event.Event, d []ope.Decision) bool
}

// EvaluationStats is what is known of one candidate.
type EvaluationStats struct {
	Name string `json:"policy"`
	ope.Summary

	// Identity and Sums are what MergeEvaluations adds up.
	Identity string          `json:"-"`
	Sums     *ope.Evaluation `json:"-"`
}

// logged is the place of the logged policy among the candidates.
const logged = 0

// streamed are the estimators of a stream: they need running sums alone, and few enough for metrics.
var streamed = [...]ope.Estimator{ope.IPS, ope.SNIPS, ope.DR, ope.CressieRead}

// evaluated is one candidate with its sums.
type evaluated struct {
	name, identity string
	sums           *ope.Evaluation
}

// evaluations are the candidates of a learner.
type evaluations struct {
	all   []evaluated
	asked []ope.Decision // of the event at hand
	since uint64         // decisions learned since one was evaluated

	stored []evaluated // as a state holds them, until they are resumed
}

func (v *evaluations) init(c *Evaluation) error {
	for i, name := range c.Names {
		sums, err := ope.New(c.Sums)
		if err != nil {
			return err
		}
		v.all = append(v.all, evaluated{name, c.Identities[i], sums})
	}
	v.asked = make([]ope.Decision, len(v.all))
	return nil
}

// resume continues the sums of a stored state for the candidates that are still what they were.
func (v *evaluations) resume() {
	for i := range v.all {
		c := &v.all[i]
		k := slices.IndexFunc(v.stored, func(s evaluated) bool {
			return s.name == c.name && s.identity == c.identity && s.sums.Config() == c.sums.Config()
		})
		if k >= 0 {
			c.sums = v.stored[k].sums
		}
	}
	v.stored = nil
}

// ask notes what the candidates would do with the event at hand, before it is learned.
func (v *evaluations) ask(l *Learner) bool {
	if v.since+1 < l.cfg.Evaluate.Every {
		v.since++
		return false
	}
	return l.cfg.Evaluate.Ask(l.model, &l.ev, v.asked)
}

// add takes over what was asked, of an event that was learned.
func (v *evaluations) add() {
	v.since = 0
	for i := range v.all {
		v.all[i].sums.Add(v.asked[i]) // refuses what no log should have: weights above 1e12
	}
}

// Evaluations returns what is known of the candidates, the logged policy first; nil for none. It computes quantiles,
// which takes some 100 us for each.
func (l *Learner) Evaluations() []EvaluationStats {
	return statsOf(l.evaluate.all, l.cfg.Evaluate.Alpha)
}

func statsOf(all []evaluated, alpha float64) []EvaluationStats {
	var out []EvaluationStats
	for i := range all {
		c := &all[i]
		sums := *c.sums
		out = append(out, EvaluationStats{c.name, c.sums.Summary(streamed[:], i != logged, alpha), c.identity, &sums})
	}
	if len(out) == 0 {
		return nil
	}
	if x := out[logged].Estimate(ope.IPS); x.Low != nil {
		for i := range out[1:] {
			out[i+1].Compare(*x.Low, *x.High)
		}
	}
	return out
}

func (v *evaluations) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(v.all)))
	if len(v.all) == 0 {
		return b
	}
	b = wire.AppendUvarint(b, v.since)
	for i := range v.all {
		c := &v.all[i]
		sums, err := c.sums.AppendBinary(nil)
		if err != nil {
			panic("learner: sums cannot be encoded: " + err.Error())
		}
		b = wire.AppendString(wire.AppendString(b, c.name), c.identity)
		b = wire.AppendBytes(b, sums)
	}
	return b
}

// read keeps what append wrote, for resume.
func (v *evaluations) read(r *wire.Reader) {
	n := r.Count(3)
	if n == 0 {
		return
	}
	v.since = r.Uvarint()
	for range n {
		c := evaluated{name: r.String(), identity: r.String(), sums: new(ope.Evaluation)}
		data := r.Bytes()
		if r.Err() != nil {
			return
		}
		if err := c.sums.UnmarshalBinary(data); err != nil {
			r.Fail("evaluation of %s: %v", c.name, err)
			return
		}
		v.stored = append(v.stored, c)
	}
}
