package inputs

import "github.com/streamlearner/streamlearner/internal/portable"

// psi returns the population stability index of a block against a reference, both
// counted in the same cells:
//
//	PSI = sum over cells of (p - q) log(p / q)
//
// with p and q the shares of block and reference, and the largest value that chance
// explains. A cell in which one of the two has nothing counts as half an observation
// in it. While the two come from one distribution, PSI / (1/n + 1/m) has about a
// chi-squared distribution with one degree of freedom less than there are cells
// (Yurdakul 2018, Statistical Properties of Population Stability Index,
// https://scholarworks.wmich.edu/dissertations/3208).
func psi(reference, block [psiCells]uint64) (value, chance float64) {
	n, m := 0.0, 0.0
	for i := range reference {
		n += float64(reference[i])
		m += float64(block[i])
	}
	if n == 0 || m == 0 {
		return 0, 0
	}
	for i := range reference {
		if reference[i] == 0 && block[i] == 0 {
			continue
		}
		q, p := max(float64(reference[i]), 0.5)/n, max(float64(block[i]), 0.5)/m
		value += float64((p - q) * portable.Log(p/q))
	}
	return value, psiLimit * (1/n + 1/m)
}

const (
	psiCells = 10
	psiLimit = 44.81094 // quantile 1 - 1e-6 of chi-squared with 9 degrees of freedom
)
