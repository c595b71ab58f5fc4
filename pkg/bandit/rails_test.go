package bandit

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// constrained is a set of constraints that can hold together, a mask and probabilities of what it allows.
type constrained struct {
	cfg      Config
	table    *arms
	rails    rails
	eligible []bool // nil for all that are not closed
	p        []float64
}

func drawConstrained(t *rapid.T) constrained {
	k := rapid.IntRange(2, 10).Draw(t, "arms")
	c := config(Softmax, k)
	share := rapid.Float64Range(0, 1)
	c.Floor, c.NewShare = share.Draw(t, "floor"), share.Draw(t, "new share")
	for i := range k {
		l := Limit{Arm: c.Arms[i]}
		if rapid.Bool().Draw(t, "capped") {
			l.Cap = rapid.Float64Range(0.01, 1).Draw(t, "cap")
		}
		if rapid.Bool().Draw(t, "priced") {
			l.Price = rapid.Float64Range(1, 20).Draw(t, "price")
		}
		c.Limits = append(c.Limits, l)
	}
	if rapid.Bool().Draw(t, "with baseline") {
		c.Baseline = rapid.SampledFrom(c.Arms).Draw(t, "baseline")
		c.BaselineFloor = share.Draw(t, "baseline floor")
	}
	c.PriceStep, c.PriceFloor = share.Draw(t, "step"), rapid.Float64Range(0, 5).Draw(t, "price floor")
	table := newArms(&c)
	for i := range table.list {
		table.list[i].Status = rapid.SampledFrom([]Status{ArmActive, ArmActive, ArmNew, ArmDraining, ArmRemoved}).Draw(t, "status")
	}
	for c.feasible(table) != nil { // ease the constraints until they can hold
		c.Floor, c.BaselineFloor, c.NewShare, c.PriceStep = c.Floor/2, c.BaselineFloor/2, c.NewShare/2, 0
		i := rapid.IntRange(0, k-1).Draw(t, "eased arm")
		table.list[i].Cap, table.list[i].Status = 1, ArmActive
		if table.baseline >= 0 {
			table.list[table.baseline].Price, table.list[table.baseline].Status = 0, ArmActive
		}
		if c.BaselineFloor < 1e-3 {
			c.BaselineFloor, c.PriceFloor = 0, 0
		}
	}
	out := constrained{cfg: c, table: table, rails: newRails(&c, table), p: make([]float64, k)}
	if rapid.Bool().Draw(t, "masked") {
		out.eligible = make([]bool, k)
		for i := range out.eligible {
			out.eligible[i] = rapid.Bool().Draw(t, "eligible")
		}
	}
	if out.rails.masks(out.eligible, k) {
		out.eligible = out.rails.mask(out.eligible, make([]bool, k))
	}
	sum := 0.0
	for i := range out.p {
		if isEligible(out.eligible, i) {
			out.p[i] = rapid.OneOf(rapid.Just(0.0), share).Draw(t, "p")
			sum += out.p[i]
		}
	}
	for i := range out.p {
		switch {
		case !isEligible(out.eligible, i):
		case sum == 0:
			out.p[i] = 1 / float64(out.count())
		default:
			out.p[i] /= sum
		}
	}
	return out
}

// count is how many arms are eligible.
func (c *constrained) count() int {
	n := 0
	for i := range c.p {
		if isEligible(c.eligible, i) {
			n++
		}
	}
	return n
}

const within = 1e-12

// Whatever the policy wants, the result is a distribution over the eligible arms that keeps every
// constraint, and one that keeps them already stays as it is.
func TestConstraintsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConstrained(t)
		n := c.count()
		if n == 0 {
			return
		}
		p := slices.Clone(c.p)
		c.rails.apply(p, c.eligible)
		caps, sum := 0.0, 0.0
		for i := range p {
			if isEligible(c.eligible, i) {
				caps += c.table.list[i].Cap
			}
			sum += p[i]
		}
		if math.Abs(sum-1) > within {
			t.Fatalf("%v adds up to %v", p, sum)
		}
		raise := 1.0
		if caps < 1 { // the mask leaves too little
			raise = 1 / caps
		}
		for i, v := range p {
			a := &c.table.list[i]
			limit := min(1, raise*a.Cap)
			least := c.cfg.Floor / float64(n)
			if a.Status == ArmNew {
				least = max(least, c.cfg.NewShare)
			}
			if i == c.table.baseline {
				least = max(least, c.cfg.BaselineFloor)
			}
			switch {
			case !isEligible(c.eligible, i) && v != 0:
				t.Fatalf("arm %d is not eligible and has probability %v", i, v)
			case !isEligible(c.eligible, i):
			case v > limit+within || v < min(least, limit)-within:
				t.Fatalf("arm %d has probability %v, between %v and %v expected", i, v, min(least, limit), limit)
			}
		}
		again := slices.Clone(p)
		c.rails.apply(again, c.eligible)
		for i := range p {
			if math.Abs(again[i]-p[i]) > within {
				t.Fatalf("applied again %v became %v", p, again)
			}
		}
	})
}

