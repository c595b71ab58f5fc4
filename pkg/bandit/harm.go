package bandit

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/portable"
)

// The guard rail: an arm of which it is certain enough that it earns less than the baseline, by more than a margin,
// is taken out as if an operator had removed it. The test holds at any time (ope.LogWorse), so that it may
// look after every event. It compares sums of rewards since the arms were added, and so takes the mean
// reward of an arm to be the same at all times; a half-life or window does not shorten it.

// harmful tests the arm that was learned last, takes it out if it does harm, and says why.
func (t *arms) harmful(arm int, c *Config) (why string) {
	a := &t.list[arm]
	if c.Harm == 0 || t.baseline < 0 || arm == t.baseline || !a.open() {
		return ""
	}
	base := &t.list[t.baseline]
	evidence := ope.LogWorse(c.total(a), c.total(base), c.HarmMargin/(c.RewardMax-c.RewardMin))
	if evidence < -portable.Log(c.Harm) {
		return ""
	}
	a.Status, a.Until = ArmDraining, later(t.newest, c.Drain.Milliseconds())
	return fmt.Sprintf("arm %q does harm: mean reward %.4g in %d events, %.4g in %d of the baseline %q; evidence (an e-value) %.4g, proof from %.4g on",
		a.Name, a.Reward/float64(a.Events), a.Events, base.Reward/float64(base.Events), base.Events, base.Name, portable.Exp(min(evidence, 700)), 1/c.Harm)
}

// total are the rewards of an arm on [0, 1].
func (c *Config) total(a *Arm) ope.Total {
	n := float64(a.Events)
	if n == 0 {
		return ope.Total{}
	}
	return ope.Total{N: n, Sum: float64(n * min(1, max(0, c.scale(a.Reward/n))))}
}

// Harm says which arm the event that was learned last has proven harmful, so that it was taken out, and why; empty for
// none.
func (m *Model) Harm() (arm, why string) { return m.harmed, m.harm }
