package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/sandbox"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// installation is a daemon on embedded servers, with a topic of two partitions
// that holds generated events.
type installation struct {
	t      *testing.T
	config string    // path of the configuration
	redis  string    // address of Redis
	csv    string    // path of the events
	split  [2]string // the events of each partition
	events [2]int
	stop   func() // ends the daemon; may be called twice
}

const operateEvents = 12_000

func newInstallation(t *testing.T) *installation {
	return newInstallationOn(t, "", "save_interval: 50ms, inbox_interval: 20ms")
}

// newInstallationOn uses the Redis at addr instead of the embedded one, unless
// addr is empty, with these settings.
func newInstallationOn(t *testing.T, addr, settings string) *installation {
	s, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	in := &installation{t: t, config: filepath.Join(dir, "c.yaml"), redis: cmp.Or(addr, s.RedisAddr()), csv: filepath.Join(dir, "events.csv")}
	in.write(in.config, fmt.Sprintf(`
kafka: {brokers: [%q]}
redis: {addrs: [%q], %s}
admin: {listen: ""}
models:
  fraud:
    source: {topic: payments, label: y, key: card}
    snapshot: {every: 500, quarantine: 1000}
`, s.Brokers()[0], in.redis, settings))
	in.generate(dir)

	in.must("load", "-c", in.config, "--topic", "payments", "--partitions", "2", "--key", "card", in.csv)
	in.run()
	return in
}

// run starts the daemon.
func (in *installation) run() {
	t := in.t
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		var out, errs bytes.Buffer
		code := program{bytes.NewReader(nil), &out, &errs}.run(ctx, []string{"run", "-c", in.config})
		if code != exitOK {
			t.Errorf("run: exit code %d: %s", code, errs.String())
		}
		close(done)
	}()
	in.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(in.stop)
}

