package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// joinMetrics are the metrics of a model that joins decisions with later rewards; other models have none.
type joinMetrics struct {
	held, decisions, dropped, corrections, watermark *prometheus.Desc
}

func newJoinMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) joinMetrics {
	return joinMetrics{
		held:        desc("join_held", "Decisions held: open ones, places of those that only rewards have come of, and closed ones that are remembered.", "state"),
		decisions:   desc("join_decisions_total", "Decisions whose windows have ended, by what came of them.", "outcome"),
		dropped:     desc("join_dropped_total", "Decisions, rewards and activations that were dropped; overflow: for lack of room, or learned early.", "reason"),
		corrections: desc("join_corrections_total", "Late rewards that corrected what was learned."),
		watermark:   desc("join_watermark_seconds", "Event time up to which windows have ended, in seconds since 1970."),
	}
}

func (m *joinMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.held, m.decisions, m.dropped, m.corrections, m.watermark} {
		ch <- d
	}
}

func (m *joinMetrics) collect(c collector, s *learner.JoinStats) {
	if s == nil {
		return
	}
	c.gauge(m.held, float64(s.Open), "open")
	c.gauge(m.held, float64(s.Waiting), "waiting")
	c.gauge(m.held, float64(s.Remembered), "remembered")
	c.count(m.decisions, s.Rewarded, "rewarded")
	c.count(m.decisions, s.Unrewarded, "unrewarded")
	c.count(m.decisions, s.NeverShown, "never_shown")
	c.count(m.dropped, s.Late, "late")
	c.count(m.dropped, s.Duplicates, "duplicate")
	c.count(m.dropped, s.Unmatched, "unmatched")
	c.count(m.dropped, s.Overflows, "overflow")
	c.count(m.corrections, s.Corrected)
	if s.Watermark > 0 {
		c.gauge(m.watermark, float64(s.Watermark)/1000)
	}
}
