package ope

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Sample sums up n observations by mean and standard deviation.
type Sample struct{ Mean, SD, N float64 }

// Welch compares the means of two samples with unequal variances, for a size that was fixed beforehand: difference
// b - a, its interval at 1-alpha, and the two-sided p-value. Both samples need two observations that differ.
// Welch 1947, https://doi.org/10.1093/biomet/34.1-2.28.
func Welch(a, b Sample, alpha float64) (delta, lo, hi, p float64, ok bool) {
	va, vb := float64(a.SD*a.SD)/a.N, float64(b.SD*b.SD)/b.N
	if !(a.N > 1 && b.N > 1 && va+vb > 0 && alpha > 0 && alpha < 1) {
		return 0, 0, 0, 0, false
	}
	share := va / (va + vb)
	freedom := 1 / (float64(share*share/(a.N-1)) + float64((1-share)*(1-share)/(b.N-1)))
	t := distuv.StudentsT{Sigma: 1, Nu: freedom}
	delta, se := b.Mean-a.Mean, math.Sqrt(va+vb)
	half := float64(-t.Quantile(alpha/2) * se)
	return delta, delta - half, delta + half, 2 * t.CDF(-math.Abs(delta)/se), true
}
