package offpolicy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// From a log of numbers the value of other draws is known: the reward of v in [0, 2] is v/2, plus noise, and the log draws with density 0.25 below 1 and 0.75 above.
func TestNumbers(t *testing.T) {
	c := bandit.Default()
	c.Policy, c.ValueMax, c.Bandwidth, c.Bins = bandit.Cats, 2, 0.2, 8
	numbers := offpolicy.IntervalOf(&c)
	m, err := bandit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config()
	cfg.Numbers = numbers
	layout := offpolicy.Layout(jsonFormat, fields, cfg.Arms, event.Schema{Label: "r", Arm: "a", Probability: "p", Exclude: []string{"t"}})
	near := must(numbers.Near("1.4"))(t)
	column := must(offpolicy.NewColumn(jsonFormat, cfg.Arms, "t"))(t)
	learning := must(offpolicy.LearningNumbers(m, layout))(t)
	v := must(offpolicy.New(cfg, []offpolicy.Candidate{
		{Name: "logged", Policy: offpolicy.Logged{}}, {Name: "even", Policy: numbers.Even()}, {Name: "near", Policy: near},
		{Name: "column", Policy: column}, {Name: "learning", Policy: learning},
	}, nil))(t)
	r := rand.New(rand.NewPCG(3, 4))
	const n = 40_000
	for i := range uint64(n) {
		x, p, density := r.Float64(), 0.25, 2.0 // the column draws evenly from 0 to 0.5
		if r.IntN(4) > 0 {
			x, p = x+1, 0.75
		}
		if x > 0.5 {
			density = 0
		}
		reward := math.Floor(x/2 + r.Float64()) // 1 with probability x/2
		v.Add(i, place, fmt.Appendf(nil, `{"x":1,"a":%v,"p":%v,"r":%v,"t":%v}`, x, p, reward, density))
	}
	if list := v.Refusals.List(); len(list) > 0 {
		t.Fatal(list)
	}
	for i, want := range []float64{(0.25*0.5 + 0.75*1.5) / 2, 0.5, 0.7, 0.125, 0.855} {
		got, _ := v.Results()[i].Value(ope.IPS)
		if within := []float64{0.01, 0.015, 0.02, 0.015, 0.06}[i]; math.Abs(got-want) > within {
			t.Errorf("%s: %.4f, want %.4f", v.Results()[i].Name, got, want)
		}
	}
	if list := learning.Untaught.List(); len(list) > 0 {
		t.Error(list)
	}
	for record, reason := range map[string]string{
		`{"a":2.1,"p":1,"r":1,"t":1}`:     "the action is no number from 0 to 2",
		`{"a":"red","p":1,"r":1,"t":1}`:   "the action is not a number",
		`{"p":1,"r":1,"t":1}`:             "the action is missing",
		`{"a":1,"p":0,"r":1,"t":1}`:       "the propensity is 0 or less: the logged action was impossible",
		`{"a":1,"p":"NaN","r":1,"t":1}`:   "the propensity is not a number",
		`{"a":1,"p":1e999,"r":1,"t":1}`:   "the density is not finite",
		`{"a":1,"p":1,"r":1,"t":-1}`:      "policy column: the target density is below 0 or not finite",
		`{"a":1,"p":1,"r":1.5,"t":1}`:     "the reward is outside of the reward range",
		`{"a":1,"p":1e-300,"r":1,"t":99}`: "policy even: the importance weight is above 1e12",
	} {
		v.Refusals = offpolicy.Refusals{}
		v.Add(1, place, []byte(record))
		if list := v.Refusals.List(); len(list) != 1 || list[0].Reason != reason {
			t.Errorf("%s: %v, want %q", record, list, reason)
		}
	}
	for _, bad := range []string{"", "red", "2.01", "NaN"} {
		if _, err := numbers.Near(bad); err == nil {
			t.Errorf("%q is a number to stay near", bad)
		}
	}
	if offpolicy.IntervalOf(&bandit.Config{Policy: bandit.LinUCB}) != nil {
		t.Error("linucb chooses numbers")
	}
}
