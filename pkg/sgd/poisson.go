package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// poissonMargin bounds the margin of the Poisson loss: predictions are between
// 1e-13 and 1e13, as labels are at most.
const poissonMargin = 30

// poisson returns half the deviance of a Poisson distribution with mean
// p = exp(z), y log(y/p) - (y-p), and its derivative in z (McCullagh, Nelder
// 1989, https://doi.org/10.1201/9780203753736). It is 0 at p = y, and differs
// from the negative log-likelihood by what depends on y alone.
func poisson(z, p, y float64) (loss, grad float64) {
	if y > 0 {
		loss = float64(y * (portable.Log(y) - z))
	}
	return max(0, loss+(p-y)), p - y
}

// invariantPoisson solves the differential equation of the update. With
// a = y h ppu and c = exp(z)/y the score grows by a - log(1 + c (exp(a)-1)),
// which is -log(c + (1-c) exp(-a)); for y = 0 it falls by log(1 + exp(z) h ppu).
func invariantPoisson(z, y, h, ppu float64) float64 {
	p := portable.Exp(z)
	if y < tinyValue {
		return -portable.Log1p(float64(float64(p*h)*ppu)) / ppu
	}
	a, c := float64(float64(y*h)*ppu), p/y
	if c > 1e15 { // y is next to nothing
		return -portable.Log1p(float64(c*-expm1(-a))) / ppu
	}
	v := float64((1 - c) * expm1(-a))
	if math.Abs(v) < 0.5 {
		return -portable.Log1p(v) / ppu
	}
	return -portable.Log(c+float64((1-c)*portable.Exp(-a))) / ppu
}
