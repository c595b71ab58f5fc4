package ope

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// The mixture sequential probability ratio test compares two arms at any time: the difference of means has a normal
// prior of variance tau2 under the alternative, and is 0 under the null hypothesis.
// Johari, Koomen, Pekelis, Walsh 2022, https://arxiv.org/abs/1512.04922.

// LogMixtureRatio returns the log of the likelihood ratio, for an observed difference delta whose estimate has the
// variance v > 0. The p-value is always valid: p = min over time of exp(-ratio), see AlwaysValid.
func LogMixtureRatio(delta, v, tau2 float64) float64 {
	share := tau2 / (v + tau2)
	return float64(portable.Log(v/(v+tau2))/2) + float64(share*(delta/v*delta)/2)
}

// MixtureHalfWidth returns the half-width of the confidence sequence that the test inverts.
func MixtureHalfWidth(v, tau2, alpha float64) float64 {
	return math.Sqrt(2 * v * ((v + tau2) / tau2) * (float64(portable.Log((v+tau2)/v)/2) - portable.Log(alpha)))
}

// AlwaysValid is a p-value that may be looked at at any time: the smallest so far. The zero value stands for p = 1.
type AlwaysValid struct{ evidence float64 }

// Observe takes the log of the current likelihood ratio and returns the p-value.
func (a *AlwaysValid) Observe(logRatio float64) float64 {
	if logRatio > a.evidence {
		a.evidence = logRatio
	}
	return a.P()
}

// P returns the p-value.
func (a *AlwaysValid) P() float64 { return portable.Exp(-a.evidence) }
