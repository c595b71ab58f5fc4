package ope

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// The Cressie-Read estimator reweights the decisions as little as possible, by the Cressie-Read divergence of power
// -2, so that the mean weight is 1, with one more decision of the least favourable weight in mind. It works on
// rewards scaled to [0, 1]. Karampatziakis, Langford, Mineiro 2020, https://arxiv.org/abs/1906.03323.
func (e *Evaluation) cressieRead() float64 {
	s := &e.sums
	n := s[events]
	// Mass that the weighted decisions lack gets the mean reward.
	value, mass := s[sumWX]/n, s[sumW]/n
	if s[sumW] >= n {
		a, b := s[sumW]/(1+n), s[sumW2]/(1+n)
		if det := b - float64(a*a); det > 0 {
			gamma, beta := (b-a)/det, (1-a)/det
			value = (float64(gamma*s[sumWX]) + float64(beta*s[sumW2X])) / (1 + n)
			mass = (float64(gamma*s[sumW]) + float64(beta*s[sumW2])) / (1 + n)
		}
	}
	return e.unscale(value + float64(max(0, 1-mass)*(s[sumX]/n)))
}

// cressieReadInterval returns the lowest and the highest value that some reweighting reaches whose divergence is
// below the F quantile.
func (e *Evaluation) cressieReadInterval(alpha float64) (lo, hi float64) {
	s := &e.sums
	n := s[events]
	least := 1 + 1/n
	if s[sumW] >= n {
		a, b := s[sumW]/(1+n), s[sumW2]/(1+n)
		if det := b - float64(a*a); det > 0 {
			least = float64((1 + n) * (a - 1) / det * (a - 1))
		}
	}
	delta := distuv.F{D1: 1, D2: n}.Quantile(1 - alpha)
	phi := -(least + delta) / float64(2*(1+n))
	return e.unscale(e.cressieReadBound(phi, 0, 1)), e.unscale(e.cressieReadBound(phi, 1, -1))
}

// cressieReadBound minimises sign times the value, if the decision that was not seen has reward r.
func (e *Evaluation) cressieReadBound(phi, r, sign float64) float64 {
	s := &e.sums
	n := s[events]
	best, found := math.Inf(1), false
	// A candidate is x - sqrt(2 y z). By the inequality of Cauchy and Schwarz y <= 0; it is 0 up to rounding when the
	// rewards do not vary.
	try := func(x, y, z float64) {
		const rounding = 1e-9
		switch yz := float64(min(0, y) * z); {
		case math.Abs(yz) <= rounding*rounding:
			best, found = min(best, x-math.Sqrt2*rounding), true
		case z <= 0 && yz >= 0:
			best, found = min(best, x-math.Sqrt(2*yz)), true
		}
	}

	// The decision that was not seen has weight 0.
	w, w2 := s[sumW]/(1+n), s[sumW2]/(1+n)
	wx, w2x, w2x2 := float64(sign*s[sumWX])/(1+n), float64(sign*s[sumW2X])/(1+n), s[sumW2X2]/(1+n)
	if det := w2 - float64(w*w); det > 0 {
		covariance := w2x - float64(w*wx)
		try(wx+float64((1-w)*covariance/det), float64(covariance/det*covariance)-(w2x2-float64(wx*wx)), phi+float64((1-w)/det*((1-w)/2)))
	}
	// It has a weight without bound.
	deficit := float64(s[sumW]*r) - s[sumWX]
	squares := float64(r*r*s[sumW2]) - float64(2*r*s[sumW2X]) + s[sumW2X2]
	try(float64(sign*(r-deficit/n)), float64(deficit/n*deficit/(1+n))-squares/(1+n), phi+1/float64(2*n))

	if !found {
		return r
	}
	return min(1, max(0, sign*best))
}
