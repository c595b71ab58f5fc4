package sgd

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// The rates that scikit-learn documents as invscaling and constant
// (https://scikit-learn.org/stable/modules/sgd.html), Bottou's, and exponential decay,
// at the fourth event of weight 1, and the rise before them.
func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Config)
		want float64
	}{
		{"constant", func(*Config) {}, 0.1},
		{"power", func(c *Config) { c.Power = 0.5 }, 0.1 / 2},
		{"inverse", func(c *Config) { c.Schedule, c.RateDecay = "inverse", 0.25 }, 0.1 / 2},
		{"exponential", func(c *Config) { c.Schedule, c.RateDecay = "exponential", 0.5 }, 0.1 * math.Exp(-2)},
		{"warmup", func(c *Config) { c.Warmup = 16 }, 0.1 / 4},
		{"after warmup", func(c *Config) { c.Warmup = 4 }, 0.1},
		{"both", func(c *Config) { c.Warmup, c.Power = 16, 0.5 }, 0.1 / 8},
	} {
		m := newModel(t, func(c *Config) { c.Optimizer, c.Rate, c.Bits = "sgd", 0.1, 4 })
		n := newModel(t, func(cfg *Config) { cfg.Optimizer, cfg.Rate, cfg.Bits = "sgd", 0.1, 4; c.edit(cfg) })
		for i := range 4 {
			e := event.Event{Weight: 1, Label: float64(i % 2), Labelled: true}
			if i == 3 { // from the same weights, steps are in proportion to the rates
				copy(n.slots, m.slots)
			}
			a, b := m.Learn(&e), n.Learn(&e)
			if i == 3 && math.Abs(b.UpdateNorm/a.UpdateNorm*0.1/c.want-1) > 1e-12 {
				t.Errorf("%s: rate %v, want %v", c.name, b.UpdateNorm/a.UpdateNorm*0.1, c.want)
			}
		}
	}
}

// Of the gradient (-0.5, -0.5 x) at weights 0 only the second coordinate exceeds the bound.
func TestClipCoordinate(t *testing.T) {
	m := newModel(t, func(c *Config) { c.Optimizer, c.Rate, c.ClipCoordinate, c.Bits = "sgd", 0.1, 0.75, 4 })
	e := event.Event{Weight: 1, Label: 1, Labelled: true}
	e.X.Sparse = []event.Feature{{Hash: 3, Value: 8}}
	m.Learn(&e)
	if b, w := m.slots[m.home].W, m.slots[3].W; math.Abs(b-0.05) > 1e-15 || math.Abs(w-0.075) > 1e-15 {
		t.Errorf("intercept %v, weight %v, want 0.05 and 0.075", b, w)
	}
}

// Where the concept drifts a rate that does not go to 0 is worth more than a
// tuned one that does; where it does not, it costs.
func TestTrackingFollows(t *testing.T) {
	accuracy := func(events table, edit func(*Config)) float64 { return run(t, newModel(t, edit), events).accuracy }
	drifts, still := elec2(t), sea(t)
	for _, o := range []string{"nag", "adagrad"} {
		fading := accuracy(drifts, func(c *Config) { c.Optimizer = o })
		atLeast(t, o+" on elec2", accuracy(drifts, func(c *Config) { c.Optimizer, c.Tracking = o, true }), fading+0.04)
	}
	atLeast(t, "auto on elec2", accuracy(drifts, func(c *Config) { c.Tracking = true }), 0.91)
	atMost(t, "auto on sea", accuracy(still, func(c *Config) { c.Tracking = true }), 0.85)
}

// The default does not mind the unit of sparse features.
func TestSparseUnitsDoNotMatter(t *testing.T) {
	events := spam(t)[:2000]
	want := run(t, newModel(t, nil), events)
	for _, unit := range []float64{1024, 1.0 / 4096} {
		scaled := make(table, len(events))
		for i, e := range events {
			scaled[i] = e
			scaled[i].X.Sparse = nil
			for _, f := range e.X.Sparse {
				f.Value *= unit
				scaled[i].X.Sparse = append(scaled[i].X.Sparse, f)
			}
		}
		got := run(t, newModel(t, func(c *Config) { c.Extreme = 0 }), scaled)
		for i := range got.predictions {
			if math.Abs(got.predictions[i]-want.predictions[i]) > 1e-9 {
				t.Fatalf("unit %v: prediction %d is %v, want %v", unit, i, got.predictions[i], want.predictions[i])
			}
		}
	}
}
