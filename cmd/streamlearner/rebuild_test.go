package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/sandbox"
	"github.com/streamlearner/streamlearner/internal/sim"
)

// lived is a partition that went through much: refused records, an operator's
// freeze, a restart under other settings, a change of its owner, and poison
// that froze it.
type lived struct {
	*installation
	brokers []string
	lines   []string
	next    *sim.FraudStream
}

const livedTopic = "payments"

func newLived(t *testing.T) *lived {
	s, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	in := &lived{installation: &installation{t: t, redis: s.RedisAddr()}, brokers: s.Brokers(), next: sim.Fraud(3)}
	in.next.Malformed = 0.01
	in.next.Poison = []sim.Episode{{From: 8_500, To: 9_000, Share: 1}}
	in.config = in.write(livedTopic, 2_000)
	in.run()
	in.feed(4_500)
	in.must("freeze", "fraud/0", "-c", in.config, "--who", "ann", "--why", "test")
	in.feed(500)
	in.must("unfreeze", "fraud/0", "-c", in.config, "--who", "ann", "--why", "test")
	in.feed(1_500)
	in.stop()
	in.config = in.write(livedTopic, 1_000)
	in.run()
	first := in.stop
	in.run() // a second process, which takes over when the first one stops
	in.feed(1_000)
	first()
	in.feed(3_500)
	return in
}

// write writes a configuration and returns its path.
func (in *lived) write(topic string, cooldown int) string {
	path := filepath.Join(in.t.TempDir(), "c.yaml")
	in.installation.write(path, fmt.Sprintf(`
kafka: {brokers: [%q]}
redis: {addrs: [%q], save_interval: 50ms, inbox_interval: 20ms}
admin: {listen: ""}
models:
  fraud:
    source: {topic: %s, label: is_fraud, time: ts, key: card, id: tx_id}
    learner: {bits: 12}
    guard: {block: 16, window: 1280, reference_after: 2000, cooldown_events: %d, probation_events: 500}
    snapshot: {every: 200, quarantine: 400, keep: 100}
`, in.brokers[0], in.redis, topic, cooldown))
	return path
}

// feed produces the next records, and waits now and then until they are learned,
// so that the states on the way are saved.
func (in *lived) feed(n int) {
	const chunk = 500
	for ; n > 0; n -= chunk {
		for range chunk {
			in.lines = append(in.lines, string(in.next.Next(nil)))
		}
		in.produce(livedTopic, in.lines[len(in.lines)-chunk:])
		in.learned()
	}
}

func (in *lived) produce(topic string, lines []string) {
	path := filepath.Join(in.t.TempDir(), "events.jsonl")
	in.installation.write(path, strings.Join(lines, "\n")+"\n")
	in.must("load", "-c", in.config, "--topic", topic, "--partitions", "1", "--format", "json", path)
}

func (in *lived) learned() {
	in.t.Helper()
	eventually(in.t, "all records are learned", func() bool {
		list := document[[]partitionReport](in.installation, "snapshot", "list", "-c", in.config)
		return len(list) == 1 && list[0].Next == int64(len(in.lines))
	})
}

