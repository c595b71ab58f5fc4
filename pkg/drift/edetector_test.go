package drift

import (
	"math/rand/v2"
	"testing"
)

// The average run length is a bound: over runs of a stationary stream there
// are at most armed/ARL alarms, whatever the distribution, with short
// references too.
func TestEDetectorFalseAlarms(t *testing.T) {
	for name, draw := range map[string]func(*rand.Rand) float64{
		"zeros and ones": func(r *rand.Rand) float64 { return float64(r.IntN(5) / 4) },
		"normal":         (*rand.Rand).NormFloat64,
		"exponential":    (*rand.Rand).ExpFloat64,
	} {
		for _, p := range []EDetectorParams{
			DefaultEDetectorParams(),
			{ARL: 100_000, Block: 50, Reference: 1_000, Mode: ModeUp},
			{ARL: 10_000, Block: 10, Reference: 200, Mode: ModeBoth},
			{ARL: 10_000, Block: 10, Reference: 500, Mode: ModeDown},
		} {
			alarms, armed := 0, 0
			for seed := range uint64(10) {
				r := rand.New(rand.NewPCG(seed, 3))
				d, err := NewEDetector(p)
				if err != nil {
					t.Fatal(err)
				}
				for range 50_000 {
					if d.Armed() {
						armed++
					}
					if d.Observe(draw(r)) == Drift {
						alarms++
					}
				}
			}
			if budget := float64(armed) / p.ARL; float64(alarms) > budget {
				t.Errorf("%s, %+v: %d alarms in %d values, budget %.1f", name, p, alarms, armed, budget)
			}
		}
	}
}

func TestEDetectorFindsShifts(t *testing.T) {
	for _, c := range []struct {
		mode   string
		shift  float64
		within int // within: the latest alarm; 0 for none
	}{
		{mode: ModeUp, shift: .5, within: 300},
		{mode: ModeBoth, shift: -.5, within: 300},
		{mode: ModeDown, shift: -.2, within: 3_000},
		{mode: ModeUp, shift: -.5},
		{mode: ModeDown, shift: .5},
	} {
		p := EDetectorParams{ARL: 100_000, Block: 50, Reference: 10_000, Mode: c.mode}
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 7))
			d, err := NewEDetector(p)
			if err != nil {
				t.Fatal(err)
			}
			for range 10_000 {
				d.Observe(r.NormFloat64())
			}
			alarm := 0
			for i := range 3_000 {
				if d.Observe(r.NormFloat64()+c.shift) == Drift {
					alarm = i + 1
					break
				}
			}
			if (alarm == 0) != (c.within == 0) || alarm > c.within {
				t.Errorf("mode %s, shift %v, seed %d: alarm after %d values, want within %d", c.mode, c.shift, seed, alarm, c.within)
			}
		}
	}
}
