package drift

import (
	"slices"
	"testing"
)

func armedScore(t testing.TB, c ScoreConfig, dim int, s source) *Score {
	t.Helper()
	d, err := NewScore(c, dim)
	if err != nil {
		t.Fatal(err)
	}
	for range c.Window {
		if d.Armed() {
			t.Fatal("armed before the window is full")
		}
		if l := d.Observe(s.next()); l != Stable {
			t.Fatalf("level %v while calibrating", l)
		}
	}
	if !d.Armed() {
		t.Fatal("not armed after the window")
	}
	return d
}

// On stationary streams, also such with dependent features and events, there
// is at most one alarm in FalseFreezeEvery armed events.
func TestScoreFalseAlarms(t *testing.T) {
	linear := func(dim int, set func(*logistic)) func(uint64) source {
		return func(seed uint64) source { return newLogistic(seed, dim, set) }
	}
	for _, c := range []struct {
		name   string
		dim    int
		loss   LossClip
		stream func(seed uint64) source
	}{
		{"independent", 11, ClipLogistic, linear(11, nil)},
		{"independent, any loss", 11, ClipQuantile, linear(11, nil)},
		{"independent, 21 coordinates", 21, ClipLogistic, linear(21, nil)},
		{"correlation 0.5", 21, ClipLogistic, linear(21, func(s *logistic) { s.corr = .5 })},
		{"correlation 0.9", 21, ClipLogistic, linear(21, func(s *logistic) { s.corr = .9 })},
		{"rare positives", 11, ClipLogistic, linear(11, func(s *logistic) { s.theta[0] = -4 })},
		{"rare positives, rare categories", 128, ClipLogistic, func(seed uint64) source { return newCategories(seed, 2, -4) }},
		{"autocorrelation 0.9, misspecified", 11, ClipLogistic, linear(11, func(s *logistic) { s.ar, s.quad = .9, .5 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultScoreConfig()
			cfg.Loss = c.loss
			alarms, events := 0, 0
			for seed := range uint64(10) {
				s := c.stream(seed + 1)
				d := armedScore(t, cfg, c.dim, s)
				for range 40_000 {
					if d.Observe(s.next()) == Drift {
						alarms++
					}
					events++
				}
			}
			if budget := events / 100_000; alarms > budget {
				t.Errorf("%d alarms in %d stationary events, budget %d", alarms, events, budget)
			}
		})
	}
}

func TestScoreDelays(t *testing.T) {
	for _, c := range []struct {
		name        string
		drift       func(*logistic)
		median, max int // bounds of the delay, events
	}{
		{"rotation of 60 degrees", func(s *logistic) { s.rotate(60) }, 200, 500},
		{"rotation of 20 degrees", func(s *logistic) { s.rotate(20) }, 1_200, 10_000},
		{"label flip", func(s *logistic) { s.flip = 1 }, 75, 150},
		{"intercept +1", func(s *logistic) { s.theta[0]++ }, 550, 1_500},
		{"one feature times 10", func(s *logistic) { s.scale = 10 }, 100, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultScoreConfig()
			cfg.Loss = ClipLogistic
			var delays []int
			for seed := range uint64(15) {
				s := newLogistic(seed+100, 11, nil)
				d := armedScore(t, cfg, 11, s)
				for range 2_000 + seed*7 { // a change at any phase of a block
					d.Observe(s.next())
				}
				c.drift(s)
				n := 1
				for ; n <= c.max && d.Observe(s.next()) != Drift; n++ {
				}
				delays = append(delays, n)
			}
			slices.Sort(delays)
			if m := delays[len(delays)/2]; m > c.median {
				t.Errorf("median delay %d events, bound %d", m, c.median)
			}
			if m := delays[len(delays)-1]; m > c.max {
				t.Errorf("a run alarmed later than %d events", c.max)
			}
		})
	}
}
