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

// ofArms are the policies that choose arms.
func ofArms() []string {
	return slices.DeleteFunc(Policies(), func(p string) bool { return p == Cats })
}

// demand is the probability of a sale at a price, in one of two cities.
func demand(city int, price float64) float64 {
	return 0.9 / (1 + math.Pow(price/[]float64{10, 18}[city], 6))
}

// Prices per city come closer to the best ones than the best price for all does.
func TestCatsLearnsPrices(t *testing.T) {
	for _, bins := range []int{16, 24} {
		c := config(Cats, bins)
		c.ValueMin, c.ValueMax, c.Bandwidth, c.RewardMax = 5, 25, 1, 25
		c.Floor = 0.1
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
		if earned < fixed+(best-fixed)/3 {
			t.Errorf("bins %d: earned %v, the best price for all %v, that of every city %v", bins, earned, fixed, best)
		}
	}
}

// What is no number of the interval, or no density, is refused and changes nothing.
func TestCatsRefuses(t *testing.T) {
	m := newModel(t, config(Cats, 4))
	before, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		value, density float64
		reason         event.Reason
	}{
		{-0.1, 1, event.ArmUnknown},
		{1.1, 1, event.ArmUnknown},
		{math.NaN(), 1, event.ArmUnknown},
		{0.5, 0, event.PropensityInvalid},
		{0.5, -1, event.PropensityInvalid},
		{0.5, math.NaN(), event.PropensityInvalid},
		{0.5, math.Inf(1), event.PropensityInvalid},
	} {
		s := m.Learn(&event.Event{Value: bad.value, Arm: 2, Prob: bad.density, Labelled: true, Weight: 1})
		if s.Reject == nil || s.Reject.Reason != bad.reason {
			t.Errorf("%+v: %v", bad, s.Reject)
		}
	}
	after, err := m.AppendBinary(nil)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a refused event has changed the model (%v)", err)
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
	} {
		c := config(Cats, 4)
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "learner.bandit."+key+":") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
