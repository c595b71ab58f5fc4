package ope

import (
	"fmt"
	"slices"
)

// Estimate is an estimate for documents: value is nil where the log tells nothing, low and high where there is no
// interval.
type Estimate struct {
	Estimator string   `json:"estimator"`
	Value     *float64 `json:"value"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	// Against is where the interval lies beside that of another policy: above, below or unclear; too few when the
	// interval is too narrow to be believed; empty when nothing was compared.
	Against string `json:"against_logged,omitempty"`
}

// Summary is what an evaluation tells, for documents.
type Summary struct {
	Decisions     float64     `json:"decisions"`
	Estimates     []Estimate  `json:"estimates"`
	Sequence      *[2]float64 `json:"confidence_sequence"` // see ConfidenceSequence; nil where its bounds leave no value
	Effective     float64     `json:"effective_sample_size"`
	Share         float64     `json:"effective_share"` // of the decisions
	MeanWeight    float64     `json:"mean_weight"`
	MeanWeightSE  float64     `json:"mean_weight_se"`
	MaxWeight     float64     `json:"max_weight"`
	ClippedShare  float64     `json:"clipped_share"`
	SwitchedShare float64     `json:"switched_share"`
	MatchedShare  float64     `json:"matched_share"`
	Warnings      []string    `json:"warnings"`
}

// Summary sums up what the estimators say, with intervals that hold with probability 1-alpha. Estimators that need
// predicted rewards say nothing unless the evaluation is modelled.
func (e *Evaluation) Summary(estimators []Estimator, modelled bool, alpha float64) Summary {
	d := e.Diagnostics()
	s := Summary{
		Decisions: d.Rows, Effective: d.EffectiveSize, MeanWeight: d.MeanWeight, MeanWeightSE: d.MeanWeightSE, MaxWeight: d.MaxWeight,
		ClippedShare: d.ClippedShare, SwitchedShare: d.SwitchedShare, MatchedShare: d.MatchedShare, Estimates: []Estimate{}, Warnings: []string{},
	}
	switch lo, hi, ok := e.ConfidenceSequence(alpha); {
	case ok && lo > hi:
		s.Warnings = append(s.Warnings, "the any-time bounds leave no value: propensities or target probabilities are wrong")
	case ok:
		s.Sequence = &[2]float64{lo, hi}
	}
	for _, k := range estimators {
		x := Estimate{Estimator: k.String()}
		if modelled || !k.NeedsModel() {
			if v, ok := e.Value(k); ok {
				x.Value = &v
			}
			if lo, hi, ok := e.Interval(k, alpha); ok {
				x.Low, x.High = &lo, &hi
			}
		}
		s.Estimates = append(s.Estimates, x)
	}
	if d.Rows > 0 {
		s.Share = d.EffectiveSize / d.Rows
		for _, doubt := range d.Doubts() {
			s.Warnings = append(s.Warnings, string(doubt)+d.figures(doubt))
		}
	}
	return s
}

// figures are the numbers behind a doubt.
func (d *Diagnostics) figures(doubt Doubt) string {
	switch doubt {
	case FewDecisions:
		return fmt.Sprintf(" (%.0f decisions tell as much about this policy as %.3g of its own)", d.Rows, d.EffectiveSize)
	case WrongWeights:
		return fmt.Sprintf(" (it is %.4g, with a standard error of %.2g)", d.MeanWeight, d.MeanWeightSE)
	case ManyClipped:
		return fmt.Sprintf(" (%.3g%% are)", 100*d.ClippedShare)
	}
	return ""
}

// Compare says of every interval where it lies beside one of another policy.
func (s *Summary) Compare(lo, hi float64) {
	for i := range s.Estimates {
		x := &s.Estimates[i]
		switch {
		case x.Low == nil:
		case s.Effective < FewestDecisions:
			x.Against = "too few"
		case *x.Low > hi:
			x.Against = "above"
		case *x.High < lo:
			x.Against = "below"
		default:
			x.Against = "unclear"
		}
	}
}

// Estimate returns what an estimator says; nil when it was not asked.
func (s *Summary) Estimate(k Estimator) *Estimate {
	i := slices.IndexFunc(s.Estimates, func(x Estimate) bool { return x.Estimator == k.String() })
	if i < 0 {
		return nil
	}
	return &s.Estimates[i]
}
