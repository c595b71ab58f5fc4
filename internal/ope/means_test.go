package ope

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

// totalOf has the sum of values that are all 0 or 1, ones first.
func totalOf(n, sum int) (t Total) {
	for i := range n {
		x := 0.0
		if i*sum/n != (i+1)*sum/n {
			x = 1
		}
		t.Add(x)
	}
	return t
}

// The bisections find what a grid finds, with gonum's logarithm of the beta function and exponentials of math.
func TestLogAboveIsTheLeastOverAGrid(t *testing.T) {
	for _, c := range []struct {
		arm, base Total
		bound     Bound
	}{
		{totalOf(500, 100), totalOf(1000, 50), Bound{1, 0}}, {totalOf(500, 100), totalOf(1000, 50), Bound{1, 0.05}},
		{totalOf(40, 40), totalOf(60, 0), Bound{1, 0.02}}, {totalOf(300, 60), totalOf(4000, 400), Bound{1.2, 0}},
		{totalOf(300, 60), totalOf(4000, 100), Bound{0.9, 0.1}}, {totalOf(300, 60), totalOf(400, 90), Bound{1, -0.1}},
		{Total{300, 30, 0.3}, Total{900, 45, 0.5}, Bound{1.05, 0.001}},
	} {
		likelihood := func(t Total, m float64) float64 {
			l := mathext.Lbeta(1+t.Sum, 1+t.N-t.Sum)
			if t.Sum > 0 {
				l -= t.Sum * math.Log(m)
			}
			if t.N > t.Sum {
				l -= (t.N - t.Sum) * math.Log(1-m)
			}
			return l
		}
		wager := func(s, v float64) float64 {
			sum := 0.0
			for i := range 13 {
				stake := math.Pow(2, -float64(i))
				if i == 0 {
					stake = 0.9
				}
				sum += math.Exp(stake*s+(math.Log1p(-stake)+stake)*v) / 13
			}
			return math.Log(sum)
		}
		a, b := math.Inf(1), math.Inf(1)
		const n = 20_000
		for i := range n + 1 {
			x := float64(i) / n
			m := c.bound.Shift + c.bound.Scale*x
			if m < 0 {
				continue
			}
			if m <= 1 && x >= c.base.Mean() && m <= c.arm.Mean() {
				a = min(a, likelihood(c.arm, m)+likelihood(c.base, x))
			}
			b = min(b, wager(c.arm.Sum-c.arm.N*m, c.arm.Squares)+wager(c.base.N*x-c.base.Sum, c.base.Squares))
		}
		want := max(0, math.Log((math.Exp(a)+math.Exp(b))/2))
		got := LogAbove(c.arm, c.base, c.bound)
		if math.Abs(got-want) > 2e-4*(1+want) {
			t.Errorf("%+v: %v, on a grid %v", c, got, want)
		}
		for _, threshold := range []float64{got * 0.99, got * 1.01} {
			if log, proven := ProvenAbove(c.arm, c.base, c.bound, threshold); got > 0 && (proven != (got >= threshold) || proven && log != got) {
				t.Errorf("%+v: proven %v with %v at %v; the evidence is %v", c, proven, log, threshold, got)
			}
		}
	}
	for _, c := range []struct{ arm, base Total }{{Total{}, totalOf(10, 0)}, {totalOf(10, 10), Total{}}, {totalOf(10, 1), totalOf(100, 10)}} {
		if got := LogAbove(c.arm, c.base, Bound{1, 0}); got != 0 {
			t.Errorf("%+v: evidence %v of nothing", c, got)
		}
	}
}

// Reversed values with the reversed bound are the other side of the same comparison.
func TestReversed(t *testing.T) {
	b := Bound{1.1, 0.02}
	if x := 0.3; math.Abs(1-b.at(x)-b.Reversed().at(1-x)) > 1e-15 {
		t.Errorf("bound %v, reversed %v", b.at(x), b.Reversed().at(1-x))
	}
	if r := totalOf(10, 3).Reversed(); r.Sum != 7 || r.Squares != totalOf(10, 3).Squares {
		t.Errorf("reversed %+v", r)
	}
}

// values are kinds of values in [0, 1] with a given mean.
func values() map[string]func(r *rand.Rand, mean float64) float64 {
	return map[string]func(r *rand.Rand, mean float64) float64{
		"of 0 and 1": func(r *rand.Rand, mean float64) float64 {
			if r.Float64() < mean {
				return 1
			}
			return 0
		},
		"uniform": func(r *rand.Rand, mean float64) float64 { return mean + 0.1*(r.Float64()-0.5) },
		"rare and large": func(r *rand.Rand, mean float64) float64 {
			if r.Float64() < 0.02 {
				return min(1, (mean-0.1*0.98)/0.02)
			}
			return 0.1
		},
	}
}

// Looked at after every value, an arm that is as much worse as the margin allows is rarely found harmful, and the interval
// rarely misses the difference, whatever values there are.
func TestLogAboveHoldsAtAnyTime(t *testing.T) {
	const runs, n, alpha = 200, 800, 0.05
	bound := Bound{1.1, 0.005}
	for name, draw := range values() {
		found, harmed, missed := 0, 0, 0
		for i := range runs {
			r := rand.New(rand.NewPCG(uint64(i), 3))
			var arm, worse, base Total
			alarm, late, outside := false, false, false
			for k := range n {
				if r.Float64() < 0.7 {
					base.Add(draw(r, 0.1))
					continue
				}
				arm.Add(draw(r, 0.115))
				worse.Add(draw(r, 0.4))
				_, a := ProvenAbove(arm, base, bound, -math.Log(alpha))
				_, b := ProvenAbove(worse, base, bound, -math.Log(alpha))
				alarm, late = alarm || a, late || b
				if k%100 == 0 && base.N > 0 {
					lo, hi := Difference(arm, base, alpha)
					outside = outside || lo > 0.015 || hi < 0.015
				}
			}
			for _, c := range []struct {
				is bool
				n  *int
			}{{alarm, &found}, {late, &harmed}, {outside, &missed}} {
				if c.is {
					*c.n++
				}
			}
		}
		t.Logf("values %s: %d of %d arms at the margin found harmful, %d intervals missed, %d harmful arms found", name, found, runs, missed, harmed)
		if found > alpha*runs || missed > alpha*runs {
			t.Errorf("values %s: %d of %d harmless arms were found harmful and %d intervals missed, at most %v are allowed", name, found, runs, missed, alpha*runs)
		}
		if name != "rare and large" && harmed < runs*95/100 {
			t.Errorf("values %s: %d of %d harmful arms were found", name, harmed, runs)
		}
	}
}

// psi of every stake, from its definition.
func TestBets(t *testing.T) {
	for _, b := range bets {
		if want := -math.Log1p(-b.stake) - b.stake; math.Abs(b.psi-want) > 1e-9*want {
			t.Errorf("stake %v: psi %v, want %v", b.stake, b.psi, want)
		}
	}
}

func BenchmarkProvenAbove(b *testing.B) {
	arm, base := totalOf(5000, 600), totalOf(20000, 2200)
	for b.Loop() {
		if _, proven := ProvenAbove(arm, base, Bound{1, 0.002}, 7); proven {
			b.Fatal("proven")
		}
	}
}
