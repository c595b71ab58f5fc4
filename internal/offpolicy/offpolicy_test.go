package offpolicy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
)

var (
	jsonFormat = offpolicy.Format{Name: dataset.JSON}
	fields     = offpolicy.Fields{Action: "a", Reward: "r", Propensity: "p"}
)

func config(arms ...string) offpolicy.Config {
	return offpolicy.Config{Format: jsonFormat, Fields: fields, Arms: offpolicy.NewArms(arms), Ope: ope.Default()}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func place() string { return "here" }

// settings are those of a bandit over the arms.
func settings(policy string, arms ...string) bandit.Config {
	c := bandit.Default()
	c.Policy, c.Arms = policy, arms
	return c
}

// logOf makes records of a world with a known value: the reward of a is 0.2 + 0.5 x, that of b 0.6 - 0.4 x, plus
// noise, x uniform in [0, 1]. The log takes a with probability 0.3 + 0.4 x.
func logOf(n int, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	log := make([]string, n)
	for i := range log {
		x := r.Float64()
		p, arm, reward := 0.3+0.4*x, "a", 0.2+0.5*x
		if r.Float64() >= p {
			p, arm, reward = 1-p, "b", 0.6-0.4*x
		}
		reward += 0.2 * (r.Float64() - 0.5)
		log[i] = fmt.Sprintf(`{"x": %v, "a": %q, "r": %v, "p": %v}`, x, arm, reward, p)
	}
	return log
}

func run(v *offpolicy.Evaluator, log []string, teach bool) {
	for i, line := range log {
		if teach {
			v.Teach(uint64(i+1), place, []byte(line))
		}
	}
	for i, line := range log {
		v.Add(uint64(i+1), place, []byte(line))
	}
}

// TestKnownValues: uniform earns 0.425 on average and always a 0.45, which every estimator finds, and the model of
// rewards makes doubly robust estimates tighter.
func TestKnownValues(t *testing.T) {
	for _, folds := range []int{1, 5} {
		c := config("a", "b")
		g := must(offpolicy.NewRegression(settings(bandit.LinUCB, "a", "b"), folds, offpolicy.Layout(jsonFormat, fields, c.Arms, event.Schema{})))(t)
		v := must(offpolicy.New(c, []offpolicy.Candidate{
			{Name: "uniform", Policy: must(offpolicy.Uniform(c.Arms))(t)},
			{Name: "a", Policy: must(offpolicy.Always(c.Arms, "a"))(t)},
			{Name: "logged", Policy: offpolicy.Logged{}},
		}, g))(t)
		run(v, logOf(4000, 7), g.CrossFitted())
		for i, want := range []float64{0.425, 0.45} {
			r := v.Results()[i]
			if !r.Modelled {
				t.Errorf("%s: the model is not used", r.Name)
			}
			var width [2]float64
			for j, k := range []ope.Estimator{ope.IPS, ope.DR, ope.SNIPS, ope.DM, ope.CressieRead} {
				got, _ := r.Value(k)
				if math.Abs(got-want) > 0.02 {
					t.Errorf("%d folds, %s by %s: %v, want %v", folds, r.Name, k, got, want)
				}
				if lo, hi, ok := r.Interval(k, 0.05); j < 2 && ok {
					width[j] = hi - lo
				}
			}
			if !(width[1] < 0.9*width[0]) {
				t.Errorf("%s: intervals of ips and dr are %v wide: the model does not help", r.Name, width)
			}
		}
		if v.Results()[2].Modelled {
			t.Error("what the logged policy would have done with other actions is not known")
		}
		if len(v.Refusals.List()) != 0 || len(g.Untaught.List()) != 0 {
			t.Errorf("refused %+v, untaught %+v", v.Refusals.List(), g.Untaught.List())
		}
	}
}

// TestPredictionsAreHonest: the direct method's prediction of a row does not depend on the reward of the row. Every
// context is a category of its own, so that a model that saw the row would repeat its reward.
func TestPredictionsAreHonest(t *testing.T) {
	log := make([]string, 60)
	for i := range log {
		log[i] = fmt.Sprintf(`{"x": "c%d", "a": "%c", "r": %d, "p": 0.5}`, i, 'a'+i%2, i/2%2)
	}
	for _, folds := range []int{1, 5} {
		b := settings(bandit.LinUCB, "a", "b")
		b.Lambda, b.Intercept = 1e-6, false
		c := config("a", "b")
		g := must(offpolicy.NewRegression(b, folds, offpolicy.Layout(jsonFormat, fields, c.Arms, event.Schema{})))(t)
		v := must(offpolicy.New(c, []offpolicy.Candidate{{Name: "uniform", Policy: must(offpolicy.Uniform(c.Arms))(t)}}, g))(t)
		run(v, log, g.CrossFitted())
		if got, ok := v.Results()[0].Value(ope.DM); !ok || got != 0 {
			t.Errorf("%d folds: the direct method estimates %v: rewards leak into their own predictions", folds, got)
		}
	}
}

// TestLearningPolicy: a policy that learns is asked before it learns, and ends up with the better arm.
func TestLearningPolicy(t *testing.T) {
	c := config("a", "b")
	b := settings(bandit.LinUCB, "a", "b")
	b.Floor = 0
	layout := offpolicy.Layout(jsonFormat, fields, c.Arms, event.Schema{})
	p := must(offpolicy.Learning(must(bandit.New(b))(t), layout, c.Arms))(t)
	// Rewards are noise: a policy that peeked would earn more than half.
	r := rand.New(rand.NewPCG(3, 4))
	v := must(offpolicy.New(c, []offpolicy.Candidate{{Name: "learning", Policy: p}}, nil))(t)
	for i := range 3000 {
		v.Add(uint64(i+1), place, fmt.Appendf(nil, `{"x": "c%d", "a": "%c", "r": %d, "p": 0.5}`, i%40, 'a'+r.IntN(2), r.IntN(2)))
	}
	if got, _ := v.Results()[0].Value(ope.IPS); math.Abs(got-0.5) > 0.05 {
		t.Errorf("from noise the policy earns %v", got)
	}
	// In the known world the best arm of each context earns 0.2 + 0.5 x above x = 4/9, else 0.6 - 0.4 x.
	p = must(offpolicy.Learning(must(bandit.New(b))(t), layout, c.Arms))(t)
	v = must(offpolicy.New(c, []offpolicy.Candidate{{Name: "learning", Policy: p}}, nil))(t)
	run(v, logOf(4000, 9), false)
	best := 0.6*4/9 - 0.2*16/81 + 0.2*5/9 + 0.25*(1-16./81)
	if got, _ := v.Results()[0].Value(ope.SNIPS); math.Abs(got-best) > 0.02 {
		t.Errorf("the policy earns %v, the best %v", got, best)
	}
}

// TestForms: a candidate's probabilities may stand in the log in all forms, and give the same.
func TestForms(t *testing.T) {
	c := config("red", "blue.1")
	var candidates []offpolicy.Candidate
	for _, name := range []string{"one", "list", "named", "deep.list", "p_*"} {
		p, err := offpolicy.NewColumn(jsonFormat, c.Arms, name)
		if err != nil {
			t.Fatal(err)
		}
		candidates = append(candidates, offpolicy.Candidate{Name: name, Policy: p})
	}
	v := must(offpolicy.New(c, candidates, nil))(t)
	for i, line := range []string{
		`{"a": "red", "r": 1, "p": 0.5, "one": 0.25, "list": [0.25, "0.75"], "named": {"red": 0.25, "blue.1": 0.75}, "deep": {"list": [0.25, 0.75]}, "p_red": 0.25, "p_blue.1": 0.75}`,
		`{"a": 1, "r": 0.5, "p": 0.5, "one": "1", "list": [0, 1], "named": {"blue.1": 1}, "deep": {"list": [0, 1]}, "p_red": 0, "p_blue.1": 1}`,
	} {
		v.Add(uint64(i+1), place, []byte(line))
	}
	for _, r := range v.Results() {
		if got, _ := r.Value(ope.IPS); got != 0.75 {
			t.Errorf("%s: %v, want 0.75; refused: %+v", r.Name, got, v.Refusals.List())
		}
	}
	for _, line := range []string{
		`{"a": "red", "r": 1, "p": 0.5, "list": [1]}`,
		`{"a": "red", "r": 1, "p": 0.5, "list": [0.5, 0.6]}`,
		`{"a": "red", "r": 1, "p": 0.5, "list": [1.5, -0.5]}`,
		`{"a": "red", "r": 1, "p": 0.5, "list": [null, 1]}`,
		`{"a": "red", "r": 1, "p": 0.5, "list": {"green": 1}}`,
		`{"a": "red", "r": 1, "p": 0.5, "list": 1.5}`,
		`{"a": "red", "r": 1, "p": 0.5}`,
		`{"a": "red", "r": 1, "p": "half", "list": [0, 1]}`,
		`{"a": "red", "r": 1, "p": [0.5], "list": [0, 1]}`,
		`{"a": "red", "r": 1, "p": 1e-13, "list": [1, 0]}`,
		`[1]`,
	} {
		v := must(offpolicy.New(c, candidates[1:2], nil))(t)
		for i := range 7 {
			v.Add(uint64(i+1), place, []byte(line))
		}
		got := v.Refusals.List()
		if len(got) != 1 || got[0].Count != 7 || !slices.Equal(got[0].Rows, []uint64{1, 2, 3, 4, 5}) || got[0].Example == "" {
			t.Errorf("%s: %+v", line, got)
		}
		if d := v.Results()[0].Diagnostics(); d.Rows != 0 {
			t.Errorf("%s is counted", line)
		}
	}
}

// TestRowsAreSharedByAll: a row that one candidate cannot use is left out for all.
func TestRowsAreSharedByAll(t *testing.T) {
	c := config("a", "b")
	v := must(offpolicy.New(c, []offpolicy.Candidate{
		{Name: "uniform", Policy: must(offpolicy.Uniform(c.Arms))(t)},
		{Name: "new", Policy: must(offpolicy.NewColumn(jsonFormat, c.Arms, "t"))(t)},
	}, nil))(t)
	v.Add(1, place, []byte(`{"a": "a", "r": 1, "p": 0.5, "t": 0.5}`))
	v.Add(2, place, []byte(`{"a": "a", "r": 1, "p": 0.5, "t": 2}`))
	for _, r := range v.Results() {
		if d := r.Diagnostics(); d.Rows != 1 {
			t.Errorf("%s has %v rows", r.Name, d.Rows)
		}
	}
	if got := v.Refusals.List(); len(got) != 1 || got[0].Reason != "policy new: the target probability is outside of [0, 1]" {
		t.Errorf("%+v", got)
	}
}

// TestArms: actions are found in the order in which people count.
func TestArms(t *testing.T) {
	d := must(offpolicy.NewDiscovery(jsonFormat, "a"))(t)
	for _, line := range []string{`{"a": 10}`, `{"a": 9}`, `{"a": "9"}`, `{"a": null}`, `no JSON`, `{"b": 1}`} {
		if err := d.Look([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.Arms(); !slices.Equal(got, []string{"9", "10"}) {
		t.Errorf("arms %q", got)
	}
	for i := range offpolicy.MostArms {
		err := d.Look(fmt.Appendf(nil, `{"a": "arm %d"}`, i))
		if enough := i+2 >= offpolicy.MostArms; (err != nil) != enough {
			t.Fatalf("arm %d: %v", i, err)
		}
	}
	if _, err := offpolicy.Always(offpolicy.NewArms([]string{"a"}), "b"); err == nil {
		t.Error("an unknown arm is taken")
	}
}

// TestEligible: a candidate chooses among what could be taken, whatever the order of its arms, and sees the features
// of the actions.
func TestEligible(t *testing.T) {
	c := config("a", "b", "c")
	c.Fields.Eligible = "could"
	layout := offpolicy.Layout(jsonFormat, c.Fields, c.Arms, event.Schema{Actions: "offers", Context: "user"})
	b := settings(bandit.Greedy, "c", "b", "a")                                      // another order than that of the log
	b.Features, b.Floor, b.Epsilon, b.Optimism, b.Lambda = bandit.Shared, 0, 0, 0, 1 // greedy from the first row on
	p := must(offpolicy.Learning(must(bandit.New(b))(t), layout, c.Arms))(t)
	v := must(offpolicy.New(c, []offpolicy.Candidate{
		{Name: "uniform", Policy: must(offpolicy.Uniform(c.Arms))(t)},
		{Name: "a", Policy: must(offpolicy.Always(c.Arms, "a"))(t)},
		{Name: "learning", Policy: p},
	}, nil))(t)
	// The reward is the action's feature; b has the best but cannot always be taken.
	n := uint64(0)
	for i := range 600 {
		could, arms, p := `["a", 2]`, "ac", 0.5
		offers := `[{"v": 0.1}, {"v": 0.5}]`
		if i%2 == 0 {
			could, arms, p, offers = `["b", "a", "c"]`, "abc", 1./3, `[{"v": 0.9}, {"v": 0.1}, {"v": 0.5}]`
		}
		arm := arms[i/2%len(arms)]
		n++
		v.Add(n, place, fmt.Appendf(nil, `{"user": {"x": 1}, "a": "%c", "r": %v, "p": %v, "could": %s, "offers": %s}`,
			arm, map[byte]float64{'a': 0.1, 'b': 0.9, 'c': 0.5}[arm], p, could, offers))
	}
	if got := append(v.Refusals.List(), p.Untaught.List()...); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []float64{(0.3 + 0.5) / 2, 0.1, (0.5 + 0.9) / 2} {
		if got, _ := v.Results()[i].Value(ope.SNIPS); math.Abs(got-want) > 0.01 {
			t.Errorf("%s: %v, want %v", v.Results()[i].Name, got, want)
		}
	}
	for i, could := range []string{`["b"]`, `[]`, `"a"`, `["d"]`} {
		v.Add(n, place, fmt.Appendf(nil, `{"user": {"x": 1}, "a": "a", "r": 1, "p": 1, "could": %s}`, could))
		refused := uint64(0)
		for _, x := range v.Refusals.List() {
			refused += x.Count
		}
		if refused != uint64(i+1) || v.Results()[0].Diagnostics().Rows != 600 {
			t.Errorf("eligible %s is taken: %+v", could, v.Refusals.List())
		}
	}
}