// Of two arms with the same bounds the one that the policy likes better is never chosen less.
func TestConstraintsKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConstrained(t)
		if c.count() == 0 {
			return
		}
		p := slices.Clone(c.p)
		c.rails.apply(p, c.eligible)
		for i := range p {
			for j := range p {
				a, b := c.table.list[i], c.table.list[j]
				same := a.Cap == b.Cap && a.Status == b.Status && i != c.table.baseline && j != c.table.baseline
				if same && isEligible(c.eligible, i) && isEligible(c.eligible, j) && c.p[i] > c.p[j] && p[i] < p[j]-within {
					t.Fatalf("%v became %v: arms %d and %d changed places", c.p, p, i, j)
				}
			}
		}
	})
}

func TestCapsShareOutInProportion(t *testing.T) {
	r := rails{caps: []float64{.05, 1, 1, 1}, baseline: -1, alone: -1}
	p := []float64{.6, .3, .1, 0}
	r.apply(p, nil)
	for i, want := range []float64{.05, .7125, .2375, 0} {
		if math.Abs(p[i]-want) > within {
			t.Fatalf("probabilities %v", p)
		}
	}
	p = []float64{1, 0, 0, 0} // nobody to share with: evenly
	r.apply(p, nil)
	for i, want := range []float64{.05, .95 / 3, .95 / 3, .95 / 3} {
		if math.Abs(p[i]-want) > within {
			t.Fatalf("probabilities %v", p)
		}
	}
}

func TestImpossibleConstraintsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"limits: the caps of the arms that may be chosen add up to 0.9": func(c *Config) {
			for _, a := range c.Arms {
				c.Limits = append(c.Limits, Limit{Arm: a, Cap: .3})
			}
		},
		`limits: {arm: "x", cap: 0, price: 1}: arm must be one of`: func(c *Config) { c.Limits = []Limit{{Arm: "x", Price: 1}} },
		`limits: "a0" is named twice`:                              func(c *Config) { c.Limits = []Limit{{Arm: "a0"}, {Arm: "a0"}} },
		"cap -1: must be":                                          func(c *Config) { c.Limits = []Limit{{Arm: "a0", Cap: -1}} },
		"price -1: must be":                                        func(c *Config) { c.Limits = []Limit{{Arm: "a0", Price: -1}} },
		`baseline: "x": must be one of`:                            func(c *Config) { c.Baseline = "x" },
		"baseline_floor: 0.5: learner.bandit.baseline must name":   func(c *Config) { c.BaselineFloor = .5 },
		"baseline_floor: 0.5: is above the cap 0.2":                func(c *Config) { c.Baseline, c.BaselineFloor, c.Limits = "a0", .5, []Limit{{Arm: "a0", Cap: .2}} },
		"price_step: 0.1: is counted from the price":               func(c *Config) { c.Baseline, c.PriceStep = "a0", .1 },
		"price_floor: 5: is above the price 4 of the baseline":     func(c *Config) { c.Baseline, c.PriceFloor, c.Limits = "a0", 5, []Limit{{Arm: "a0", Price: 4}} },
		"no arm is left to choose": func(c *Config) {
			c.PriceFloor, c.Limits = 5, []Limit{{Arm: "a0", Price: 4}, {Arm: "a1", Price: 4}, {Arm: "a2", Price: 3}}
		},
		"baseline_floor 0.97 and new_share 0.05 of 0 new arms add up to 1.02": func(c *Config) { c.Baseline, c.BaselineFloor = "a0", .97 },
	} {
		c := config(LinUCB, 3)
		change(&c)
		if err := c.Validate(); err == nil || !containsText(err, want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// A caller may be ahead of the policy, or behind it: arms are only ever appended.
func TestCallersWithOtherArms(t *testing.T) {
	m := newModel(t, config(Greedy, 3))
	for _, c := range []struct{ eligible, want []bool }{
		{[]bool{true, false, true, true, true}, []bool{true, false, true}},
		{[]bool{false, true}, []bool{false, true, false}},
		{[]bool{false, false, false, true}, []bool{false, false, false}},
	} {
		p := m.Distribution(&event.Event{}, c.eligible, nil)
		for i, v := range p {
			if len(p) != 3 || v > 0 != c.want[i] {
				t.Errorf("eligible %v: probabilities %v", c.eligible, p)
			}
		}
	}
}

// The constraints cost no memory.
func TestConstrainedChoicesTakeNoMemory(t *testing.T) {
	for _, policy := range []string{SquareCB, LinTS, UCB1, Gradient, Cover} {
		c := config(policy, 6)
		c.Limits, c.Baseline, c.BaselineFloor = []Limit{{Arm: "a1", Cap: .2}}, "a0", .1
		m := newModel(t, c)
		if err := m.ChangeArm(event.ArmChange{Kind: event.ArmRemove, Arm: "a3"}); err != nil {
			t.Fatal(err)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := OpenPolicy(b)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1, Value: 2})
		eligible := []bool{true, true, true, true, true, false}
		dst := make([]float64, 0, 6)
		if n := testing.AllocsPerRun(20, func() { dst = p.Distribution(&e, eligible, dst[:0]) }); n > 0 {
			t.Errorf("%s: %v allocations", policy, n)
		}
	}
}

func priced(n int) []Limit {
	var out []Limit
	for i := range n {
		out = append(out, Limit{Arm: "a" + strconv.Itoa(i), Price: float64(10 + i)})
	}
	return out
}
