package drift

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestCalibrate(t *testing.T) {
	noise := func(n int, phi float64) []float64 {
		rng := rand.New(rand.NewPCG(1, 9))
		out, x := make([]float64, n), 0.0
		for i := range out {
			x = phi*x + math.Sqrt(1-phi*phi)*rng.NormFloat64()
			out[i] = x
		}
		return out
	}
	heavy := noise(200, 0)
	heavy[7] = 4.6
	for _, c := range []struct {
		name               string
		raw                []float64
		minScale, maxScale float64
		cap, slack         float64
	}{
		{"independent", noise(200, 0), 1, 1.25, calmCap, 4 / math.Sqrt(200)},
		{"short reference", noise(50, 0), 1, 1.25, calmCap, 4 / math.Sqrt(50)},
		{"heavy tail", heavy, 4.6 / 3.5, 4.6 / 3, calmCap, 4 / math.Sqrt(200)},
		{"long reference", noise(1_000, 0), 1, 1.25, calmCap, minSlack},
		{"dependent blocks", noise(200, .6), 1.3, 2.5, mergedCap, 4 / math.Sqrt(200)},
	} {
		var e evidence
		e.calibrate(c.raw, calmCap)
		if e.scale < c.minScale || e.scale > c.maxScale || e.cap != c.cap || e.slack != c.slack || e.shift < 0 {
			t.Errorf("%s: %+v, want a scale in [%v, %v], cap %v, slack %v", c.name, e, c.minScale, c.maxScale, c.cap, c.slack)
		}
	}
}

// Worked by hand: 40 alternating values have batch means of 1 with m = 1, whose
// deviation is sqrt(40/39), and of 0 with m = 2.
func TestLongRunScale(t *testing.T) {
	v := make([]float64, 40)
	for i := range v {
		v[i] = float64(1 - 2*(i%2))
	}
	if got, want := longRunScale(v), math.Sqrt(40.0/39); math.Abs(got-want) > 1e-15 {
		t.Errorf("%v, want %v", got, want)
	}
	for i := range v { // pairs of equal values: the means of m = 2 vary as much as the values
		v[i] = float64(1 - 2*(i/2%2))
	}
	if got, want := longRunScale(v), math.Sqrt(2*20.0/19); math.Abs(got-want) > 1e-15 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := longRunScale(v[:19]); got != 0 {
		t.Errorf("%v from 19 values, want 0", got)
	}
}

// The recursion as it is defined, in plain floating point.
func TestEvidenceRecursion(t *testing.T) {
	e := evidence{shift: .5, scale: 2, cap: 3, slack: .3}
	var want [4]float64
	for _, raw := range []float64{1, 4, 100, -2, 2.5} {
		got, sum := e.observe(raw), 0.0
		v := math.Min((raw-.5)/2, 3)
		for i, beta := range []float64{.15, .4, 1, 2} {
			want[i] = (want[i] + 1) * math.Exp(beta*(v-.3)-beta*beta*varianceUp/2)
			sum += want[i]
		}
		if math.Abs(got-sum/4) > 1e-12*sum {
			t.Errorf("after %v: %v, want %v", raw, got, sum/4)
		}
	}
}
