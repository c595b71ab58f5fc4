package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// descentMetrics are the metrics of the gradient descent.
type descentMetrics struct {
	ratio, vanishing, norm, update, long, best, trend, improvement *prometheus.Desc
}

func newDescentMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) descentMetrics {
	return descentMetrics{
		ratio:       desc("gradient_ratio", "Gradient norm with a half-life of 128 events over that with a half-life of 16,384."),
		vanishing:   desc("gradient_vanishing", "Share of events whose gradient norm is below a thousandth of its long-run mean, half-life 1,024 events."),
		norm:        desc("weight_norm", "Euclidean norm of the weights when it was last taken."),
		update:      desc("update_ratio", "Norm of a change of the weights, half-life 1,024 events, over the norm of the weights."),
		long:        desc("loss_long", "Progressive loss, exponentially weighted with a half-life of 16,384 events."),
		best:        desc("loss_best", "Lowest progressive loss so far, of those with a half-life of 16,384 events."),
		trend:       desc("loss_trend", "1 for what the progressive loss does.", "trend"),
		improvement: desc("loss_improvement", "Ends of the 0.95 interval of how much better than long the loss is, as a share of it.", "end"),
	}
}

func (m *descentMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.ratio, m.vanishing, m.norm, m.update, m.long, m.best, m.trend, m.improvement} {
		ch <- d
	}
}

func (m *descentMetrics) collect(c collector, d *learner.Descent) {
	c.gauge(m.ratio, d.GradRatio)
	c.gauge(m.vanishing, d.Vanishing)
	c.gauge(m.long, d.LossLong)
	if d.WeightNorm > 0 {
		c.gauge(m.norm, d.WeightNorm)
		c.gauge(m.update, d.UpdateRatio)
	}
	if d.LossBest > 0 {
		c.gauge(m.best, d.LossBest)
	}
	for t := range learner.Trends {
		c.flag(m.trend, d.Trend == t, t.String())
	}
	c.gauge(m.improvement, d.ImprovementLo, "low")
	c.gauge(m.improvement, d.ImprovementHi, "high")
}
