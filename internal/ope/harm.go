package ope

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// Total is a number of values in [0, 1] and their sum.
type Total struct{ N, Sum float64 }

// LogWorse returns the log of the evidence that the mean of an arm is below that of the base less a margin. It is an
// e-value at every time at once: while the arm is no worse, it ever exceeds log(1/alpha) with a probability of at most
// alpha, however the values were shared out between both meanwhile.
//
// Against one mean m the evidence in n values of sum s is the likelihood of a uniform mixture of means over that of
// m, B(1+s, 1+n-s) / (m^s (1-m)^(n-s)) (Robbins 1970, https://doi.org/10.1214/aoms/1177696786). It is a test martingale
// for values 0 and 1, and below one for other values in [0, 1], since a likelihood ratio is convex in the value.
// Of two samples it is the product, at the pair of means among those that are no harm which fits best
// (Turner, Ly and Grunwald 2021, https://arxiv.org/abs/2106.02693, test such pairs block by block).
func LogWorse(arm, base Total, margin float64) float64 {
	if arm.N <= 0 || base.N <= 0 || !(arm.Sum/arm.N < base.Sum/base.N-margin) {
		return 0
	}
	// The pair that fits best is (x - margin, x). Its likelihood is concave in x, and x lies between both means.
	lo, hi := arm.Sum/arm.N+margin, base.Sum/base.N
	for range 60 {
		x := float64((lo + hi) / 2)
		if slope(arm, x-margin)+slope(base, x) > 0 {
			lo = x
		} else {
			hi = x
		}
	}
	x := float64((lo + hi) / 2)
	return logMixture(arm) - logLikelihood(arm, x-margin) + logMixture(base) - logLikelihood(base, x)
}

// slope is the derivative of the log-likelihood of a mean.
func slope(t Total, mean float64) float64 {
	up, down := 0.0, 0.0
	if t.Sum > 0 {
		up = t.Sum / mean
	}
	if t.N > t.Sum {
		down = (t.N - t.Sum) / (1 - mean)
	}
	if math.IsInf(up, 1) && math.IsInf(down, 1) {
		return 0
	}
	return up - down
}

func logLikelihood(t Total, mean float64) (l float64) {
	if t.Sum > 0 {
		l = float64(t.Sum * portable.Log(mean))
	}
	if t.N > t.Sum {
		l += float64((t.N - t.Sum) * portable.Log(1-mean))
	}
	return l
}

// logMixture is log B(1+s, 1+n-s).
func logMixture(t Total) float64 {
	return logGamma(1+t.Sum) + logGamma(1+t.N-t.Sum) - logGamma(2+t.N)
}
