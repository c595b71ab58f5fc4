package scale

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// gonum computes mean and population variance over all values at once; the
// weight of a value counts as a frequency.
func TestMomentsAgreeWithGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var x, w []float64
	var m Moments
	for range 2_000 {
		x, w = append(x, 1e6+rng.NormFloat64()), append(w, float64(1+rng.IntN(3)))
		m = m.Add(x[len(x)-1], w[len(w)-1])
	}
	mean, variance := stat.PopMeanVariance(x, w)
	if math.Abs(m.Mean-mean) > 1e-7 || math.Abs(1/(m.Inverse()*m.Inverse())-variance) > 1e-9 {
		t.Errorf("mean %v and variance %v, gonum %v and %v", m.Mean, 1/(m.Inverse()*m.Inverse()), mean, variance)
	}
}
