package ope

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// Total is what is known of the mean of values in [0, 1].
type Total struct {
	N, Sum float64 // number of values, and their sum
	// Squares is the sum of the squared errors of predicting every value from those before it.
	Squares float64
}

// Add takes a value in [0, 1].
func (t *Total) Add(x float64) {
	d := x - float64((t.Sum+0.5)/(t.N+1))
	t.N, t.Sum, t.Squares = t.N+1, t.Sum+x, t.Squares+float64(d*d)
}

// Merge takes the values of another total: each was predicted from earlier ones, so that the sum stays what it says.
func (t *Total) Merge(o Total) {
	t.N, t.Sum, t.Squares = t.N+o.N, t.Sum+o.Sum, t.Squares+o.Squares
}

// Mean returns the mean of the values, NaN of none.
func (t Total) Mean() float64 { return t.Sum / t.N }

// Reversed is the total of 1 - x for every value x.
func (t Total) Reversed() Total { return Total{t.N, t.N - t.Sum, t.Squares} }

// Bound is what the mean of one arm is compared with: Shift + Scale times the mean of the other, Scale > 0.
type Bound struct{ Scale, Shift float64 }

func (b Bound) at(x float64) float64 { return b.Shift + float64(b.Scale*x) }

// Reversed is the bound of means of 1 - x.
func (b Bound) Reversed() Bound { return Bound{b.Scale, 1 - b.Shift - b.Scale} }

// LogAbove returns the log of the evidence that the mean of an arm is above a bound of the mean of the base, 0 where
// nothing speaks for it. It is an e-value at every time at once: while the mean of the arm is at most the
// bound, it ever exceeds log(1/alpha) with a probability of at most alpha, however the values were shared out between
// both meanwhile.
//
// Against one pair of means the evidence is the product of those against either, each a test martingale of its own values.
// Of all pairs that keep the bound the one counts that fits best (Turner, Ly and Grunwald 2021,
// https://arxiv.org/abs/2106.02693, test such pairs block by block). Two kinds of martingales are averaged: mixtures of
// likelihoods, which are hard to beat for values 0 and 1, and of bets that know the spread of the values.
func LogAbove(arm, base Total, b Bound) float64 {
	if !above(arm, base, b) {
		return 0
	}
	return max(0, logAverage(leastLikelihood(arm, base, b), leastBets(arm, base, b)))
}

// ProvenAbove reports whether LogAbove has reached a threshold, and then returns it. It looks at one
// pair of means first, at which the evidence is at least that of the pair which fits best.
func ProvenAbove(arm, base Total, b Bound, threshold float64) (log float64, proven bool) {
	if !above(arm, base, b) {
		return 0, false
	}
	// The pair that fits best when both sums are normal.
	va, vb := arm.Squares+1, base.Squares+1
	slope := float64(arm.N * b.Scale)
	x := (float64((arm.Sum-float64(arm.N*b.Shift))*slope)/va + float64(base.Sum*base.N)/vb) / (float64(slope*slope)/va + float64(base.N*base.N)/vb)
	x = min(max(x, 0, float64(-b.Shift/b.Scale)), 1)
	if logAverage(likelihoodAt(arm, base, b, x), betsAt(arm, base, b, x)) < threshold {
		return 0, false
	}
	log = LogAbove(arm, base, b)
	return log, log >= threshold
}

func above(arm, base Total, b Bound) bool {
	return arm.N > 0 && base.N > 0 && arm.Mean() > b.at(base.Mean())
}

// Difference returns bounds of the mean of an arm less that of the base, which hold at all times with probability 1-alpha:
// the differences against which there is less evidence than 2/alpha.
func Difference(arm, base Total, alpha float64) (low, high float64) {
	threshold := portable.Log(2 / alpha)
	low = leastDifference(arm, base, threshold)
	return low, -leastDifference(arm.Reversed(), base.Reversed(), threshold)
}

// leastDifference returns the largest difference that the arm is proven to be above.
func leastDifference(arm, base Total, threshold float64) float64 {
	if arm.N <= 0 || base.N <= 0 {
		return -1
	}
	lo, hi := -1.0, arm.Mean()-base.Mean()
	for range 30 {
		mid := float64((lo + hi) / 2)
		if LogAbove(arm, base, Bound{1, mid}) >= threshold {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// logAverage is log((exp(a) + exp(b)) / 2).
func logAverage(a, b float64) float64 {
	if a == b || math.IsInf(max(a, b), 1) {
		return max(a, b)
	}
	return max(a, b) + portable.Log(float64((1+portable.Exp(-math.Abs(a-b)))/2))
}

// leastLikelihood is the evidence of mixtures of likelihoods at the pair that fits best. The likelihood is
// concave in the mean of the base, and the best lies between both means, seen from the base.
func leastLikelihood(arm, base Total, b Bound) float64 {
	lo := max(base.Mean(), float64(-b.Shift/b.Scale))
	hi := min(1, (arm.Mean()-b.Shift)/b.Scale)
	for range 60 {
		x := float64((lo + hi) / 2)
		if float64(b.Scale*slope(arm, b.at(x)))+slope(base, x) > 0 {
			lo = x
		} else {
			hi = x
		}
	}
	return likelihoodAt(arm, base, b, float64((lo+hi)/2))
}

// likelihoodAt is the evidence of mixtures of likelihoods against a mean x of the base, and the bound of it of the arm. In n values of
// sum s it is the likelihood of a uniform mixture of means over that of m, B(1+s, 1+n-s) / (m^s (1-m)^(n-s))
// (Robbins 1970, https://doi.org/10.1214/aoms/1177696786): a test martingale for values 0 and 1, and below one for
// other values in [0, 1], since a likelihood ratio is convex in the value.
func likelihoodAt(arm, base Total, b Bound, x float64) float64 {
	return logMixture(arm) - logLikelihood(arm, min(1, max(0, b.at(x)))) + logMixture(base) - logLikelihood(base, x)
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
