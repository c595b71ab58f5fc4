package drift

import (
	goflag "flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var rateValues = goflag.Int("rate-values", 20_000, "stationary values for TestFalseAlarmRates")

// TestFalseAlarmRates measures the false alarms of the detectors by default,
// and the delay of the first alarm after a change; docs/detectors.md has the
// table of a long run. The bounds catch a detector that is deaf or that alarms
// at everything.
func TestFalseAlarmRates(t *testing.T) {
	errors := func(p float64) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 { return flag(r.Float64() < p) }
	}
	names := []string{}
	for name := range defaults(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		row := name
		for _, c := range []struct {
			name        string
			calm, after func(*rand.Rand) float64
			domain      Domain
		}{
			{"error rate .2 -> .3", errors(.2), errors(.3), ZeroOrOne},
			{"error rate .05 -> .1", errors(.05), errors(.1), ZeroOrOne},
			{"normal, mean 0 -> .5", (*rand.Rand).NormFloat64, func(r *rand.Rand) float64 { return .5 + r.NormFloat64() }, AnyNumber},
		} {
			if c.domain == AnyNumber && defaults(t)[name].Domain() != AnyNumber {
				row += fmt.Sprintf("; %s: refused", c.name)
				continue
			}
			r := rand.New(rand.NewPCG(7, 7))
			d := defaults(t)[name]
			falseAlarms := 0
			for range *rateValues {
				if d.Observe(c.calm(r)) == Drift {
					falseAlarms++
				}
			}
			rate := float64(falseAlarms) / float64(*rateValues) * 10_000
			if rate > 500 {
				t.Errorf("%s: %s: %.4g false alarms in 10,000 values", name, c.name, rate)
			}
			found, delay := firstAlarms(func() Detector { return defaults(t)[name] }, r, c.calm, c.after)
			row += fmt.Sprintf("; %s: %.3g, %d%% %d", c.name, rate, found, delay)
		}
		t.Log(row)
	}
}

// firstAlarms is the share, in percent, of runs that alarm within 5,000 values
// after a change that comes after 11,000, and the median delay of those.
func firstAlarms(create func() Detector, r *rand.Rand, calm, after func(*rand.Rand) float64) (found, median int) {
	runs := 4 + *rateValues/100_000
	var delays []int
	for range runs {
		d := create()
		for range 11_000 {
			d.Observe(calm(r))
		}
		for i := range 5_000 {
			if d.Observe(after(r)) == Drift {
				delays = append(delays, i+1)
				break
			}
		}
	}
	if len(delays) == 0 {
		return 0, 0
	}
	slices.Sort(delays)
	return 100 * len(delays) / runs, delays[len(delays)/2]
}

// defaults are the detectors with their default parameters.
func defaults(t testing.TB) map[string]Detector {
	out := small(t)
	out["e_detector"] = made(t, NewEDetector, DefaultEDetectorParams())
	out["hddm_a"] = made(t, NewHDDMA, DefaultHDDMAParams())
	out["hddm_w"] = made(t, NewHDDMW, DefaultHDDMWParams())
	out["mewma"] = made(t, NewMEWMA, DefaultMEWMAParams())
	return out
}
