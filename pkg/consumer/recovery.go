package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// recoveryMetrics tell how far the way back from a freeze has come.
type recoveryMetrics struct {
	frozen, overdue, held, quiet, wealth, lead, breadth, patience, ended *prometheus.Desc
}

func newRecoveryMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) recoveryMetrics {
	return recoveryMetrics{
		frozen:   desc("freeze_events", "Records since the freeze began, probation included; 0 while learning."),
		overdue:  desc("freeze_overdue", "1 while a freeze has lasted for guard.max_freeze_events or longer."),
		held:     desc("freeze_held", "1 while an operator's freeze keeps automation from ending it."),
		quiet:    desc("freeze_quiet_events", "Records of a freeze since the detector last stood at a tenth of its threshold, or too many records were refused."),
		wealth:   desc("recovery_wealth", "Evidence (an e-value) that the challenger is better than the last good version; proven at 100."),
		lead:     desc("recovery_lead", "Mean loss of the last good version minus that of the challenger."),
		breadth:  desc("recovery_breadth", "Share of the groups of keys or sources on which the challenger is better; 0 without any.", "of"),
		patience: desc("recovery_patience", "Factor of all waits of the way back: above 1 after freezes that came soon after a recovery."),
		ended:    desc("recoveries_total", "Endings of freezes and probations since the state began.", "outcome"),
	}
}

func (m *recoveryMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.frozen, m.overdue, m.held, m.quiet, m.wealth, m.lead, m.breadth, m.patience, m.ended} {
		ch <- d
	}
}

func (m *recoveryMetrics) collect(c collector, st *learner.Stats) {
	w := &st.Way
	c.gauge(m.frozen, float64(w.Frozen))
	c.flag(m.overdue, w.Overdue)
	c.flag(m.held, w.Held)
	c.gauge(m.quiet, float64(w.Quiet))
	c.gauge(m.wealth, w.Wealth)
	c.gauge(m.lead, w.Lead)
	for _, b := range []struct {
		of string
		learner.Breadth
	}{{"keys", w.Keys}, {"sources", w.Sources}} {
		c.gauge(m.breadth, float64(b.Won)/float64(max(b.Groups, 1)), b.of)
	}
	c.gauge(m.patience, float64(w.Patience))
	for e := range learner.Outcomes {
		c.count(m.ended, st.Recoveries[e], e.String())
	}
}
