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
	events, rewards, status, share, ratio, out, evidence, policy *prometheus.Desc
}

func newArmMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) armMetrics {
	return armMetrics{
		events:   desc("arm_events_total", "Events learned of an arm since it was added: its share of the rate is that of the decisions.", "arm"),
		rewards:  desc("arm_rewards", "Sum of the rewards of those events: its increase over theirs is the mean reward.", "arm"),
		status:   desc("arm_status", "1 for the status that the arm is in: active, new or draining.", "arm", "status"),
		share:    desc("arm_share", "Share of the decisions that could choose an arm: got by it, and as the logged propensities say.", "arm", "share"),
		ratio:    desc("arm_propensity_evidence", "Evidence that an arm is chosen more often than its logged propensities say. While they are right it takes on average at least c decisions to exceed c.", "arm"),
		out:      desc("arm_taken_out", "1 while an arm drains that the guard rail of a metric has taken out.", "arm", "metric"),
		evidence: desc("propensity_evidence", "Evidence that arms are not chosen as often as their logged propensities say. While they are it takes on average at least c decisions to exceed c."),
		policy:   desc("policy", "1 for what readers are told to do with the policy of a bandit.", "policy"),
	}
}

func (m *armMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.events, m.rewards, m.status, m.share, m.ratio, m.out, m.evidence, m.policy} {
		ch <- d
	}
}

// namedArms are the arms that have series of their own.
func namedArms(s *learner.ArmStats) map[string]bool {
	named := map[string]bool{}
	for i := range s.Arms {
		if a := &s.Arms[i]; !a.Gone && a.Name != otherArms && len(named) < maxArmSeries {
			named[a.Name] = true
		}
	}
	return named
}

func (m *armMetrics) collect(c collector, s *learner.ArmStats) {
	if s == nil {
		return
	}
	named := namedArms(s)
	events, rewards, more := uint64(0), 0.0, false
	for i := range s.Arms {
		a := &s.Arms[i]
		switch {
		case a.Gone:
		case !named[a.Name]:
			events, rewards, more = events+a.Events, rewards+a.Rewards, true
		default:
			c.count(m.events, a.Events, a.Name)
			c.gauge(m.rewards, a.Rewards, a.Name)
			c.gauge(m.status, 1, a.Name, a.Status)
			c.gauge(m.ratio, a.Evidence, a.Name)
			if a.Out != "" {
				c.gauge(m.out, 1, a.Name, a.Out)
			}
			if a.Due > 0 {
				c.gauge(m.share, a.Got, a.Name, "got")
				c.gauge(m.share, a.Due, a.Name, "logged")
			}
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
