package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sandbox"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// A rollout from the generated requests to the rebuild of a state in which a guard rail has taken out a version on its
// own: what is proven is listed, audited and rebuilt bit for bit.
func TestCanary(t *testing.T) {
	s, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	in := &installation{t: t, redis: s.RedisAddr()}
	example, err := os.ReadFile("../../configs/canary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("[localhost:9092]", fmt.Sprintf("[%q]", s.Brokers()[0]), "[localhost:6379]", fmt.Sprintf("[%q]\n  save_interval: 50ms\n  inbox_interval: 20ms\nadmin: {listen: \"\"}", s.RedisAddr())).Replace(string(example))
	in.config = filepath.Join(t.TempDir(), "canary.yaml")
	in.write(in.config, text)
	lines := strings.SplitAfter(in.must("generate", "canary", "-c", in.config, "--seed", "3", "--events", "6000"), "\n")
	lines = lines[:len(lines)-1]

	fed := 0
	feed := func(n int) {
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		in.write(path, strings.Join(lines[fed:fed+n], ""))
		in.must("load", "-c", in.config, "--topic", "requests", "--partitions", "1", "--format", "json", path)
		fed += n
		eventually(t, "all records are learned", func() bool {
			list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
			return len(list) == 1 && list[0].Next == int64(fed)
		})
	}
	in.run()
	feed(3000)
	in.stop()
	before := document[stateReport](in, "snapshot", "show", "rollout/0", "-c", in.config)
	in.run()
	for fed < len(lines) {
		feed(min(1500, len(lines)-fed))
	}

	v3 := func(list []armState) *armState {
		i := slices.IndexFunc(list, func(a armState) bool { return a.Arm == "v3" })
		if i < 0 {
			t.Fatalf("no v3 in %+v", list)
		}
		return &list[i]
	}
	shown := document[stateReport](in, "snapshot", "show", "rollout/0", "-c", in.config)
	if a := v3(before.Model.Arms); a.Status != "active" || a.Share == nil || len(a.Rails) != 2 {
		t.Errorf("before the proof %+v", a)
	}
	a := v3(shown.Model.Arms)
	if a.Status == "active" || a.Out != "latency_ms" || a.SampleRatio != asLogged || len(a.Rails) != 2 {
		t.Fatalf("v3 is %+v", a)
	}
	if r := a.Rails[1]; r.Verdict != event.Harmful || r.PHarm > 0.01 || !(*r.Low > 0) || *r.Difference < 15 || r.Absent == 0 {
		t.Errorf("latencies of v3: %+v", r)
	}
	out := in.must("arms", "list", "rollout/0", "-c", in.config)
	for _, want := range []string{"(latency_ms)", "logged share", "p harmful", "harmful", "v1 *", "as logged"} {
		if !strings.Contains(out, want) {
			t.Errorf("arms list lacks %q:\n%s", want, out)
		}
	}
	removals := 0
	for _, doc := range document[[]auditDoc](in, "audit", "list", "rollout/0", "--kind", "command", "-c", in.config) {
		if r := doc.Record; r.Command == event.ArmRemove {
			removals++
			if r.Args.Arm != "v3" || !strings.Contains(r.Why, "mean latency_ms") || !strings.Contains(r.Why, "e-value") {
				t.Errorf("audited %+v", r)
			}
		}
	}
	if removals != 1 {
		t.Errorf("%d removals in the audit trail", removals)
	}
	in.stop()

	for _, args := range [][]string{{"--from-offset", "0"}, {"--from", "oldest", "--to", "current"}} {
		r := document[rebuildReport](in, append([]string{"replay", "-c", in.config}, args...)...)
		if !r.Same || r.Compared < 1 || r.Divergence != nil || r.Records < 1000 {
			t.Errorf("%v: %+v, want the same", args, r)
		}
	}
}
