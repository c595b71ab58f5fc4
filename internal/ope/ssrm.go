package ope

import (
	"errors"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// SampleRatio tests at any time whether counts come in given shares, such as units assigned to arms: the multinomial
// with these shares against a Dirichlet mixture around them.
// Lindon, Malek 2022, https://arxiv.org/abs/2011.03567.
type SampleRatio struct {
	shares        []float64 // of the null hypothesis
	concentration float64
	counts        []float64
	p             AlwaysValid
}

var (
	errShares        = errors.New("ope: the expected shares must be two or more numbers above 0 whose sum is 1")
	errConcentration = errors.New("ope: the concentration must be above 0 and at most 1e12: 10000 looks for small deviations, 100 for large ones")
	errCounts        = errors.New("ope: give one count for each expected share, each from 0 to 2^53")
)

// NewSampleRatio takes the expected shares and the concentration of the mixture around them.
func NewSampleRatio(shares []float64, concentration float64) (*SampleRatio, error) {
	sum := 0.0
	for _, share := range shares {
		if !(share > 0) {
			return nil, errShares
		}
		sum += share
	}
	if len(shares) < 2 || !(math.Abs(sum-1) < 1e-9) {
		return nil, errShares
	}
	if !(concentration > 0 && concentration <= 1e12) {
		return nil, errConcentration
	}
	return &SampleRatio{shares: slices.Clone(shares), concentration: concentration, counts: make([]float64, len(shares))}, nil
}

// Add takes the counts since the last call and returns the p-value.
func (s *SampleRatio) Add(counts []float64) (p float64, err error) {
	if len(counts) != len(s.counts) {
		return 0, errCounts
	}
	for _, c := range counts {
		if !(c >= 0 && c <= 1<<53) {
			return 0, errCounts
		}
	}
	total, ratio := 0.0, 0.0
	for i, c := range counts {
		s.counts[i] += c
		total += s.counts[i]
		prior := float64(s.concentration * s.shares[i])
		ratio += logGamma(prior+s.counts[i]) - logGamma(prior) - float64(s.counts[i]*portable.Log(s.shares[i]))
	}
	ratio -= logGamma(s.concentration+total) - logGamma(s.concentration)
	return s.p.Observe(ratio), nil
}

// P returns the p-value.
func (s *SampleRatio) P() float64 { return s.p.P() }
