package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// gammaDraw returns draw m of a stream from the Gamma distribution of a shape and rate 1, by the method of
// Marsaglia and Tsang (2000, https://doi.org/10.1145/358407.358414), with their boost below shape 1.
func gammaDraw(stream uint64, m int, shape float64) float64 {
	own := mix64(stream + uint64(m+1)*weyl)
	boost := 1.0
	if shape < 1 {
		boost = portable.Exp(portable.Log((float64(own>>11)+0.5)/(1<<53)) / shape)
		shape++
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(float64(9*d))
	for i := uint64(1); ; i++ {
		h := mix64(own + i*weyl)
		x, u := quantile((float64(uint32(h))+0.5)/(1<<32)), (float64(h>>32)+0.5)/(1<<32)
		v := 1 + float64(c*x)
		if v <= 0 {
			continue
		}
		v = float64(float64(v*v) * v)
		if portable.Log(u) < float64(float64(x*x)/2)+float64(d*(1-v+portable.Log(v))) {
			return float64(float64(d*v) * boost)
		}
	}
}

// draw returns draw m from the posterior by the streams 2 arm and 2 arm + 1 of a seed.
func (b beta) draw(seed uint64, arm, m int) float64 {
	x, y := gammaDraw(stream(seed, 2*arm), m, b.alpha), gammaDraw(stream(seed, 2*arm+1), m, b.beta)
	return x / (x + y)
}
