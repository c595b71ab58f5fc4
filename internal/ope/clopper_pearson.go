package ope

import "gonum.org/v1/gonum/mathext"

// ClopperPearson returns a conservative interval of the IPS value: the sum of scaled weighted rewards over the
// largest weight seen is taken as a number of successes, and n over that weight as the number of trials.
// Clopper, Pearson 1934, https://doi.org/10.1093/biomet/26.4.404.
func (e *Evaluation) ClopperPearson(alpha float64) (lo, hi float64, ok bool) {
	if !(alpha > 0 && alpha < 1) || e.maxWeight == 0 {
		return 0, 0, false
	}
	k, n := e.sums[sumWX]/e.maxWeight, e.sums[events]/e.maxWeight
	hi = 1
	if k > 0 && k < n+1 {
		lo = mathext.InvRegIncBeta(k, n-k+1, alpha/2)
	}
	if k < n {
		hi = mathext.InvRegIncBeta(k+1, n-k, 1-float64(alpha/2))
	}
	return e.unscale(lo), e.unscale(hi), true
}
