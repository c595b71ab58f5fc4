package ope

import "math"

// EmpiricalLikelihood estimates the value by the distribution over (weight, reward) pairs that makes the log most
// likely among those with a mean weight of 1. It needs all decisions: CressieRead is its streaming counterpart.
// The slices have one entry a decision; weights are finite and not negative. Without decisions ok is false.
// Karampatziakis, Langford, Mineiro 2020, https://arxiv.org/abs/1906.03323.
func EmpiricalLikelihood(weights, rewards []float64) (value float64, ok bool) {
	n := float64(len(weights))
	if n == 0 || len(rewards) != len(weights) {
		return 0, false
	}
	// The dual variable beta is inside of [lo, hi], where all probabilities 1/((w-1) beta + n) are at most 1.
	lo, hi := 0.0, n
	for _, w := range weights {
		if w < 1 {
			hi = min(hi, (n-1)/(1-w))
		} else if w > 1 {
			lo = max(lo, (n-1)/(1-w))
		}
	}
	gradient := func(beta float64) (sum float64) {
		for _, w := range weights {
			sum += (w - 1) / (float64((w-1)*beta) + n)
		}
		return sum
	}
	switch {
	case gradient(lo) <= 0:
		hi = lo
	case gradient(hi) >= 0:
		lo = hi
	}
	for range 100 { // the gradient falls
		m := (lo + hi) / 2
		if gradient(m) > 0 {
			lo = m
		} else {
			hi = m
		}
	}
	beta, mass, mean := (lo+hi)/2, 0.0, 0.0
	for i, w := range weights {
		q := w / (float64((w-1)*beta) + n)
		mass += q
		value += float64(q * rewards[i])
		mean += rewards[i] / n
	}
	value += float64(max(0, 1-mass) * mean)
	return value, !math.IsNaN(value) && !math.IsInf(value, 0)
}
