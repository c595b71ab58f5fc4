package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// What is known of the arms beside each other, for people. It costs some milliseconds for every arm and rail.

// Judge returns what every guard rail says of every arm that is not gone, and of those that a rail has taken out, arm by arm.
func (m *Model) Judge() []event.RailReport { return judge(m.arms, &m.cfg) }

// Judge is Model.Judge.
func (p *Policy) Judge() []event.RailReport { return judge(p.arms, &p.cfg) }

// ArmReports says of every arm what people watch.
func (p *Policy) ArmReports() []event.ArmReport { return p.arms.reports(&p.cfg) }

func judge(t *arms, c *Config) (out []event.RailReport) {
	guards := c.guards()
	for i := range t.list {
		a := &t.list[i]
		for k := range guards {
			if a.Status == ArmRemoved && a.Out == "" {
				continue
			}
			r := event.RailReport{Arm: a.Name, Metric: guards[k].metric, Values: uint64(a.Rails[k].N), Absent: a.Rails[k].Absent, Clipped: a.Rails[k].Clipped, Alpha: guards[k].alpha}
			if r.Values > 0 {
				mean := guards[k].value(a.Rails[k].Mean())
				r.Mean = &mean
			}
			if t.baseline >= 0 && i != t.baseline {
				guards[k].compare(&r, a.Rails[k].Total, t.list[t.baseline].Rails[k].Total)
			}
			if a.Out == guards[k].metric {
				r.Verdict = event.Harmful
			}
			out = append(out, r)
		}
	}
	return out
}

// compare fills what an arm is beside the baseline.
func (g *guard) compare(r *event.RailReport, arm, base ope.Total) {
	r.Verdict = event.Undecided
	if arm.N == 0 || base.N == 0 {
		return
	}
	evidence := func(arm, base ope.Total, b ope.Bound) float64 {
		return portable.Exp(min(700, ope.LogAbove(arm, base, b)))
	}
	good, better := arm.Reversed(), base.Reversed()
	r.Harm = evidence(arm, base, g.bound)
	r.NotWorse = evidence(good, better, g.bound.Reversed())
	r.Better = evidence(good, better, ope.Bound{Scale: 1})
	low, high := ope.Difference(arm, base, g.alpha)
	low, high = float64(low*g.span), float64(high*g.span)
	d := g.value(arm.Mean()) - g.value(base.Mean())
	if g.lower {
		low, high = -high, -low
	}
	r.Difference = &event.Interval{Value: d, Low: low, High: high}
	proof := 1 / g.alpha
	switch {
	case r.Harm >= proof:
		r.Verdict = event.Harmful
	case r.Better >= proof:
		r.Verdict = event.Better
	case r.NotWorse >= proof:
		r.Verdict = event.NotWorse
	}
}

// reports says of every arm what it got.
func (t *arms) reports(c *Config) []event.ArmReport {
	out := make([]event.ArmReport, t.len())
	for i := range t.list {
		a := &t.list[i]
		r := event.ArmReport{Name: a.Name, Status: a.Status.String(), Gone: a.Status == ArmRemoved, Baseline: i == t.baseline, Out: a.Out, Events: a.Events, Rewards: a.Reward, Evidence: a.over.mean()}
		if a.Could > 0 && !c.Continuous() { // of a bin no propensity is logged
			r.Got = float64(a.Chosen) / float64(a.Could)
			if a.Inverse > 0 {
				r.Due = min(1, float64(a.Chosen)/a.Inverse)
			}
		}
		out[i] = r
	}
	return out
}

// mean is the evidence of all stakes together.
func (e *evidence) mean() float64 {
	sum := 0.0
	for _, v := range e {
		sum += v
	}
	return min(math.MaxFloat64, sum/float64(len(e)))
}