func TestRebuild(t *testing.T) {
	in := newLived(t)
	shown := document[stateReport](in.installation, "snapshot", "show", "fraud/0", "-c", in.config)
	if shown.Freezes < 2 || shown.Current == nil || len(shown.Versions) < 10 {
		t.Fatalf("%d freezes, %d versions: the test proves too little", shown.Freezes, len(shown.Versions))
	}
	kept := len(shown.Versions)
	in.stop()

	rebuild := []string{"replay", "-c", in.config}
	t.Run("the same", func(t *testing.T) {
		for _, c := range []struct {
			args     []string
			compared int
		}{
			{[]string{"--from-offset", "0"}, kept},
			{[]string{"--from", "oldest", "--to", "current", "--partition", "0"}, kept - 1},
			{[]string{"--to", "current"}, 1},
			{[]string{"--from", fmt.Sprint(shown.Versions[4].Number), "--to", fmt.Sprint(shown.Versions[kept-5].Number)}, kept - 9},
		} {
			r := document[rebuildReport](in.installation, append(rebuild, c.args...)...)
			if !r.Same || r.Compared < c.compared || r.Divergence != nil || r.Records == 0 {
				t.Errorf("%v: %+v, want at least %d versions the same", c.args, r, c.compared)
			}
		}
		out := in.must(append(rebuild, "--from", "oldest")...)
		if !strings.Contains(out, "the same, bit for bit") || !strings.Contains(out, shown.Current.SHA256) {
			t.Errorf("printed\n%s", out)
		}
	})
	t.Run("a changed record", func(t *testing.T) {
		const at = 5_555
		lines := append([]string(nil), in.lines...)
		lines[at] = lines[at+1]
		in.produce("changed", lines)
		code, out, errs := in.call("replay", "-c", in.write("changed", 1_000), "--from", "oldest")
		if code != exitFailed || !strings.Contains(out, "DIVERGED between offsets ") || !strings.Contains(out, "another content") || !strings.Contains(errs, "is not what its records come to") {
			t.Errorf("exit code %d\n%s\n%s", code, out, errs)
		}
		var first, last int
		_, after, _ := strings.Cut(out, "DIVERGED between offsets ")
		if _, err := fmt.Sscanf(after, "%d and %d", &first, &last); err != nil || first > at || last < at || last-first > 1200 {
			t.Errorf("found between %d and %d, it is at %d (%v)", first, last, at, err)
		}
	})
	t.Run("usage", func(t *testing.T) {
		for _, c := range []struct {
			code int
			err  string
			args []string
		}{
			{exitUsage, "needs -c FILE", []string{"--to", "3"}},
			{exitUsage, "exclude each other", []string{"-c", in.config, "--from", "3", "--from-offset", "0"}},
			{exitUsage, "--label: is for a replay of files", []string{"-c", in.config, "--to", "3", "--label", "y"}},
			{exitUsage, "must not be negative", []string{"-c", in.config, "--from-offset", "-1"}},
			{exitFailed, "version 99999 is not kept", []string{"-c", in.config, "--to", "99999"}},
			{exitFailed, "would begin at offset", []string{"-c", in.config, "--from", "current", "--to", fmt.Sprint(shown.Versions[0].Number)}},
		} {
			code, out, errs := in.call(append([]string{"replay"}, c.args...)...)
			if code != c.code || out != "" || !strings.Contains(errs, c.err) {
				t.Errorf("%v: exit code %d, %q, %q; want %d and %q", c.args, code, out, errs, c.code, c.err)
			}
		}
	})
	t.Run("records that Kafka has deleted", func(t *testing.T) {
		client, err := kgo.NewClient(kgo.SeedBrokers(in.brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		oldest := shown.Versions[kept-4]
		drop := func(before int64) {
			var o kadm.Offsets
			o.AddOffset(livedTopic, 0, before, -1)
			if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		drop(oldest.Next.Offset - 1)
		code, out, errs := in.call(append(rebuild, "--from", "oldest")...)
		hint := fmt.Sprintf("by --from %d", oldest.Number)
		if code != exitFailed || out != "" || !strings.Contains(errs, hint) || !strings.Contains(errs, fmt.Sprintf("Kafka has those at %d", oldest.Next.Offset-1)) {
			t.Errorf("exit code %d, %q, %q; want a hint %q", code, out, errs, hint)
		}
		if r := document[rebuildReport](in.installation, append(rebuild, "--from", fmt.Sprint(oldest.Number))...); !r.Same {
			t.Errorf("from the oldest version whose records are there: %+v", r)
		}
		drop(int64(len(in.lines)))
		if code, _, errs := in.call(rebuildTo(rebuild, "current")...); code != exitFailed || !strings.Contains(errs, "longer retention") {
			t.Errorf("without any record: exit code %d, %q", code, errs)
		}
	})
}

func rebuildTo(args []string, version string) []string { return append(args, "--to", version) }
