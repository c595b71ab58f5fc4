package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

type orders struct {
	Command string
	Answers []answer
}

const loads = 4 // of all events; each leaves at least one version

// TestVersions manages versions with a learner, without one, and with its
// successor, on a real Redis under the default settings.
func TestVersions(t *testing.T) {
	in := newInstallationOn(t, testbed.RedisServer(t).Addr, "")
	for n := 1; ; n++ {
		eventually(t, "all records are learned", func() bool {
			list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
			return len(list) == 2 && list[0].Next == int64(n*in.events[0]) && list[1].Next == int64(n*in.events[1])
		})
		if n == loads {
			break
		}
		in.must("load", "-c", in.config, "--topic", "payments", "--key", "card", in.csv)
	}
	if list := in.list(); len(list) < loads {
		t.Fatalf("%d versions are kept", len(list))
	}
	t.Run("marks", in.marks)
	t.Run("rollback reaches readers", in.rollbackReachesReaders)
	t.Run("by label and time", in.rollbackByLabelAndTime)
	t.Run("export and import", in.exportAndImport)
	t.Run("refused", in.refusedOrders)
	in.stop()
	t.Run("without an owner", in.withoutOwner)
	t.Run("beginning", in.beginning)
	t.Run("verify", in.verify)
}

// order gives an order to partition 1 and returns its answer.
func (in *installation) order(args ...string) answer {
	in.t.Helper()
	r := document[orders](in, append(args, "-c", in.config, "--who", "ann", "--why", "test")...)
	if len(r.Answers) != 1 {
		in.t.Fatalf("%v: %+v", args, r)
	}
	return r.Answers[0]
}

func (in *installation) list() []keptReport {
	in.t.Helper()
	return document[[]keptReport](in, "snapshot", "list", "fraud/1", "-c", in.config)
}

// labelled is the kept version with that label; nil for none.
func (in *installation) labelled(label string) *keptReport {
	in.t.Helper()
	list := in.list()
	i := slices.IndexFunc(list, func(r keptReport) bool { return slices.Contains(r.Labels, label) })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// served fails unless readers are served that version.
func (in *installation) served(t *testing.T, number uint64, held bool) {
	t.Helper()
	if v := in.labelled(state.LabelChampion); v == nil || v.Number != number || v.Held != held || !v.Served {
		t.Errorf("readers are served %+v; want version %d, held %v", v, number, held)
	}
	s := document[scoreReport](in, "score", "-c", in.config, "--partition", "1", `{"x1":1}`)
	if s.Version != number || (s.Mode == state.ModeHeld) != held {
		t.Errorf("a score is of version %d, %s; want %d, held %v", s.Version, s.Mode, number, held)
	}
}

func (in *installation) marks(t *testing.T) {
	list := in.list()
	newest, old := list[0], list[len(list)-1]
	if !slices.Equal(newest.Labels, []string{state.LabelChampion, state.LabelLastGood}) || !newest.Served || newest.Held || newest.Loss <= 0 {
		t.Errorf("the newest version is %+v", newest)
	}
	n := fmt.Sprint(old.Number)
	if a := in.order("snapshot", "pin", "fraud/1", n); a.Version != old.Number || a.Offset != loads*int64(in.events[1]) {
		t.Errorf("pin: %+v", a)
	}
	in.order("snapshot", "label", "fraud/1", n, "before-migration")
	if v := in.labelled("before-migration"); v == nil || v.Number != old.Number || !v.Pinned {
		t.Errorf("the label is at %+v", v)
	}
	out := in.must("snapshot", "list", "fraud/1", "-c", in.config)
	for _, line := range strings.Split(out, "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("a line of %d characters:\n%s", len(line), out)
		}
	}
	if !strings.Contains(out, "before-migration (pinned)") || !strings.Contains(out, "champion last-good") {
		t.Errorf("snapshot list prints\n%s", out)
	}
	in.order("snapshot", "unpin", "fraud/1", "before-migration")
	in.order("snapshot", "unlabel", "fraud/1", "before-migration")
	if v := in.labelled("before-migration"); v != nil {
		t.Errorf("the label stayed at %+v", v)
	}
	in.order("snapshot", "label", "fraud/1", n, "before-migration")
}