func (in *installation) write(path, content string) {
	in.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

// generate writes the events, and those of each partition apart.
func (in *installation) generate(dir string) {
	const header = "card,x1,x2,y\n"
	r := rand.New(rand.NewPCG(3, 4))
	all, parts := strings.Builder{}, [2]strings.Builder{}
	all.WriteString(header)
	for p := range parts {
		parts[p].WriteString(header)
	}
	for range operateEvents {
		card := fmt.Sprintf("card-%d", r.IntN(500))
		x1, x2, y := r.NormFloat64(), r.NormFloat64(), 0
		if x1-x2+r.NormFloat64() > 0 {
			y = 1
		}
		line := fmt.Sprintf("%s,%.4f,%.4f,%d\n", card, x1, x2, y)
		p := serve.PartitionOf([]byte(card), 2)
		in.events[p]++
		all.WriteString(line)
		parts[p].WriteString(line)
	}
	in.write(in.csv, all.String())
	for p := range parts {
		in.split[p] = filepath.Join(dir, fmt.Sprintf("partition-%d.csv", p))
		in.write(in.split[p], parts[p].String())
	}
}

// call runs a command line.
func (in *installation) call(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = program{bytes.NewReader(nil), &o, &e}.run(in.t.Context(), args)
	return code, o.String(), e.String()
}

func (in *installation) must(args ...string) string {
	in.t.Helper()
	code, out, errs := in.call(args...)
	if code != exitOK {
		in.t.Fatalf("%s: exit code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// document runs a command line with --json and decodes what it prints.
func document[T any](in *installation, args ...string) T {
	in.t.Helper()
	out := in.must(append(args, "--json")...)
	var doc T
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		in.t.Fatalf("%v: %s", err, out)
	}
	return doc
}

// eventually polls until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestOperate loads a topic, lets the daemon learn it, and reads back with the
// commands of an operator.
func TestOperate(t *testing.T) {
	in := newInstallation(t)
	eventually(t, "all records are learned", func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return len(list) == 2 && list[0].Next == int64(in.events[0]) && list[1].Next == int64(in.events[1])
	})
	t.Run("parameters are those of a replay", in.parity)
	t.Run("score", in.score)
	t.Run("weights", in.weights)
	t.Run("freeze", in.freeze)
	t.Run("tables", in.tables)
	t.Run("orphans", in.orphans)
}

func (in *installation) parity(t *testing.T) {
	for p, file := range in.split {
		stored := document[stateReport](in, "snapshot", "show", fmt.Sprintf("fraud/%d", p), "-c", in.config)
		again := document[replayReport](in, "replay", "-c", in.config, file)
		if stored.Live != again.Params || stored.Learned != again.Learned {
			t.Errorf("partition %d: learned %d, parameters %s; the replay has %d, %s", p, stored.Learned, stored.Live, again.Learned, again.Params)
		}
		if m := stored.Model; m == nil || m.Kind != "sgd" || m.Base == nil || !(*m.Base > 0.1 && *m.Base < 0.9) {
			t.Errorf("partition %d: the served model is %+v", p, m)
		}
		if stored.Current == nil || stored.Current.Number != again.Published {
			t.Errorf("partition %d serves %v, the replay published version %d", p, stored.Current, again.Published)
		}
	}
}

func (in *installation) score(t *testing.T) {
	const event = `{"card":"card-7","x1":2,"x2":-2}`
	s := document[scoreReport](in, "score", "-c", in.config, event)
	if want := serve.PartitionOf([]byte("card-7"), 2); s.Partition != want || s.Version == 0 || s.Mode != "learning" || s.Model != "fraud" {
		t.Errorf("got %+v, want a version of partition %d", s, want)
	}
	if s.Prediction == nil || !(*s.Prediction > 0.9 && *s.Prediction < 1) {
		t.Errorf("prediction of a clear case in %+v", s)
	}
	other := 1 - s.Partition
	if s := document[scoreReport](in, "score", "-c", in.config, "--partition", fmt.Sprint(other), event); s.Partition != other {
		t.Errorf("got %+v, want partition %d", s, other)
	}
	if out := in.must("score", "-c", in.config, event); !strings.Contains(out, "version") {
		t.Errorf("printed %q", out)
	}
	blank := document[scoreReport](in, "score", "--redis", in.redis, "--model", "fraud", event) // by the published schema
	if blank.Prediction == nil || *blank.Prediction != *s.Prediction || blank.Partition != s.Partition {
		t.Errorf("without a configuration %+v, with it %+v", blank, s)
	}
	in.explain(t, event, *s.Prediction)
	foreign := filepath.Join(t.TempDir(), "other.yaml")
	in.write(foreign, fmt.Sprintf("redis: {addrs: [%q]}\nmodels: {fraud: {source: {topic: payments, label: y, key: card}, features: {exclude: [x2]}}}\n", in.redis))
	code, out, errs := in.call("score", "-c", foreign, event)
	if code != exitOK || !strings.Contains(errs, "other features") || !strings.Contains(errs, "x2") {
		t.Errorf("with another configuration: exit code %d, stdout %q, stderr %q; want a warning", code, out, errs)
	}
	for _, tc := range []struct {
		code int
		err  string
		args []string
	}{
		{exitUsage, "give --key FIELD, or --partition N", []string{`{"x1":2,"x2":1}`}},
		{exitFailed, "the event is refused: syntax", []string{`{"x1":`}},
		{exitUsage, "the event is empty", nil},
		{exitUsage, `--model "other": is not configured: one of fraud`, []string{"--model", "other", event}},
	} {
		code, out, errs := in.call(append([]string{"score", "-c", in.config}, tc.args...)...)
		if code != tc.code || out != "" || !strings.Contains(errs, tc.err) {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q; want %d, %q", tc.args, code, out, errs, tc.code, tc.err)
		}
	}
}

func (in *installation) explain(t *testing.T, event string, prediction float64) {
	s := document[scoreReport](in, "score", "-c", in.config, "--explain", event)
	x := s.Explanation
	if x == nil || len(x.Features) != 2 || x.Left != 0 || x.Class != nil {
		t.Fatalf("explanation %+v, want one of x1 and x2", x)
	}
	sum := x.Intercept + x.Features[0].Contribution + x.Features[1].Contribution
	if p := 1 / (1 + math.Exp(-sum)); math.Abs(sum-x.Margin) > 1e-12*math.Abs(sum) || math.Abs(p-prediction) > 1e-12 {
		t.Errorf("contributions add up to %v, margin %v, prediction %v", sum, x.Margin, prediction)
	}
	out := in.must("score", "-c", in.config, "--explain", "--top", "1", event)
	for _, want := range []string{"feature ", "contribution", "x", "(1 others)", "(intercept)", "margin ", "│█"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, _, errs := in.call("score", "-c", in.config, "--top", "3", event); code != exitUsage || !strings.Contains(errs, "--top: needs --explain") {
		t.Errorf("--top without --explain: exit code %d, %s", code, errs)
	}
}

func (in *installation) freeze(t *testing.T) {
	type orders struct {
		Command string
		Answers []answer
	}
	frozen := document[orders](in, "freeze", "fraud/1", "-c", in.config, "--who", "ann", "--why", "test")
	if len(frozen.Answers) != 1 || frozen.Answers[0].Error != "" || frozen.Answers[0].Offset != int64(in.events[1]) {
		t.Fatalf("got %+v, want an answer at offset %d", frozen, in.events[1])
	}
	r := document[stateReport](in, "snapshot", "show", "fraud/1", "-c", in.config)
	if r.Mode != "frozen" || !r.Held || r.Freezes != 1 {
		t.Errorf("after freeze: mode %s, held %v, %d freezes", r.Mode, r.Held, r.Freezes)
	}
	if s := document[scoreReport](in, "score", "-c", in.config, "--partition", "1", `{"x1":1}`); s.Mode != "frozen" {
		t.Errorf("a score says that the learner is %s", s.Mode)
	}
	if out := in.must("unfreeze", "fraud/1", "--challenger", "-c", in.config, "--who", "ann", "--why", "test"); !strings.Contains(out, "fraud/1: unfreeze took effect at offset") {
		t.Errorf("unfreeze --challenger printed %q", out)
	}
	if r := document[stateReport](in, "snapshot", "show", "fraud/1", "-c", in.config); r.Mode != "recovering" || r.Held {
		t.Errorf("after unfreeze --challenger: mode %s, held %v", r.Mode, r.Held)
	}
	if out := in.must("unfreeze", "fraud/1", "-c", in.config, "--who", "ann", "--why", "test"); !strings.Contains(out, "fraud/1: unfreeze took effect at offset") {
		t.Errorf("unfreeze printed %q", out)
	}
	if r := document[stateReport](in, "snapshot", "show", "fraud/1", "-c", in.config); r.Mode != "learning" || r.Held {
		t.Errorf("after unfreeze: mode %s, held %v", r.Mode, r.Held)
	}
	if code, _, errs := in.call("freeze", "fraud/9", "-c", in.config, "--who", "ann", "--why", "test"); code != exitFailed || !strings.Contains(errs, "no learner has claimed") {
		t.Errorf("a partition that nobody has claimed: exit code %d, %q", code, errs)
	}
	if code, _, errs := in.call("freeze", "nothing", "-c", in.config, "--who", "ann", "--why", "test"); code != exitFailed || !strings.Contains(errs, "has no state yet") {
		t.Errorf("a model without state: exit code %d, %q", code, errs)
	}
}

// orphans is about orders that nobody takes.
func (in *installation) orphans(t *testing.T) {
	in.stop()
	code, out, errs := in.call("freeze", "fraud", "-c", in.config, "--who", "ann", "--why", "test", "--timeout", "200ms")
	if code != exitFailed || strings.Count(out, "no answer in 200ms") != 2 || !strings.Contains(errs, "failed at 2 of 2 partitions") {
		t.Errorf("without a daemon: exit code %d, %q, %q", code, out, errs)
	}
	if out := in.must("snapshot", "adopt", "fraud/0", "-c", in.config); out != "fraud/0: released\n" {
		t.Errorf("adopt printed %q", out)
	}
}

func (in *installation) tables(t *testing.T) {
	out := in.must("snapshot", "list", "-c", in.config)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[2], "fraud/0") || !strings.HasPrefix(lines[3], "fraud/1") {
		t.Errorf("snapshot list prints\n%s", out)
	}
	out = in.must("snapshot", "show", "fraud/0", "-c", in.config)
	for _, want := range []string{"mode", "learning", "trend", "usual size", "an update changes", "served", "version", "setting", `source.label="y"`} {
		if !strings.Contains(out, want) {
			t.Errorf("snapshot show lacks %q:\n%s", want, out)
		}
	}
}

// TestOperateBandit learns from logged decisions and lets the published model decide.
func TestOperateBandit(t *testing.T) {
	s, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	in := &installation{t: t, config: filepath.Join(dir, "c.yaml"), csv: filepath.Join(dir, "decisions.csv"), redis: s.RedisAddr()}
	in.write(in.config, fmt.Sprintf(`
kafka: {brokers: [%q]}
redis: {addrs: [%q], save_interval: 50ms}
admin: {listen: ""}
models:
  banner:
    source: {topic: decisions, label: click, arm: shown, probability: p}
    learner: {kind: bandit, bandit: {arms: [red, blue], baseline: red}}
    snapshot: {every: 500, quarantine: 500}
`, s.Brokers()[0], s.RedisAddr()))
	r := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	b.WriteString("young,shown,p,click\n")
	for range 3_000 { // the young click on red, the others on blue
		young, arm, click := r.IntN(2), r.IntN(2), 0
		if r.Float64() < 0.1+0.8*float64(young^arm) {
			click = 1
		}
		fmt.Fprintf(&b, "%d,%s,0.5,%d\n", young, []string{"red", "blue"}[arm], click)
	}
	in.write(in.csv, b.String())
	in.must("load", "-c", in.config, "--topic", "decisions", "--partitions", "1", in.csv)
	in.run()
	eventually(t, "all decisions are learned", func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return len(list) == 1 && list[0].Learned == 3_000
	})
	for event, want := range map[string]string{`{"young":1}`: "red", `{"young":0}`: "blue"} {
		chosen := map[string]int{}
		for range 20 {
			r := document[scoreReport](in, "score", "-c", in.config, event)
			if r.Choice == nil || r.Version == 0 || !(r.Choice.Prob > 0) {
				t.Fatalf("%s: got %+v", event, r)
			}
			chosen[r.Choice.Name]++
		}
		if chosen[want] < 10 { // it has 97.5% of the decisions
			t.Errorf("%s: chosen %v, want mostly %s", event, chosen, want)
		}
	}
	if out := in.must("snapshot", "show", "banner/0", "-c", in.config); !strings.Contains(out, "bandit") {
		t.Errorf("snapshot show prints\n%s", out)
	}
	t.Run("arms", in.arms)
	t.Run("policy", in.policy)
}

// TestLoadJSONLines publishes lines as they are, and says which have no key.
func TestLoadJSONLines(t *testing.T) {
	s, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	in := &installation{t: t}
	file := filepath.Join(t.TempDir(), "a.jsonl")
	in.write(file, "{\"k\":1,\"x\":2}\n{\"x\":3}\nbroken\n")
	r := document[loadReport](in, "load", "--brokers", s.Brokers()[0], "--topic", "t", "--key", "k", file)
	r.Rate = 0
	if want := (loadReport{Topic: "t", Format: "json", Records: 3, Keyless: 2}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	csv := filepath.Join(t.TempDir(), "a.csv")
	in.write(csv, "a,b\n1,2\n1,2,3\n")
	r = document[loadReport](in, "load", "--brokers", s.Brokers()[0], "--topic", "t", csv)
	r.Rate = 0
	if want := (loadReport{Topic: "t", Format: "json", Records: 1, Skipped: 1}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if code, _, errs := in.call("load", "--brokers", s.Brokers()[0], "--topic", "t", "--rate", "-1", csv); code != exitUsage || !strings.Contains(errs, "--rate -1") {
		t.Errorf("a negative rate: exit code %d, %q", code, errs)
	}
}
