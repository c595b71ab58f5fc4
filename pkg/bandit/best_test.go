package bandit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestRuleIsExactForPolynomials(t *testing.T) {
	r := newRule()
	for degree := range 2 * order {
		var f [order]float64
		for m, x := range r.node {
			f[m] = math.Pow(x, float64(degree))
		}
		d := float64(degree + 1)
		if got, want := r.integral(&f), (1-math.Pow(-1, d))/d; math.Abs(got-want) > 1e-14 {
			t.Errorf("degree %d: integral %v, want %v", degree, got, want)
		}
		if degree >= order {
			continue
		}
		for i, x := range r.node {
			if got, want := r.integralTo(i, &f), (math.Pow(x, d)-math.Pow(-1, d))/d; math.Abs(got-want) > 1e-14 {
				t.Errorf("degree %d: integral to node %d is %v, want %v", degree, i, got, want)
			}
		}
	}
}

// beats is P(Y > X) for X ~ Beta(a, b), Y ~ Beta(c, d) and an integer c, by the
// closed sum of https://www.evanmiller.org/bayesian-ab-testing.html.
func beats(a, b, c, d float64) float64 {
	lbeta := func(x, y float64) float64 {
		lx, _ := math.Lgamma(x)
		ly, _ := math.Lgamma(y)
		lxy, _ := math.Lgamma(x + y)
		return lx + ly - lxy
	}
	sum := 0.
	for i := 0.; i < c; i++ {
		sum += math.Exp(lbeta(a+i, b+d) - math.Log(d+i) - lbeta(1+i, d) - lbeta(a, b))
	}
	return sum
}

func TestTwoArmsAgainstClosedForm(t *testing.T) {
	r := newRule()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Custom(func(t *rapid.T) float64 {
			return math.Pow(10, rapid.Float64Range(-1, 3.5).Draw(t, "log10"))
		})
		x := beta{number.Draw(t, "a"), number.Draw(t, "b")}
		y := beta{float64(rapid.IntRange(1, 2000).Draw(t, "c")), number.Draw(t, "d")}
		want := beats(x.alpha, x.beta, y.alpha, y.beta)
		got := bestProbabilities(r, []beta{x, y}, nil)
		if math.Abs(got[1]-want) > 1e-9 || math.Abs(got[0]+got[1]-1) > 1e-12 {
			t.Fatalf("%v against %v: %v, want %v", x, y, got, want)
		}
	})
}

// With any number of arms, the answer does not depend on their order, equal arms
// share, and more successes never hurt.
func TestManyArms(t *testing.T) {
	r := newRule()
	rapid.Check(t, func(t *rapid.T) {
		arms := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) beta {
			return beta{math.Pow(10, rapid.Float64Range(-1, 14).Draw(t, "a")), math.Pow(10, rapid.Float64Range(-1, 14).Draw(t, "b"))}
		}), 2, 8).Draw(t, "arms")
		arms = append(arms, arms[0])
		p := bestProbabilities(r, arms, nil)
		sum := 0.
		for _, v := range p {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%v: %v", arms, p)
			}
			sum += v
		}
		last := len(arms) - 1
		if math.Abs(sum-1) > 1e-12 || math.Abs(p[0]-p[last]) > 1e-9 {
			t.Fatalf("%v: %v", arms, p)
		}
		reversed := make([]beta, len(arms))
		for i, a := range arms {
			reversed[last-i] = a
		}
		for i, v := range bestProbabilities(r, reversed, nil) {
			if math.Abs(v-p[last-i]) > 1e-9 {
				t.Fatalf("%v: arm %d has %v, or %v in reverse order", arms, last-i, p[last-i], v)
			}
		}
		arms[0].alpha *= 1.5
		if better := bestProbabilities(r, arms, nil); better[0] < p[0]-1e-9 {
			t.Fatalf("%v: more successes lower the probability from %v to %v", arms, p[0], better[0])
		}
	})
}

// Posteriors far beyond any stream, and as many arms as a bandit may have.
func TestExtremePosteriors(t *testing.T) {
	r := newRule()
	for _, c := range []struct {
		arms []beta
		want []float64
	}{
		{[]beta{{1e300, 1e300}, {1, 1}}, []float64{.5, .5}},
		{[]beta{{1e17, 3e17}, {1e17, 1e17}}, []float64{0, 1}},
		{[]beta{{1e15, 1}, {1, 1e15}}, []float64{1, 0}},
		{[]beta{{.1, .1}, {.1, .1}}, []float64{.5, .5}},
		{[]beta{{1e12, .1}, {.1, 1e12}, {1, 1}}, []float64{1, 0, 0}},
	} {
		near(t, "probability", bestProbabilities(r, c.arms, nil), c.want, 1e-9)
	}
	many := make([]beta, maxArms)
	for i := range many {
		many[i] = beta{.1, .1}
	}
	for _, v := range bestProbabilities(r, many, nil) {
		if math.Abs(v-1./maxArms) > 1e-9 {
			t.Fatalf("one of %d equal arms has probability %v", maxArms, v)
		}
	}
}

func BenchmarkThompson(b *testing.B) {
	r := newRule()
	arms := make([]beta, 10)
	for i := range arms {
		arms[i] = beta{float64(40 + 10*i), float64(1000 + 50*i)}
	}
	var p []float64
	b.ReportAllocs()
	for range b.N {
		p = bestProbabilities(r, arms, p[:0])
	}
}
