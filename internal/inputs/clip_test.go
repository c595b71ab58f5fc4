package inputs

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func norms(q float64) *clip {
	c := Default()
	c.ClipQuantile = q
	return newClip(&c)
}

// The bound is near the quantile of the norms, in whatever unit, and follows it when it falls.
func TestClipFindsTheQuantile(t *testing.T) {
	for _, q := range []float64{0.9, 0.99, 0.999} {
		for _, unit := range []float64{1e-9, 1, 1e9} {
			rng := rand.New(rand.NewPCG(1, 2))
			c := norms(q)
			draw := func(scale float64) float64 { return scale * math.Exp(0.5*rng.NormFloat64()) }
			for range 1_000 { // of a model that knows nothing yet
				c.observe(draw(100 * unit))
			}
			mean, n := 0.0, 0.0
			for i := range 300_000 {
				c.observe(draw(unit))
				if i > 200_000 {
					mean += c.quantile
					n++
				}
			}
			want := unit * distuv.LogNormal{Sigma: 0.5}.Quantile(q)
			if got := mean / n; math.Abs(got/want-1) > 0.15 {
				t.Errorf("quantile %v in units of %v: %v, want about %v", q, unit, got, want)
			}
		}
	}
}

// A burst of wild gradients raises the bound by a hundredth an event at most.
func TestClipDuringABurst(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	c := norms(0.999)
	for range 20_000 {
		c.observe(1 + rng.Float64())
	}
	if c.factor(1.5) != 1 {
		t.Error("a usual gradient is bounded")
	}
	before := c.quantile
	for range 50 {
		c.observe(1e6)
	}
	if c.quantile > before*math.Pow(1.01, 50)*1.0001 || c.quantile <= before {
		t.Errorf("the bound went from %v to %v", before, c.quantile)
	}
	if f := c.factor(1e6); math.Abs(f*1e6-c.quantile) > 1e-9 {
		t.Errorf("a gradient of 1e6 is multiplied by %v, the bound is %v", f, c.quantile)
	}
}

func TestClipOfExtremes(t *testing.T) {
	for _, norm := range []float64{0, math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1), math.NaN()} {
		c := norms(0.5)
		for range 200_000 {
			c.observe(norm)
		}
		if f := c.factor(norm); !(f > 0 && f <= 1) && !(norm > largestNorm && f == c.quantile/norm) {
			t.Errorf("norm %v: factor %v", norm, f)
		}
		if math.IsNaN(c.quantile) || math.IsInf(c.quantile, 0) {
			t.Errorf("norm %v: a bound of %v", norm, c.quantile)
		}
	}
	if f := norms(0.9).factor(5); f != 1 {
		t.Errorf("before anything is known gradients are multiplied by %v", f)
	}
}
