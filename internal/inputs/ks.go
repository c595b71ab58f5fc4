package inputs

import "math"

// ks returns the distance of Kolmogorov and Smirnov of a block from a reference: the
// greatest difference of their distribution functions, here at the borders of the
// cells in which both are counted, so that it is never too large; and the largest
// value that chance explains: while the two come from one distribution the distance exceeds
// c sqrt((n + m)/(n m)) with a probability of at most about 2 exp(-2 c²)
// (Smirnov 1948, https://doi.org/10.1214/aoms/1177730256).
func ks(reference, block *[cells]uint64) (value, chance float64) {
	n, m := 0.0, 0.0
	for i := range reference {
		n += float64(reference[i])
		m += float64(block[i])
	}
	if n == 0 || m == 0 {
		return 0, 0
	}
	var below [2]uint64
	for i := range reference {
		below[0] += reference[i]
		below[1] += block[i]
		value = max(value, math.Abs(float64(below[0])/n-float64(below[1])/m))
	}
	return value, ksLimit * math.Sqrt(1/n+1/m)
}

// ksLimit is c for a probability of 1e-6.
const ksLimit = 2.6933