// From the start of the command to the first score with the older version it takes less than a second.
func (in *installation) rollbackReachesReaders(t *testing.T) {
	client, err := serve.Open(t.Context(), serve.Options{Redis: redis.Options{Addrs: []string{in.redis}}, Model: "fraud", Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := client.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer client.Close()
	defer wg.Wait()
	defer cancel()
	reaches := func(number uint64, args ...string) time.Duration {
		t.Helper()
		began := time.Now()
		var took time.Duration
		var watch sync.WaitGroup
		watch.Go(func() {
			for took == 0 && time.Since(began) < 30*time.Second {
				status, _ := client.Status()
				if i := slices.IndexFunc(status, func(s serve.Status) bool { return s.Partition == 1 }); i >= 0 && status[i].Pointer.Number == number {
					took = time.Since(began)
				}
				time.Sleep(time.Millisecond)
			}
		})
		in.order(args...)
		watch.Wait()
		return took
	}
	list := in.list()
	var slowest time.Duration
	for i := range 4 {
		v := list[1+i%2] // never the newest one, which is served between
		slowest = max(slowest, reaches(v.Number, "snapshot", "rollback", "fraud/1", fmt.Sprint(v.Number)))
		in.served(t, v.Number, true)
	}
	slowest = max(slowest, reaches(list[0].Number, "promote", "fraud/1"))
	in.served(t, list[0].Number, false)
	t.Logf("readers had the version at most %v after the command began", slowest)
	if slowest > time.Second {
		t.Errorf("readers had the version %v after the command began, want less than a second", slowest)
	}
}

func (in *installation) rollbackByLabelAndTime(t *testing.T) {
	old := in.labelled("before-migration")
	in.order("snapshot", "rollback", "fraud/1", "--to-label", "before-migration", "--restore")
	in.served(t, old.Number, true)
	r := document[stateReport](in, "snapshot", "show", "fraud/1", "-c", in.config)
	if r.Live != r.Current.SHA256 || r.Live != old.Sum.String() || r.Current.Number != old.Number {
		t.Errorf("the model is %s, the restored version %s", r.Live, old.Sum)
	}
	at := time.UnixMilli(in.list()[0].Created).UTC().Format(time.RFC3339Nano)
	in.order("snapshot", "rollback", "fraud/1", "--to-time", at)
	in.served(t, in.list()[0].Number, true)
	if l := document[[]partitionReport](in, "snapshot", "list", "-c", in.config); !l[1].Held || l[0].Held {
		t.Errorf("held: %+v", l)
	}
	in.order("promote", "fraud/1")
	in.served(t, old.Number, false) // restored, it is the last good one
}

func (in *installation) exportAndImport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "v.slv")
	e := document[exportReport](in, "snapshot", "export", "fraud/1", "champion", "-o", file, "-c", in.config)
	data, err := os.ReadFile(file)
	if err != nil || state.SumOf(data) != e.Sum || len(data) != e.Bytes {
		t.Fatalf("exported %+v, read %d bytes, %v", e, len(data), err)
	}
	x, err := state.ParseExport(data)
	if err != nil || x.Version != e.Of || !strings.Contains(x.Settings, "source.label") || len(x.Schema) == 0 {
		t.Errorf("the file has %+v, %v", x, err)
	}
	in.must("snapshot", "export", "fraud/1", "champion", "-o", file+"2", "-c", in.config)
	if again, err := os.ReadFile(file + "2"); err != nil || string(again) != string(data) {
		t.Errorf("the same version was exported to other bytes: %v", err)
	}
	in.order("snapshot", "import", file, "--model", "fraud", "--partition", "1", "--label", "blue")
	blue := in.labelled("blue")
	if blue == nil || blue.Sum != x.Version.Sum || blue.Number <= x.Version.Number || blue.Guarded {
		t.Fatalf("imported %+v, exported %+v", blue, x.Version)
	}
	in.order("snapshot", "rollback", "fraud/1", "--to-label", "blue")
	in.served(t, blue.Number, true)
	in.order("promote", "fraud/1")
}

