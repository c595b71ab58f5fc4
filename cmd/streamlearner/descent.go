package main

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// descentReport is how the gradient descent goes, in documents; see learner.Descent.
type descentReport struct {
	GradRatio   float64  `json:"gradient_ratio"`
	Vanishing   float64  `json:"gradient_vanishing"`
	WeightNorm  *float64 `json:"weight_norm"`  // null until it is known
	UpdateRatio *float64 `json:"update_ratio"` // likewise
	LossShort   float64  `json:"loss_short"`
	LossLong    float64  `json:"loss_long"`
	LossBest    *float64 `json:"loss_best"` // null in the first 16,384 events
	Trend       string   `json:"loss_trend"`
	// Ends of the interval of the improvement, as a share of the loss.
	Improvement [2]float64 `json:"loss_improvement"`
}

func descentOf(d *learner.Descent) descentReport {
	r := descentReport{
		GradRatio: d.GradRatio, Vanishing: d.Vanishing, LossShort: d.LossShort, LossLong: d.LossLong,
		Trend: d.Trend.String(), Improvement: [2]float64{d.ImprovementLo, d.ImprovementHi},
	}
	if d.WeightNorm > 0 {
		r.WeightNorm, r.UpdateRatio = &d.WeightNorm, &d.UpdateRatio
	}
	if d.LossBest > 0 {
		r.LossBest = &d.LossBest
	}
	return r
}

// rows shows the report to people.
func (r *descentReport) rows(row func(name, format string, args ...any)) {
	best := ""
	if r.LossBest != nil {
		best = fmt.Sprintf(", best %.4g", *r.LossBest)
	}
	row("loss over time", "%.4g, of long %.4g%s (half-lives 1,024 and 16,384 events)", r.LossShort, r.LossLong, best)
	if r.Trend == learner.Unknown.String() {
		row("trend", "%s", r.Trend)
	} else {
		row("trend", "%s: better by %+.2f%% to %+.2f%% than of long", r.Trend, 100*r.Improvement[0], 100*r.Improvement[1])
	}
	row("gradients", "%.3g times their usual size, %.3g%% vanish", r.GradRatio, 100*r.Vanishing)
	if r.WeightNorm != nil {
		row("weights", "norm %.4g, an update changes %.3g of it", *r.WeightNorm, *r.UpdateRatio)
	}
}
