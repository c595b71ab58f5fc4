package ope

import "math"

// Diagnostics tell how far an evaluation can be trusted.
type Diagnostics struct {
	Rows          float64 // decisions
	MeanWeight    float64 // close to 1 when the propensities are right
	MeanWeightSE  float64 // standard error of MeanWeight
	MaxWeight     float64
	EffectiveSize float64 // (sum W)^2 / sum W^2: decisions under the target policy that would tell as much (Kish 1965)
	ClippedShare  float64 // of decisions with a weight above Clip
	SwitchedShare float64 // of decisions with a weight above Switch
	MatchedShare  float64 // of decisions that Replay uses
}

// Diagnostics returns zeros without decisions.
func (e *Evaluation) Diagnostics() Diagnostics {
	s := &e.sums
	if s[rows] == 0 {
		return Diagnostics{}
	}
	n := s[events]
	d := Diagnostics{
		Rows: s[rows], MeanWeight: s[sumW] / n, MaxWeight: e.maxWeight,
		ClippedShare: s[clippedN] / s[rows], SwitchedShare: s[switched] / s[rows], MatchedShare: s[matches] / n,
	}
	if s[sumW2] > 0 {
		d.EffectiveSize = s[sumW] / s[sumW2] * s[sumW]
	}
	if n > 1 {
		d.MeanWeightSE = math.Sqrt(varianceOfMean(n, s[sumW], s[sumW2]))
	}
	return d
}

// FewestDecisions is the effective sample size below which intervals by the central limit theorem are not to be
// believed.
const FewestDecisions = 100

// Doubt is a reason to distrust an evaluation.
type Doubt string

// The doubts.
const (
	FewDecisions Doubt = "the effective sample size is below 100: intervals that go by the central limit theorem are too narrow"
	WrongWeights Doubt = "the mean weight is more than 4 standard errors from 1: propensities or target probabilities are wrong, or " +
		"the logging policy never took some actions of the target policy"
	ManyClipped Doubt = "more than 5% of the decisions are clipped: the clipped estimate is biased towards 0"
)

// Doubts lists what speaks against the estimates.
func (d Diagnostics) Doubts() []Doubt {
	var doubts []Doubt
	if d.EffectiveSize < FewestDecisions {
		doubts = append(doubts, FewDecisions)
	}
	if math.Abs(d.MeanWeight-1) > float64(4*d.MeanWeightSE)+1e-9 {
		doubts = append(doubts, WrongWeights)
	}
	if d.ClippedShare > 0.05 {
		doubts = append(doubts, ManyClipped)
	}
	return doubts
}
