package bandit

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// demand is the probability of a sale at a price, in one of two cities.
func demand(city int, price float64) float64 {
	return 0.9 / (1 + math.Pow(price/[]float64{10, 18}[city], 6))
}

// Prices per city come closer to the best ones than the best price for all does.
func TestCatsLearnsPrices(t *testing.T) {
	for _, bins := range []int{16, 24} {
		c := config(Cats, bins)
		c.ValueMin, c.ValueMax, c.Bandwidth, c.RewardMax = 5, 25, 0, 25
		m := newModel(t, c)
		var e event.Event
		var earned, best, fixed float64
		all := make([]float64, 400)
		const n = 8000
		var p *Policy
		for i := range n {
			if i%100 == 0 {
				b, err := m.AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				if p, err = OpenPolicy(b); err != nil {
					t.Fatal(err)
				}
			}
			city := i % 2
			e.Reset()
			e.ID = fmt.Appendf(e.ID, "d%d", i)
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String(fmt.Sprint("city=", city)), Value: 1})
			e.Value, e.Arm, e.Prob = p.Value(&e)
			e.Labelled = true
			if NewKey("visitor").Uniform(e.ID) < demand(city, e.Value) {
				e.Label = e.Value
			}
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
			if i < n/2 {
				continue
			}
			earned += e.Value * demand(city, e.Value)
			top := 0.0
			for k := range all {
				v := 5 + 20*float64(k)/400
				all[k] += v * demand(city, v)
				top = max(top, v*demand(city, v))
			}
			best += top
		}
		fixed = slices.Max(all)
		t.Logf("bins %d: earned %.3f a decision, best price for all %.3f, best of every city %.3f", bins, earned/(n/2), fixed/(n/2), best/(n/2))
		if earned < fixed+(best-fixed)/2 {
			t.Errorf("bins %d: earned %v, the best price for all %v, that of every city %v", bins, earned, fixed, best)
		}
	}
}

func TestCatsValidates(t *testing.T) {
	for key, change := range map[string]func(c *Config){
		"arms":      func(c *Config) { c.Arms = []string{"a", "b"} },
		"value_max": func(c *Config) { c.ValueMax = c.ValueMin },
		"bandwidth": func(c *Config) { c.Bandwidth = 2 },
		"bins":      func(c *Config) { c.Bins = 1 },
		"floor":     func(c *Config) { c.Floor = 0 },
		"features":  func(c *Config) { c.Features = Shared },
		"policy":    func(c *Config) { c.PriceStep = 0.1 },
		"baseline":  func(c *Config) { c.Baseline = "1.5" },
	} {
		c := config(Cats, 4)
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "learner.bandit."+key+":") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// Over the draws of a policy the estimated cost of every window is what it costs, whatever the regressions say; the clip is off.
func TestCatsEstimatesAreUnbiased(t *testing.T) {
	c := config(Cats, 5)
	c.ValueMin, c.ValueMax, c.Bandwidth, c.ImportanceClip = 2, 7, 0.8, 1e6
	m := newModel(t, c)
	var e event.Event
	logged := func(v float64) *event.Event {
		e.Reset()
		e.Value, e.Arm, e.Label, e.Labelled = v, event.Bin(v, 2, 7, 5), (v-2)*(v-2)/25, true
		return &e
	}
	for i := range 50 { // regressions that are somewhat wrong
		e := logged(2 + 5*math.Mod(float64(i)*0.618, 1))
		if e.Prob = 0.2; m.Learn(e).Reject != nil {
			t.Fatal("refused")
		}
	}
	s := m.live.(*cats)
	const n, picked = 50_000, 1
	sums, truth := make([]float64, 5), make([]float64, 5)
	for i := range n {
		v := 2 + 5*(float64(i)+.5)/n
		e := logged(v)
		e.Prob = s.values.density(picked, v, 0.1)
		if rej := s.linear.features.gather(e, false); rej != nil {
			t.Fatal(rej)
		}
		s.hold(e)
		for bin := range sums {
			sums[bin] += s.cost(bin) * e.Prob * 5 / n
			if low, high := s.values.window(bin); low <= v && v <= high {
				truth[bin] -= e.Label / (high - low) * 5 / n
			}
		}
	}
	near(t, "costs", sums, truth, 1e-3)
}

// The baseline is a number; a restart under other settings changes it, and no command does.
func TestCatsBaseline(t *testing.T) {
	c := config(Cats, 4)
	c.Baseline = "0.3"
	m := newModel(t, c)
	terms := m.AppendTerms(nil)
	c.Baseline = "0.4"
	later := newModel(t, c)
	if err := later.UnmarshalBinary(encoded(t, m)); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPolicy(encoded(t, later))
	if err != nil {
		t.Fatal(err)
	}
	v, bin, density, ok := p.BaselineValue("")
	if arm, named := p.Baseline(); v != 0.4 || bin != 1 || math.Abs(density-1/0.3) > 1e-12 || !ok || !named || arm != 1 || !later.HasBaseline() {
		t.Errorf("baseline %v in bin %d (%d) with density %v: %v, %v", v, bin, arm, density, ok, named)
	}
	if bytes.Equal(terms, later.AppendTerms(nil)) {
		t.Error("readers would not learn of another baseline")
	}
	if err := later.ChangeArm(event.ArmChange{Kind: event.ArmBaseline, Arm: "0.5"}); err == nil || !strings.Contains(err.Error(), "set learner.bandit.baseline") {
		t.Errorf("a command changes the baseline: %v", err)
	}
	c.Baseline = ""
	if err := newModel(t, c).UnmarshalBinary(encoded(t, m)); err != nil {
		t.Fatal(err)
	}
	if _, _, _, ok := p.BaselineValue("1.1"); ok {
		t.Error("a number outside of the interval is a baseline")
	}
}
