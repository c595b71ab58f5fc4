package configs

import (
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// What the learner resumes under other values is what the bandit takes over, and nothing else.
func TestSettingsOfArmsMayChange(t *testing.T) {
	m := DefaultModel()
	m.Learner.Kind = "bandit"
	n := 0
	for line := range strings.Lines(m.Settings()) {
		key, _, _ := strings.Cut(line, "=")
		name, ok := strings.CutPrefix(key, "learner.bandit.")
		if !ok {
			continue
		}
		n++
		if learner.Compatible(key) != bandit.AboutArms(name) {
			t.Errorf("%s: the learner resumes under another value: %v, the bandit: %v", key, learner.Compatible(key), bandit.AboutArms(name))
		}
	}
	if n < 30 {
		t.Errorf("only %d settings of bandits", n)
	}
}

// A rebuild makes a configuration of the settings in a stored state.
func TestLimitsComeBackFromSettings(t *testing.T) {
	base := []string{"source.topic=t", "source.label=r", "source.arm=arm", "learner.kind=bandit", "learner.bandit.arms=a,b"}
	m, err := LoadModel(append(base, `learner.bandit.limits=[{arm: "a", cap: 0.25}, {arm: b, price: 19.9}]`, "learner.bandit.baseline=b"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := LoadModel(base)
	if err != nil {
		t.Fatal(err)
	}
	back, err := plain.WithSettings(m.Settings())
	if err != nil || back.Settings() != m.Settings() || len(back.Learner.Bandit.Limits) != 2 {
		t.Errorf("%v: settings\n%s\ncame back as\n%s", err, m.Settings(), back.Settings())
	}
}

func TestGuardRailsComeBackFromSettings(t *testing.T) {
	base := []string{"source.topic=t", "source.label=r", "source.arm=arm", "learner.kind=bandit", "learner.bandit.arms=a,b", "learner.bandit.policy=thompson", "learner.bandit.baseline=a"}
	m, err := LoadModel(append(base, `learner.bandit.guard_rails=[{metric: reward, margin: 0.01}, {metric: latency_ms, worse: higher, max: 2000, margin: 5%, alpha: 0.01}]`))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := LoadModel(base)
	if err != nil {
		t.Fatal(err)
	}
	back, err := plain.WithSettings(m.Settings())
	if err != nil || back.Settings() != m.Settings() || len(back.Learner.Bandit.GuardRails) != 2 {
		t.Errorf("%v: settings\n%s\ncame back as\n%s", err, m.Settings(), back.Settings())
	}
	for want, sets := range map[string][]string{
		"is a metric of learner.bandit.guard_rails, and so is no feature": {"features.numeric=latency_ms"},
		"is a part of what source.weight names":                           {"source.weight=latency_ms"},
	} {
		if _, err := m.With(sets); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want an error with %q", sets, err, want)
		}
	}
}
