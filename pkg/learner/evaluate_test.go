package learner_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// evaluation takes every second label as the reward of a coin's choice, and a candidate that chooses the same side always.
func evaluation() learner.Evaluation {
	return learner.Evaluation{
		Names: []string{"logged", "heads"}, Identities: []string{"logged", "always heads"}, Sums: ope.Default(), Every: 2, Alpha: 0.05,
		Ask: func(m learner.Model, e *event.Event, d []ope.Decision) bool {
			d[0] = ope.Decision{Reward: e.Label, Propensity: 0.5, Target: 0.5}
			d[1] = ope.Decision{Reward: e.Label, Propensity: 0.5, Target: float64(e.Time / 1000 % 2), Expected: 0.1, Logged: 0.1}
			return true
		},
	}
}

// TestEvaluationsSurviveARestart: sums continue bit for bit, and those of a candidate that has changed begin anew.
func TestEvaluationsSurviveARestart(t *testing.T) {
	whole, s := newLearner(t, config(t)), sim.Fraud(1)
	feed(whole, s, 200)
	snapshot := whole.Snapshot()
	d, err := learner.Describe(snapshot.Head)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole.Evaluations(), d.Evaluations, cmp.AllowUnexported(ope.Evaluation{})); diff != "" {
		t.Errorf("described: %s", diff)
	}
	if n := whole.Evaluations()[0].Decisions; n != 100 {
		t.Errorf("%v decisions of 200 events, want every second", n)
	}
	again, err := learner.Restore(config(t), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	changed := config(t)
	changed.Evaluate.Identities[1] = "always tails"
	other, err := learner.Restore(changed, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	feed(whole, s, 101)
	for _, l := range []*learner.Learner{again, other} {
		s := sim.Fraud(1)
		for range 200 {
			s.Next(nil)
		}
		feed(l, s, 101)
	}
	if diff := cmp.Diff(whole.Evaluations(), again.Evaluations(), cmp.AllowUnexported(ope.Evaluation{})); diff != "" {
		t.Errorf("restored: %s", diff)
	}
	e := other.Evaluations()
	if e[0].Decisions != 150 || e[1].Decisions != 50 {
		t.Errorf("%v decisions of the logged policy, %v of a candidate that has changed, want 150 and 50", e[0].Decisions, e[1].Decisions)
	}
	none := config(t)
	none.Evaluate = learner.Evaluation{}
	l, err := learner.Restore(none, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if feed(l, s, 10); l.Evaluations() != nil {
		t.Errorf("without candidates: %+v", l.Evaluations())
	}
	if l.Params() == (state.Sum{}) {
		t.Error("no parameters")
	}
}

// TestEvaluationsOfABandit: in a known world the candidates earn what they should; the learner itself is asked before
// it learns; refused events do not count; parameters do not depend on candidates.
func TestEvaluationsOfABandit(t *testing.T) {
	b := bandit.Default()
	b.Policy, b.Arms, b.Floor, b.Epsilon = bandit.Greedy, []string{"left", "right"}, 0, 0
	candidates := []bandit.Candidate{
		{Name: "current"}, {Name: "uniform"}, {Name: "champion", Arm: "left"}, {Name: "soft", Policy: bandit.Softmax, Set: map[string]string{"temperature": "0.01"}},
	}
	start := func(evaluate bool) *learner.Learner {
		d, err := event.NewJSON(event.Schema{Label: "r", Arm: "a", Arms: b.Arms, Probability: "p"}, true)
		if err != nil {
			t.Fatal(err)
		}
		c := config(t)
		c.Decoder, c.Evaluate = d, learner.Evaluation{}
		c.Model = func() (learner.Model, error) { return bandit.New(b) }
		if evaluate {
			k, err := bandit.NewCandidates(b, candidates)
			if err != nil {
				t.Fatal(err)
			}
			c.Evaluate = learner.Evaluation{
				Names: []string{"logged", "current", "uniform", "champion", "soft"}, Identities: []string{"", "", "", "", ""}, Sums: ope.Default(), Every: 1, Alpha: 0.05,
				Ask: func(m learner.Model, e *event.Event, d []ope.Decision) bool { return k.Ask(m.(*bandit.Model), e, d) },
			}
		}
		return newLearner(t, c)
	}
	l, plain := start(true), start(false)
	// The side of x is the one that pays; the log goes left with probability 0.25.
	for i := range int64(2000) {
		x, side, arm, p := "up", 0, 1, 0.75
		if i%2 == 1 {
			x, side = "down", 1
		}
		if i/2%4 == 0 {
			arm, p = 0, 0.25
		}
		r := 0.1
		if arm == side {
			r = 0.9
		}
		if i%10 == 9 {
			p = 0 // refused
		}
		value := fmt.Appendf(nil, `{"x": %q, "a": %d, "p": %v, "r": %v}`, x, arm, p, r)
		for _, l := range []*learner.Learner{l, plain} {
			l.Feed(learner.Record{Offset: i, Value: value})
		}
	}
	if l.Params() != plain.Params() {
		t.Error("what is learned depends on the candidates")
	}
	e := l.Evaluations()
	if e[0].Decisions != 1800 {
		t.Errorf("%v decisions, 1800 were learned", e[0].Decisions)
	}
	for i, want := range []float64{(0.25*0.9 + 0.75*0.1 + 0.75*0.9 + 0.25*0.1) / 2, 0.9, 0.5, 0.5, 0.9} {
		for _, k := range []ope.Estimator{ope.SNIPS, ope.DR} {
			x := e[i].Estimate(k)
			if i == 0 && k == ope.DR {
				if x.Value != nil {
					t.Error("the logged policy's other choices are not known")
				}
				continue
			}
			if x.Value == nil || math.Abs(*x.Value-want) > 0.05 {
				t.Errorf("%s by %s: %v, want %v", e[i].Name, k, *x.Value, want)
			}
		}
	}
	if a := e[1].Estimate(ope.SNIPS).Against; a != "above" {
		t.Errorf("the learner is %s the log", a)
	}
}

// TestMergeEvaluations: what eight partitions know together is what one learner of all their decisions knows.
func TestMergeEvaluations(t *testing.T) {
	const partitions, n = 8, 1600
	every := func() learner.Config {
		c := config(t)
		c.Evaluate.Every = 1
		return c
	}
	whole := newLearner(t, every())
	parts := make([]*learner.Learner, partitions)
	for i := range parts {
		parts[i] = newLearner(t, every())
	}
	s := sim.Fraud(5)
	for i := range int64(n) {
		record := s.Next(nil)
		for _, l := range []*learner.Learner{whole, parts[i%7*i%partitions]} { // unevenly
			l.Feed(learner.Record{Offset: i, LeaderEpoch: -1, Value: record})
		}
	}
	var each [][]learner.EvaluationStats
	for _, l := range parts {
		each = append(each, l.Evaluations())
	}
	merged, want := learner.MergeEvaluations(0.05, append(each, nil)...), whole.Evaluations()
	if len(merged) != len(want) {
		t.Fatalf("%d candidates, want %d", len(merged), len(want))
	}
	near := func(what string, got, want *float64) {
		t.Helper()
		if (got == nil) != (want == nil) || got != nil && !(math.Abs(*got-*want) <= 1e-9) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for i, w := range want {
		m := merged[i]
		if m.Name != w.Name || m.Decisions != n {
			t.Errorf("%s on %v decisions, want %s", m.Name, m.Decisions, w.Name)
		}
		near(w.Name+": effective size", &m.Effective, &w.Effective)
		near(w.Name+": mean weight", &m.MeanWeight, &w.MeanWeight)
		near(w.Name+": largest weight", &m.MaxWeight, &w.MaxWeight)
		for k, e := range w.Estimates {
			near(w.Name+" by "+e.Estimator, m.Estimates[k].Value, e.Value)
			near(w.Name+" by "+e.Estimator+", low", m.Estimates[k].Low, e.Low)
			near(w.Name+" by "+e.Estimator+", high", m.Estimates[k].High, e.High)
			if m.Estimates[k].Against != e.Against {
				t.Errorf("%s by %s is %s, want %s", w.Name, e.Estimator, m.Estimates[k].Against, e.Against)
			}
		}
	}
	// A partition that has another candidate already is left out, and said to be.
	other := every()
	other.Evaluate.Identities[1] = "always tails"
	odd := newLearner(t, other)
	feed(odd, sim.Fraud(6), 10)
	again := learner.MergeEvaluations(0.05, append(each, odd.Evaluations())...)
	if again[0].Decisions != n || again[1].Decisions != n || !slices.ContainsFunc(again[0].Warnings, func(w string) bool { return strings.HasPrefix(w, "1 of 9 partitions") }) {
		t.Errorf("with another candidate: %+v", again)
	}
	if learner.MergeEvaluations(0.05, nil, nil) != nil {
		t.Error("partitions without candidates have some together")
	}
}
