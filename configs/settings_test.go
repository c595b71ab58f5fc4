package configs_test

import (
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/configs"
)

// A model takes the settings of another one, as a stored state has them.
func TestStoredSettingsAreTaken(t *testing.T) {
	from, err := configs.LoadModel([]string{"source.label=y", "source.topic=t"})
	if err != nil {
		t.Fatal(err)
	}
	for _, sets := range [][]string{
		{"source.label=y", "source.topic=t", "guard.recovery=manual", "guard.false_freeze_every=123456", "snapshot.every=77", "snapshot.max_age=3600000"},
		{"source.label=x", "source.topic=other", "features.exclude=a,b", "features.cross=c*d,e*f", "learner.optimizer=adagrad", "learner.rate=0.125"},
		{"source.label=y", "source.topic=t", "learner.kind=bandit", "source.arm=arm", "learner.bandit.arms=a,b", "source.label=r"},
	} {
		want, err := configs.LoadModel(sets)
		if err != nil {
			t.Fatal(err)
		}
		got, err := from.WithSettings(want.Settings())
		if err != nil || got.Settings() != want.Settings() {
			t.Errorf("%v: %v\n%s", sets, err, got.Settings())
		}
		var older []string // a program that did not know two of the keys
		for line := range strings.Lines(from.Settings()) {
			if !strings.HasPrefix(line, "guard.recovery=") && !strings.HasPrefix(line, "learner.clip=") {
				older = append(older, line)
			}
		}
		if got, err := want.WithSettings(strings.Join(older, "")); err != nil || got.Settings() != from.Settings() {
			t.Errorf("back from %v: %v\n%s", sets, err, got.Settings())
		}
	}
	for _, c := range []struct{ settings, want string }{
		{"learner.later=1\n", "learner.later"},
		{`guard.detectors=[{adwin loss reference warn map[]}]` + "\n", "guard.detectors"},
	} {
		if _, err := from.WithSettings(from.Settings() + c.settings); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.settings, err, c.want)
		}
	}
}
