package ope

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// AsymptoticHalfWidth returns the half-width of the asymptotic confidence sequence for a mean after t observations
// of standard deviation sigma: the mean is inside at every t at once with probability 1-alpha, as t grows.
// Waudby-Smith et al. 2021, https://arxiv.org/abs/2103.06476, theorem 2.2.
func AsymptoticHalfWidth(t, sigma, rho, alpha float64) float64 {
	v := float64(t*rho*rho) + 1
	return sigma * math.Sqrt(2*v/float64(t*rho)/float64(t*rho)*(float64(portable.Log(v)/2)-portable.Log(alpha)))
}

// TightestRho returns the rho that makes the sequence tightest after t observations (section 2 of the paper,
// approximately).
func TightestRho(t, alpha float64) float64 {
	l := float64(-2 * portable.Log(alpha))
	return math.Sqrt((l + portable.Log(l+1)) / t)
}
