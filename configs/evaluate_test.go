package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/pkg/bandit"
)

// banditWith is a bandit with candidates.
func banditWith(sets ...string) []string {
	return append([]string{
		"source.topic=t", "source.label=r", "source.arm=a", "source.probability=p", "learner.kind=bandit", "learner.bandit.arms=red,blue",
	}, sets...)
}

func TestEvaluate(t *testing.T) {
	m, err := LoadModel(banditWith("evaluate.candidates=[{name: current}, {name: champion, arm: red}, " +
		"{name: bolder, policy: epsilon, set: {floor: 0, epsilon: 0.2}}]"))
	if err != nil {
		t.Fatal(err)
	}
	want := []bandit.Candidate{
		{Name: "current"}, {Name: "champion", Arm: "red"}, {Name: "bolder", Policy: "epsilon", Set: map[string]string{"floor": "0", "epsilon": "0.2"}},
	}
	if diff := cmp.Diff(want, m.Evaluate.Candidates); diff != "" {
		t.Error(diff)
	}
	const line = `evaluate.candidates=[{name: "current", policy: "current", arm: "", set: {}}, {name: "champion", policy: "always", arm: "red", set: {}}, ` +
		`{name: "bolder", policy: "epsilon", arm: "", set: {epsilon: "0.2", floor: "0"}}]` + "\n"
	if !strings.Contains(m.Settings(), line) {
		t.Errorf("settings lack %s", line)
	}
	c, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"logged", "current", "champion", "bolder"}, c.Evaluate.Names); diff != "" {
		t.Error(diff)
	}
	plain, err := LoadModel([]string{"source.topic=t", "source.label=y"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.Settings(), "evaluate") {
		t.Error("a model without arms has settings of candidates")
	}
}

func TestEvaluateErrors(t *testing.T) {
	for set, want := range map[string]string{
		"evaluate.candidates=[{name: best}]":          `evaluate.candidates: best: policy "best" must be one of current, uniform, always, linucb`,
		"evaluate.candidates=[{nam: best}]":           `has no key "nam": it has name, policy, arm, set`,
		"evaluate.candidates=[{name: x, arm: green}]": `arm "green" must be one of learner.bandit.arms`,
		"evaluate.every=0":                            "evaluate.every: 0: must be at least 1",
		"evaluate.alpha=1":                            "evaluate.alpha: 1: must be above 0 and below 1",
		"evaluate.clip=0":                             "evaluate.clip: 0: must be above 0",
		"evaluate.candidate=[]":                       "evaluate.candidates",
	} {
		if _, err := LoadModel(banditWith(set)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", set, err, want)
		}
	}
	if _, err := LoadModel(banditWith("source.probability=", "evaluate.candidates=[{name: uniform}]")); err == nil || !strings.Contains(err.Error(), "source.probability must name") {
		t.Errorf("without propensities: %v", err)
	}
	if _, err := LoadModel([]string{"source.topic=t", "source.label=y", "evaluate.candidates=[{name: uniform}]"}); err == nil ||
		!strings.Contains(err.Error(), "must be empty with learner.kind sgd") {
		t.Errorf("of a model without arms: %v", err)
	}
}
