package ope

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

// The bisection finds what a grid finds, with gonum's logarithm of the beta function.
func TestLogWorseIsTheLeastOverAGrid(t *testing.T) {
	for _, c := range []struct {
		arm, base Total
		margin    float64
	}{
		{Total{500, 400}, Total{1000, 950}, 0}, {Total{500, 400}, Total{1000, 950}, 0.05}, {Total{40, 0}, Total{60, 60}, 0.02},
		{Total{300, 12.5}, Total{4000, 260.25}, 0.001}, {Total{10, 3}, Total{10, 8}, 0.1},
	} {
		want := math.Inf(1)
		log := func(t Total, m float64) float64 {
			l := mathext.Lbeta(1+t.Sum, 1+t.N-t.Sum)
			if t.Sum > 0 {
				l -= t.Sum * math.Log(m)
			}
			if t.N > t.Sum {
				l -= (t.N - t.Sum) * math.Log(1-m)
			}
			return l
		}
		const n = 100_000
		for i := range n + 1 {
			x := c.margin + (1-c.margin)*float64(i)/n
			want = min(want, log(c.arm, x-c.margin)+log(c.base, x))
		}
		if got := LogWorse(c.arm, c.base, c.margin); math.Abs(got-want) > 1e-4*math.Abs(want) || got > want+1e-9 {
			t.Errorf("%+v: %v, on a grid %v", c, got, want)
		}
	}
	for _, c := range []struct{ arm, base Total }{{Total{}, Total{10, 10}}, {Total{10, 0}, Total{}}, {Total{10, 9}, Total{100, 90}}} {
		if got := LogWorse(c.arm, c.base, 0); got != 0 {
			t.Errorf("%+v: evidence %v of nothing", c, got)
		}
	}
}

// Looked at after every value, an arm that is as much worse as the margin allows is rarely found harmful, whatever values there are.
func TestLogWorseHoldsAtAnyTime(t *testing.T) {
	const runs, n, alpha, margin = 400, 1000, 0.05, 0.05
	for name, draw := range map[string]func(r *rand.Rand, mean float64) float64{
		"of 0 and 1": func(r *rand.Rand, mean float64) float64 {
			if r.Float64() < mean {
				return 1
			}
			return 0
		},
		"uniform": func(r *rand.Rand, mean float64) float64 { return mean + 0.2*(r.Float64()-0.5) },
	} {
		found, harmed := 0, 0
		for i := range runs {
			r := rand.New(rand.NewPCG(uint64(i), 3))
			var arm, worse, base Total
			alarm, late := false, false
			for range n {
				if r.Float64() < 0.7 {
					base.N, base.Sum = base.N+1, base.Sum+draw(r, 0.8)
					continue
				}
				arm.N, arm.Sum = arm.N+1, arm.Sum+draw(r, 0.75)
				worse.N, worse.Sum = worse.N+1, worse.Sum+draw(r, 0.4)
				alarm = alarm || LogWorse(arm, base, margin) > -math.Log(alpha)
				late = late || LogWorse(worse, base, margin) > -math.Log(alpha)
			}
			if alarm {
				found++
			}
			if late {
				harmed++
			}
		}
		if found > alpha*runs {
			t.Errorf("values %s: %d of %d harmless arms were found harmful, at most %v are allowed", name, found, runs, alpha*runs)
		}
		if harmed < runs*99/100 {
			t.Errorf("values %s: %d of %d harmful arms were found", name, harmed, runs)
		}
	}
}
