package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// railMetrics are the metrics of the guard rails of a bandit.
type railMetrics struct {
	values, absent, mean, difference, evidence *prometheus.Desc
}

func newRailMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) railMetrics {
	return railMetrics{
		values:     desc("guard_rail_values_total", "Values of a metric of an arm that its guard rail has seen since the arm was added.", "arm", "metric"),
		absent:     desc("guard_rail_absent_total", "Events of an arm without a value of the metric: no guard rail sees them.", "arm", "metric"),
		mean:       desc("guard_rail_mean", "Mean of a metric of an arm since the arm was added.", "arm", "metric"),
		difference: desc("guard_rail_difference", "Mean of a metric of an arm less that of the baseline, with the ends of an interval that holds at all times at the alpha of the guard rail.", "arm", "metric", "end"),
		evidence:   desc("guard_rail_evidence", "Evidence (an e-value, which proves from 1/alpha on) that an arm is harmful, better or not worse, by a metric.", "arm", "metric", "of"),
	}
}

func (m *railMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.values, m.absent, m.mean, m.difference, m.evidence} {
		ch <- d
	}
}

// collect exposes what guard rails say of the arms that have series of their own.
func (m *railMetrics) collect(c collector, arms *learner.ArmStats, rails []event.RailReport) {
	if arms == nil || len(rails) == 0 {
		return
	}
	named := namedArms(arms)
	for i := range rails {
		r := &rails[i]
		if !named[r.Arm] {
			continue
		}
		c.count(m.values, r.Values, r.Arm, r.Metric)
		c.count(m.absent, r.Absent, r.Arm, r.Metric)
		if r.Mean != nil {
			c.gauge(m.mean, *r.Mean, r.Arm, r.Metric)
		}
		if d := r.Difference; d != nil {
			c.gauge(m.difference, d.Value, r.Arm, r.Metric, "estimate")
			c.gauge(m.difference, d.Low, r.Arm, r.Metric, "low")
			c.gauge(m.difference, d.High, r.Arm, r.Metric, "high")
			c.gauge(m.evidence, r.Harm, r.Arm, r.Metric, "harmful")
			c.gauge(m.evidence, r.Better, r.Arm, r.Metric, "better")
			c.gauge(m.evidence, r.NotWorse, r.Arm, r.Metric, "not_worse")
		}
	}
}
