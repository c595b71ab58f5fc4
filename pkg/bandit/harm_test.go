package bandit

import (
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// guarded returns a bandit whose arm a1 is guarded, and a function that learns a reward of an arm.
func guarded(t *testing.T) (*Model, func(arm int, reward float64)) {
	t.Helper()
	c := config(Thompson, 2)
	c.Baseline, c.Harm, c.HarmMargin = "a0", 0.001, 0.05
	m, e := newModel(t, c), event.Event{Weight: 1, Labelled: true, Prob: 0.5}
	return m, func(arm int, reward float64) {
		t.Helper()
		e.Arm, e.Label, e.Time = arm, reward, e.Time+1000
		if step := m.Learn(&e); step.Reject != nil {
			t.Fatal(step.Reject)
		}
	}
}

func TestHarmfulArmsAreTakenOut(t *testing.T) {
	m, learn := guarded(t)
	for i := range 200 {
		learn(0, float64(min(1, i%10))) // 0.9
		if arm, why := m.Harm(); arm != "" {
			t.Fatalf("%s: %s", arm, why)
		}
		learn(1, float64(i%2)) // 0.5
		arm, why := m.Harm()
		if arm == "" {
			continue
		}
		if i < 10 || arm != "a1" || !strings.Contains(why, `"a1" does harm`) {
			t.Fatalf("after %d rewards %s: %s", i, arm, why)
		}
		if p := m.Distribution(&event.Event{}, nil, nil); p[0] != 1 || p[1] != 0 || m.Table()[1].Status != ArmDraining {
			t.Fatalf("probabilities %v, arm %+v", p, m.Table()[1])
		}
		learn(1, 1) // late rewards are learned
		if arm, _ := m.Harm(); arm != "" {
			t.Error("an arm was taken out twice")
		}
		// What people decide stands: an arm that they add again is tested anew.
		if err := m.ChangeArm(event.ArmChange{Kind: event.ArmAdd, Arm: "a1"}); err != nil {
			t.Fatal(err)
		}
		learn(1, 0)
		if a := m.Table()[1]; !a.open() || a.Events != 1 {
			t.Errorf("added again: %+v", a)
		}
		return
	}
	t.Fatalf("the arm was not taken out: %+v", m.Table())
}

func TestHarmIsRefusedWhereItMeansNothing(t *testing.T) {
	for want, edit := range map[string]func(c *Config){
		"must be 0 with policy linucb":       func(c *Config) { c.Policy = LinUCB },
		"baseline must name":                 func(c *Config) { c.Baseline = "" },
		"must have no cap":                   func(c *Config) { c.Limits = []Limit{{Arm: "a0", Cap: 0.9}} },
		"must be below the range of rewards": func(c *Config) { c.HarmMargin = 1 },
		"learner.bandit.harm: 0.7":           func(c *Config) { c.Harm = 0.7 },
	} {
		c := config(Thompson, 2)
		c.Baseline, c.Harm, c.HarmMargin = "a0", 0.001, 0.05
		edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
