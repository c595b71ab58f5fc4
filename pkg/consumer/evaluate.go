package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// evaluationMetrics are the metrics of candidate policies. Their labels are those that the configuration names, at most
// bandit.MostCandidates and the logged policy.
type evaluationMetrics struct {
	decisions, effective, share, weight, mean, clipped *prometheus.Desc
	estimate, low, high, better, doubts                *prometheus.Desc
}

func newEvaluationMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) evaluationMetrics {
	return evaluationMetrics{
		decisions: desc("ope_decisions_total", "Decisions that a candidate policy was evaluated on.", "policy"),
		effective: desc("ope_effective_sample_size", "Decisions of its own that would tell as much about a candidate policy.", "policy"),
		share:     desc("ope_effective_share", "Effective sample size of a candidate policy, as a share of the decisions.", "policy"),
		weight:    desc("ope_max_weight", "Largest importance weight of a candidate policy.", "policy"),
		mean:      desc("ope_mean_weight", "Mean importance weight of a candidate policy: close to 1 when the propensities are right.", "policy"),
		clipped:   desc("ope_clipped_share", "Share of the decisions with an importance weight above evaluate.clip.", "policy"),
		estimate:  desc("ope_estimate", "Estimated mean reward of a candidate policy.", "policy", "estimator"),
		low:       desc("ope_low", "Lower end of the interval of the estimate.", "policy", "estimator"),
		high:      desc("ope_high", "Upper end of the interval of the estimate.", "policy", "estimator"),
		better:    desc("ope_better", "1 while the any-time interval of a candidate policy lies above that of the logged one.", "policy"),
		doubts:    desc("ope_doubts", "Reasons to distrust the estimates of a candidate policy.", "policy"),
	}
}

func (m *evaluationMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.decisions, m.effective, m.share, m.weight, m.mean, m.clipped, m.estimate, m.low, m.high, m.better, m.doubts,
	} {
		ch <- d
	}
}

// sequence is the label estimator of the any-time confidence sequence.
const sequence = "confidence-sequence"

func (m *evaluationMetrics) collect(c collector, all []learner.EvaluationStats) {
	for i := range all {
		e := &all[i]
		c.count(m.decisions, uint64(e.Decisions), e.Name)
		if e.Decisions == 0 {
			continue
		}
		c.gauge(m.effective, e.Effective, e.Name)
		c.gauge(m.share, e.Share, e.Name)
		c.gauge(m.weight, e.MaxWeight, e.Name)
		c.gauge(m.mean, e.MeanWeight, e.Name)
		c.gauge(m.clipped, e.ClippedShare, e.Name)
		c.gauge(m.doubts, float64(len(e.Warnings)), e.Name)
		for _, x := range e.Estimates {
			m.interval(c, e.Name, &x)
		}
		if s := e.Sequence; s != nil {
			m.interval(c, e.Name, &ope.Estimate{Estimator: sequence, Low: &s[0], High: &s[1]})
			if log := all[0].Sequence; log != nil && i > 0 {
				c.flag(m.better, s[0] > log[1], e.Name)
			}
		}
	}
}

func (m *evaluationMetrics) interval(c collector, policy string, x *ope.Estimate) {
	for _, f := range []struct {
		desc  *prometheus.Desc
		value *float64
	}{{m.estimate, x.Value}, {m.low, x.Low}, {m.high, x.High}} {
		if f.value != nil {
			c.gauge(f.desc, *f.value, policy, x.Estimator)
		}
	}
}
