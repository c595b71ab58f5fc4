package bandit

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/event"
)

func candidatesConfig(policy string) Config {
	c := Default()
	c.Policy, c.Arms = policy, []string{"a", "b", "c", "d"}
	if policy == Ladder {
		c.Limits = []Limit{{Arm: "a", Price: 0.4}, {Arm: "b", Price: 0.6}, {Arm: "c", Price: 0.8}, {Arm: "d", Price: 1}}
	}
	return c
}

// TestRulesOfOneState: what a candidate would do is what a bandit of its policy and settings would, that has learned
// the same events.
func TestRulesOfOneState(t *testing.T) {
	for _, live := range []string{LinUCB, Softmax, KLUCB} {
		c := candidatesConfig(live)
		var list []Candidate
		var models []*Model
		for _, policy := range Kin(live) {
			own := c
			own.resolvePrior() // it learns what the live policy does
			own.Policy, own.Floor, own.Epsilon, own.Temperature = policy, 0.1, 0.3, 0.2
			models = append(models, newModel(t, own))
			set := map[string]string{"floor": "0.1", "epsilon": "0.3", "temperature": "0.2"}
			list = append(list, Candidate{Name: strings.ToLower(policy), Policy: policy, Set: set})
		}
		k, err := NewCandidates(c, list)
		if err != nil {
			t.Fatal(err)
		}
		m, r := newModel(t, c), rand.New(rand.NewPCG(1, 2))
		d := make([]ope.Decision, len(list)+1)
		for range 300 {
			var e event.Event
			fill(r, &e)
			if !k.Ask(m, &e, d) {
				t.Fatal("a decision is not asked about")
			}
			if d[0].Target != e.Prob || d[0].Propensity != e.Prob {
				t.Fatalf("the logged policy is asked as %+v", d[0])
			}
			for i, own := range models {
				p := own.Distribution(&e, nil, nil)
				if d[i+1].Target != p[e.Arm] {
					t.Fatalf("%s under %s: %v, its own model says %v", list[i].Policy, live, d[i+1].Target, p[e.Arm])
				}
				expected := 0.0
				for a := range p {
					at := e
					at.Arm, at.Labelled = a, false
					q := min(max(m.Predict(&at).Prediction, c.RewardMin), c.RewardMax)
					if expected += p[a] * q; a == e.Arm && math.Abs(d[i+1].Logged-q) > 1e-12 {
						t.Fatalf("predicted %v, want %v", d[i+1].Logged, q)
					}
				}
				if math.Abs(d[i+1].Expected-expected) > 1e-12 {
					t.Fatalf("%s: expects %v, want %v", list[i].Policy, d[i+1].Expected, expected)
				}
				if s := own.Learn(&e); s.Reject != nil {
					t.Fatal(s.Reject)
				}
			}
			m.Learn(&e)
		}
	}
}

// TestCurrentPolicy: every policy can be its own candidate, and predicts the rewards of all arms as it does one by one.
func TestCurrentPolicy(t *testing.T) {
	for _, policy := range slices.DeleteFunc(Policies(), func(p string) bool { return p == Cats }) {
		c := candidatesConfig(policy)
		k, err := NewCandidates(c, []Candidate{{Name: "current"}, {Name: "uniform"}, {Name: "one", Arm: "c"}})
		if err != nil {
			t.Fatal(err)
		}
		m, r := newModel(t, c), rand.New(rand.NewPCG(3, 4))
		d := make([]ope.Decision, 4)
		for range 40 {
			var e event.Event
			fill(r, &e)
			if e.Eligible = nil; r.IntN(2) == 0 {
				e.Eligible = []bool{true, true, false, true}
				e.Arm %= 2
			}
			if !k.Ask(m, &e, d) {
				t.Fatal("a decision is not asked about")
			}
			uniform, one := 0.25, 0.0
			if e.Arm == 2 {
				one = 1
			}
			if e.Eligible != nil {
				uniform, one = 1./3, 1./3
			}
			p := m.Distribution(&e, e.Eligible, nil)
			if got, want := []float64{d[1].Target, d[2].Target, d[3].Target}, []float64{p[e.Arm], uniform, one}; !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", policy, got, want)
			}
			at := e
			at.Labelled = false
			if q := m.Predict(&at).Prediction; math.Abs(d[2].Logged-min(max(q, 0), 1)) > 1e-12 {
				t.Fatalf("%s predicts %v, and %v when asked", policy, q, d[2].Logged)
			}
			m.Learn(&e)
		}
		for _, spoil := range []func(*event.Event){
			func(e *event.Event) { e.Prob = 0 }, func(e *event.Event) { e.Weight = 0 }, func(e *event.Event) { e.Labelled = false },
			func(e *event.Event) { e.Arm = 4 }, func(e *event.Event) { e.Actions = make([]event.Vector, 3) },
		} {
			var e event.Event
			fill(r, &e)
			if spoil(&e); k.Ask(m, &e, d) {
				t.Errorf("%s: no decision is asked about: %+v", policy, e)
			}
		}
	}
}

