package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// maxArmSeries bounds the arms that have series of their own; the others are one together.
const maxArmSeries = 100

// otherArms is the label of those others. An arm of that name would be one of them.
const otherArms = "(others)"

// armMetrics are the metrics of a bandit.
type armMetrics struct {
	events, rewards, status, evidence, policy *prometheus.Desc
}

func newArmMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) armMetrics {
	return armMetrics{
		events:   desc("arm_events_total", "Events learned of an arm since it was added: its share of the rate is that of the decisions.", "arm"),
		rewards:  desc("arm_rewards", "Sum of the rewards of those events: its increase over theirs is the mean reward.", "arm"),
		status:   desc("arm_status", "1 for the status that the arm is in: active, new or draining.", "arm", "status"),
		evidence: desc("propensity_evidence", "Evidence that arms are not chosen as often as their logged propensities say. While they are it takes on average at least c decisions to exceed c."),
		policy:   desc("policy", "1 for what readers are told to do with the policy of a bandit.", "policy"),
	}
}

func (m *armMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.events, m.rewards, m.status, m.evidence, m.policy} {
		ch <- d
	}
}

func (m *armMetrics) collect(c collector, s *learner.ArmStats) {
	if s == nil {
		return
	}
	series, events, rewards, more := 0, uint64(0), 0.0, false
	for i := range s.Arms {
		a := &s.Arms[i]
		switch {
		case a.Gone:
		case series == maxArmSeries || a.Name == otherArms:
			events, rewards, more = events+a.Events, rewards+a.Rewards, true
		default:
			series++
			c.count(m.events, a.Events, a.Name)
			c.gauge(m.rewards, a.Rewards, a.Name)
			c.gauge(m.status, 1, a.Name, a.Status)
		}
	}
	if more {
		c.count(m.events, events, otherArms)
		c.gauge(m.rewards, rewards, otherArms)
	}
	c.gauge(m.evidence, s.Evidence)
	for _, p := range state.Policies() {
		c.flag(m.policy, s.Policy == p, p)
	}
}
