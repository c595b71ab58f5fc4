package ope

import (
	"math"
)

// Inverse propensity scoring: the mean of w r. It is unbiased with true propensities, and its variance grows with
// the square of the weights.
// Horvitz, Thompson 1952, https://doi.org/10.1080/01621459.1952.10483446; Li et al. 2011, https://arxiv.org/abs/1003.5956.

// mean returns the mean of v, of an estimator in meanOf.
func (e *Evaluation) mean(k Estimator) (float64, bool) {
	return e.sums[means+2*meanOf[k]] / e.sums[events], true
}

// gaussian is the interval of the central limit theorem for such a mean: z s/sqrt(n).
func (e *Evaluation) gaussian(k Estimator, alpha float64) (lo, hi float64, ok bool) {
	n, sum, squares := e.sums[events], e.sums[means+2*meanOf[k]], e.sums[means+2*meanOf[k]+1]
	if n <= 1 {
		return 0, 0, false
	}
	half := normalHalfWidth(varianceOfMean(n, sum, squares), alpha)
	return sum/n - half, sum/n + half, true
}

// varianceOfMean is that of a mean of n > 1 values with this sum and sum of squares.
func varianceOfMean(n, sum, squares float64) float64 {
	return max(0, squares-float64(sum/n*sum)) / (n - 1) / n
}

// normalHalfWidth is half of the two-sided interval of a normal variable.
func normalHalfWidth(variance, alpha float64) float64 {
	return float64(math.Sqrt2 * math.Erfinv(1-alpha) * math.Sqrt(max(0, variance)))
}
