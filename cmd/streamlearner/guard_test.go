package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// TestGuard lets a daemon refuse a lot of records, and looks at the freeze as an operator does.
func TestGuard(t *testing.T) {
	in := newInstallation(t)
	read := func() guardStatus { return document[guardStatus](in, "guard", "show", "fraud/0", "-c", in.config) }
	eventually(t, "all records are learned", func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return len(list) == 2 && list[0].Next == int64(in.events[0])
	})
	if g := read(); g.Mode != "learning" || g.Armed || !g.Calibrating || len(g.Recent) != 0 || g.Served == 0 || g.Recovery == "" || len(g.Commands) == 0 {
		t.Errorf("before the alarm: %+v", g)
	}

	bad := strings.Builder{}
	bad.WriteString("card,x1,x2,y\n")
	for i := range 4_000 {
		fmt.Fprintf(&bad, "card-%d,1,1,7\n", i%500) // 7 is no label
	}
	file := filepath.Join(t.TempDir(), "bad.csv")
	in.write(file, bad.String())
	in.must("load", "-c", in.config, "--topic", "payments", "--key", "card", file)
	eventually(t, "the learner is frozen", func() bool { return read().Mode == "frozen" })

	g := read()
	if len(g.Recent) != 1 || g.Freezes != 1 || g.Held {
		t.Fatalf("after the alarm: %+v", g)
	}
	a := g.Recent[0]
	if a.Detector != "reject_rate" || !a.Froze || len(a.Evidence.Rejects) != 1 || a.Evidence.Rejects[0].Reason != "label_invalid" ||
		a.Evidence.To != a.Offset || !strings.Contains(strings.Join(a.Findings, "; "), "refused as label_invalid") {
		t.Errorf("alarm %+v with evidence %+v", a, a.Evidence)
	}
	text := in.must("guard", "show", "fraud/0", "-c", in.config)
	for _, want := range []string{"frozen for", "reject_rate", "label_invalid", "what you can do", "streamlearner unfreeze fraud/0"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	story := in.must("audit", "list", "fraud/0", "--kind", state.AuditFreeze, "-c", in.config)
	if !strings.Contains(story, "refused as label_invalid") {
		t.Errorf("the audit trail does not say why:\n%s", story)
	}
	t.Run("replay", in.guardReplay)
	for _, bad := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "MODEL/PARTITION", []string{"replay"}},
		{exitUsage, "is no setting of the guard", []string{"replay", "--model", "fraud/0", "--set", "learner.rate=1"}},
		{exitUsage, "--untaught: needs --from-offset", []string{"replay", "--model", "fraud/0", "--untaught"}},
		{exitUsage, "cannot go on with such a change", []string{"replay", "--model", "fraud/0", "--set", "guard.block=100"}},
		{exitFailed, "ends at or before offset 3", []string{"replay", "--model", "fraud/0", "--from-offset", "3"}},
		{exitUsage, "there are no records", []string{"replay", "--model", "fraud/0", "--from-offset", "5000", "--to-offset", "10"}},
	} {
		if code, _, errs := in.call(append(append([]string{"guard"}, bad.args...), "-c", in.config)...); code != bad.code || !strings.Contains(errs, bad.want) {
			t.Errorf("%v: exit code %d, %q, want %d and %q", bad.args, code, errs, bad.code, bad.want)
		}
	}
	for _, args := range [][]string{
		{"guard", "show", "nobody/0"}, {"snapshot", "show", "nobody/0"}, {"snapshot", "diff", "nobody/0"}, {"snapshot", "export", "nobody/0", "champion", "-o", in.csv + ".slv"},
	} {
		if code, _, errs := in.call(append(args, "-c", in.config)...); code != exitFailed || !strings.Contains(errs, "nobody/0 has no state yet: is a process") {
			t.Errorf("%v: exit code %d, %q", args, code, errs)
		}
	}
}

// guardReplay runs the records of Kafka again, from a kept state and from the beginning.
func (in *installation) guardReplay(t *testing.T) {
	frozen := document[guardStatus](in, "guard", "show", "fraud/0", "-c", in.config).Recent[0]
	for _, from := range [][]string{{"--from-offset", fmt.Sprint(in.events[0])}, {"--untaught", "--from-offset", "0"}} {
		r := document[guardComparison](in, append([]string{"guard", "replay", "-c", in.config, "--model", "fraud/0",
			"--set", "guard.max_reject_rate=1", "--set", "guard.cooldown_events=100 guard.recovery=cooldown"}, from...)...)
		if len(r.Columns) != 3 || r.Kafka == nil || (r.Kafka.From == 0) != (from[0] == "--untaught") {
			t.Fatalf("%v: %+v of %+v", from, r, r.Kafka)
		}
		was, off, short := r.Columns[0], r.Columns[1], r.Columns[2]
		if len(was.Freezes) != 1 || was.Freezes[0].Offset != frozen.Offset || was.Freezes[0].Findings[0] != frozen.Findings[0] {
			t.Errorf("%v: as it was: %+v, want the freeze at offset %d", from, was, frozen.Offset)
		}
		if len(off.Freezes) != 0 || off.Frozen != 0 || off.Settings[0] != "guard.max_reject_rate=1" {
			t.Errorf("%v: without the reject rate: %+v", from, off)
		}
		if len(short.Freezes) == 0 || short.Freezes[0].Events != 100 || short.Freezes[0].By == "" || !(short.Frozen < was.Frozen) {
			t.Errorf("%v: with a short cooldown: %+v", from, short)
		}
	}
}

// guard show has no configuration to begin with: stored settings must say all of a model.
func TestStoredSettingsStandAlone(t *testing.T) {
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d configurations, %v", len(files), err)
	}
	files = append(files, writeLines(t, "detectors.yaml", []string{
		"models: {m: {source: {topic: t, label: y}, learner: {loss: logistic}, guard: {detectors: [",
		"{detector: adwin, signal: error, set: {mode: up, delta: 0.01}}, {detector: page_hinkley, signal: feature_mean(a), action: freeze}]}}}",
	}))
	for _, file := range files {
		cfg, err := loadConfig(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range cfg.Models {
			got, err := configs.DefaultModel().WithSettings(m.Settings())
			if err != nil {
				t.Errorf("%s: %s: %v", file, name, err)
			} else if got.Settings() != m.Settings() {
				t.Errorf("%s: %s: %s", file, name, cmp.Diff(m.Settings(), got.Settings()))
			}
		}
	}
}