func TestCandidatesAreChecked(t *testing.T) {
	ok := []Candidate{{Name: "current"}, {Name: "mine", Policy: Softmax, Set: map[string]string{"temperature": "0.5"}}}
	if _, err := NewCandidates(candidatesConfig(LinUCB), ok); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		policy string
		c      Candidate
		want   string
	}{
		{LinUCB, Candidate{Name: "Best"}, "small letters"},
		{LinUCB, Candidate{Name: "logged"}, "always evaluated"},
		{LinUCB, Candidate{Name: "best"}, `policy "best" must be one of current, uniform, always, linucb, lints`},
		{LinUCB, Candidate{Name: "x", Policy: Thompson}, "must be one of"},
		{Cover, Candidate{Name: "x", Policy: Softmax}, "must be one of current, uniform, always"},
		{LinUCB, Candidate{Name: "x", Arm: "e"}, `arm "e" must be one of learner.bandit.arms`},
		{LinUCB, Candidate{Name: "x", Policy: Always}, `arm ""`},
		{LinUCB, Candidate{Name: "uniform", Arm: "a", Policy: Uniform}, "no arm"},
		{LinUCB, Candidate{Name: "x", Policy: Softmax, Arm: "a"}, "has no arm"},
		{LinUCB, Candidate{Name: "x", Arm: "a", Set: map[string]string{"floor": "0"}}, "no settings"},
		{LinUCB, Candidate{Name: "x", Policy: Softmax, Set: map[string]string{"lambda": "2"}}, "set lambda: must be one of floor"},
		{LinUCB, Candidate{Name: "x", Policy: Softmax, Set: map[string]string{"temperature": "hot"}}, "must be a number"},
		{LinUCB, Candidate{Name: "x", Policy: Softmax, Set: map[string]string{"temperature": "-1"}}, "learner.bandit.temperature"},
		{LinUCB, Candidate{Name: "x", Policy: LinTS, Set: map[string]string{"draws": "1.5"}}, "whole number"},
	} {
		if _, err := NewCandidates(candidatesConfig(tc.policy), []Candidate{tc.c}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q", tc.c, err, tc.want)
		}
	}
	many := make([]Candidate, MostCandidates+1)
	if _, err := NewCandidates(candidatesConfig(LinUCB), many); err == nil {
		t.Error("too many are taken")
	}
}

// asking is what a benchmark and the test of allocations ask.
func asking(t testing.TB, list []Candidate) (*Candidates, *Model, *event.Event, []ope.Decision) {
	c := Default()
	c.MaxFeatures = 64
	for i := range 10 {
		c.Arms = append(c.Arms, string(rune('a'+i)))
	}
	k, err := NewCandidates(c, list)
	if err != nil {
		t.Fatal(err)
	}
	m, r, e := newModel(t, c), rand.New(rand.NewPCG(5, 6)), &event.Event{}
	for range 200 {
		e.Reset()
		for i := range uint64(63) {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1 + i, Value: r.NormFloat64()})
		}
		e.Arm, e.Prob, e.Labelled, e.Label = r.IntN(10), 0.1, true, r.Float64()
		m.Learn(e)
	}
	return k, m, e, make([]ope.Decision, len(list)+1)
}

var askedCandidates = []Candidate{{Name: "uniform"}, {Name: "one", Arm: "a"}, {Name: "current"}, {Name: "squarecb"}, {Name: "epsilon"}}

func TestAskTakesNoMemory(t *testing.T) {
	k, m, e, d := asking(t, askedCandidates)
	if n := testing.AllocsPerRun(100, func() { k.Ask(m, e, d) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func evaluation(t testing.TB) *ope.Evaluation {
	e, err := ope.New(ope.Default())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// BenchmarkAsk asks a candidate and adds it, and the logged policy, to the sums: 10 arms, 63 fields and the intercept.
func BenchmarkAsk(b *testing.B) {
	for i := range askedCandidates {
		b.Run(askedCandidates[i].Name, func(b *testing.B) {
			k, m, e, d := asking(b, askedCandidates[i:i+1])
			logged, candidate := evaluation(b), evaluation(b)
			b.ReportAllocs()
			for b.Loop() {
				k.Ask(m, e, d)
				logged.Add(d[0])
				candidate.Add(d[1])
			}
		})
	}
}