func (in *installation) refusedOrders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad")
	in.write(file, "no export")
	for _, c := range []struct {
		code int
		want string
		args string
	}{
		{exitUsage, "name one version", "snapshot rollback fraud/1"},
		{exitUsage, "name one version", "snapshot rollback fraud/1 7 --to-time 5m"},
		{exitUsage, "--to-time", "snapshot rollback fraud/1 --to-time yesterday"},
		{exitUsage, "is a number", "snapshot rollback fraud/1 --to-label 7"},
		{exitUsage, "--force and --restore", "snapshot rollback fraud/1 7 --force --restore"},
		{exitUsage, "is for --force", "snapshot rollback fraud/1 7 --with-arms a"},
		{exitUsage, "meaning of its own", "snapshot label fraud/1 champion last-good"},
		{exitFailed, "version 7777 is not kept; kept are", "snapshot rollback fraud/1 7777"},
		{exitFailed, "younger events", "snapshot rollback fraud/1 --to-time 2001-02-03T04:05:06Z"},
		{exitFailed, `no version has the label "green"`, "snapshot pin fraud/1 green"},
		{exitFailed, "no version is held", "promote fraud/1"},
		{exitFailed, "exported version", "snapshot import " + file + " --model fraud --partition 1"},
	} {
		args := append(strings.Fields(c.args), "-c", in.config, "--who", "ann", "--why", "test")
		code, out, errs := in.call(args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit code %d, %q, %q; want %d, %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

// Readers are moved although nobody owns the partition; the next owner takes it over.
func (in *installation) withoutOwner(t *testing.T) {
	list := in.list()
	newest := in.labelled(state.LabelLastGood)
	old := list[slices.IndexFunc(list, func(r keptReport) bool { return r.Number != newest.Number })]
	n := fmt.Sprint(old.Number)
	code, out, _ := in.call("snapshot", "rollback", "fraud/1", n, "-c", in.config, "--who", "ann", "--why", "test", "--timeout", "100ms")
	if code != exitFailed || !strings.Contains(out, "add --force") {
		t.Errorf("without an owner: exit code %d, %q", code, out)
	}
	in.served(t, newest.Number, false)
	if a := in.order("snapshot", "rollback", "fraud/1", n, "--force", "--timeout", "100ms"); !a.Forced || a.Offset != -1 {
		t.Errorf("answer %+v", a)
	}
	s := document[scoreReport](in, "score", "-c", in.config, "--partition", "1", `{"x1":1}`)
	if s.Version != old.Number || s.Mode != state.ModeHeld {
		t.Errorf("a score is of version %d, %s", s.Version, s.Mode)
	}
	file := filepath.Join(t.TempDir(), "v.slv")
	in.must("snapshot", "export", "fraud/1", n, "-o", file, "-c", in.config)
	for want, args := range map[string][]string{
		"has a state already": {"--partition", "1", "--init-from"},
		"has no state":        {"--partition", "5"},
		"no answer":           {"--partition", "5", "--init-from"},
	} {
		args = append([]string{"snapshot", "import", file, "--model", "fraud", "-c", in.config, "--who", "ann", "--why", "test", "--timeout", "100ms"}, args...)
		if code, out, errs := in.call(args...); code != exitFailed || !strings.Contains(out+errs, want) {
			t.Errorf("%v: exit code %d, %q, %q; want %q", args, code, out, errs, want)
		}
	}
	in.run()
	eventually(t, "the owner has taken the orders", func() bool {
		return document[stateReport](in, "snapshot", "show", "fraud/1", "-c", in.config).HeldAt == old.Number
	})
	in.served(t, old.Number, true)
	in.order("promote", "fraud/1")
	in.served(t, newest.Number, false)
	in.stop()
}

// An exported version is the beginning of another model, before that has ever run.
func (in *installation) beginning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "v.slv")
	in.must("snapshot", "export", "fraud/1", "champion", "-o", file, "-c", in.config)
	text, err := os.ReadFile(in.config)
	if err != nil {
		t.Fatal(err)
	}
	copied := *in
	copied.config = filepath.Join(t.TempDir(), "copy.yaml")
	copied.write(copied.config, strings.Replace(string(text), "  fraud:", "  copy:", 1))
	code, out, errs := copied.call("snapshot", "import", file, "--model", "copy", "--partition", "1", "--init-from", "--label", "seed",
		"-c", copied.config, "--who", "ann", "--why", "test", "--timeout", "50ms")
	if code != exitFailed || !strings.Contains(out, "no answer") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	copied.run()
	var list []keptReport
	eventually(t, "the copy has published versions of its own", func() bool {
		list = document[[]keptReport](&copied, "snapshot", "list", "copy/1", "-c", copied.config)
		return len(list) > 1
	})
	copied.stop()
	seed := list[len(list)-1]
	if from := in.labelled(state.LabelChampion); seed.Number != 1 || seed.Sum != from.Sum || !slices.Contains(seed.Labels, "seed") {
		t.Errorf("the copy began with %+v, exported was %+v", seed, from)
	}
	if next := list[len(list)-2]; next.Parent < 1 || next.Learned == 0 {
		t.Errorf("the next version is %+v", next)
	}
}

// command sends a command to Redis and returns the first line of its answer.
func (in *installation) command(args ...string) string {
	in.t.Helper()
	conn, err := net.Dial("tcp", in.redis)
	if err != nil {
		in.t.Fatal(err)
	}
	defer conn.Close()
	line := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		line += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := conn.Write([]byte(line)); err != nil {
		in.t.Fatal(err)
	}
	answer := make([]byte, 256)
	n, err := conn.Read(answer)
	if err != nil {
		in.t.Fatal(err)
	}
	return strings.TrimSpace(string(answer[:n]))
}

func (in *installation) verify(t *testing.T) {
	for _, r := range document[[]verifyReport](in, "snapshot", "verify", "-c", in.config) {
		if r.Versions < loads || r.Blobs < loads || r.Bytes == 0 || len(r.Problems) > 0 {
			t.Errorf("an intact partition: %+v", r)
		}
	}
	list := in.list()
	key := func(name string) string { return "sl:{fraud/1}:" + name }
	broken := func(want string) {
		t.Helper()
		code, out, errs := in.call("snapshot", "verify", "fraud/1", "-c", in.config)
		if code != exitFailed || !strings.Contains(out, want) || !strings.Contains(errs, "problems in 1 partitions") {
			t.Errorf("exit code %d, want %q in\n%s%s", code, want, out, errs)
		}
	}
	ok := func(answer string) {
		t.Helper()
		if strings.HasPrefix(answer, "-") || answer == ":0" {
			t.Fatalf("redis says %s", answer)
		}
	}
	champion := in.labelled(state.LabelChampion)
	v := list[slices.IndexFunc(list, func(r keptReport) bool { return len(r.Labels) == 0 })]
	ok(in.command("RENAME", key("b:"+v.Sum.String()), key("aside")))
	broken(fmt.Sprintf("blob %s of fraud/1: not found", v.Sum))
	ok(in.command("SET", key("b:"+v.Sum.String()), "rubbish"))
	broken("is damaged: its 7 bytes have sum")
	ok(in.command("RENAME", key("aside"), key("b:"+v.Sum.String())))
	ok(in.command("HDEL", key("v"), fmt.Sprintf("%d:%s", v.Number, v.Sum)))
	ok(in.command("HDEL", key("v"), fmt.Sprintf("%d:%s", champion.Number, champion.Sum)))
	broken("is served, but not kept")
	broken("but is gone")
	if answer := in.command("HSET", key("state"), "head", "SL"); answer != ":0" {
		t.Fatalf("redis says %s", answer)
	}
	broken("too few for an envelope")
}
