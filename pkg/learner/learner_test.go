package learner_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// config is a small learner of the fraud stream: checkpoints every 10 records,
// proven after 30, a freeze of 60.
func config(tb testing.TB) learner.Config {
	tb.Helper()
	d, err := event.NewJSON(event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id"}, true)
	if err != nil {
		tb.Fatal(err)
	}
	model := sgd.Default()
	model.Bits = 7
	guard := learner.DefaultGuard()
	guard.Block, guard.Window, guard.ReferenceAfter, guard.ReferenceEvery = 10, 400, 50, 400
	guard.Recovery, guard.CooldownEvents, guard.ProbationEvents = learner.RecoveryCooldown, 60, 40
	return learner.Config{
		Model:    func() (learner.Model, error) { return sgd.New(model) },
		Decoder:  d,
		Guard:    guard,
		Snapshot: learner.SnapshotConfig{Every: 10, Quarantine: 30, Keep: 5},
		Evaluate: evaluation(),
		Settings: "guard.recovery=cooldown\nlearner.bits=7\n",
		Binary:   "test",
		Arch:     "any",
	}
}

func newLearner(tb testing.TB, c learner.Config) *learner.Learner {
	tb.Helper()
	l, err := learner.New(c, state.Position{})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// feed gives n events of s to l and returns the changes of mode.
func feed(l *learner.Learner, s *sim.FraudStream, n int) (changes []learner.Transition) {
	for range n {
		o := l.Feed(learner.Record{Offset: l.Next().Offset, Value: s.Next(nil)})
		if o.Change != nil {
			changes = append(changes, *o.Change)
		}
	}
	return changes
}

func TestSettingsAreValidated(t *testing.T) {
	for _, c := range []struct {
		edit func(*learner.Config)
		want string
	}{
		{func(c *learner.Config) { c.Guard.RecoveryMinEvents = 0 }, "guard.recovery_min_events: 0"},
		{func(c *learner.Config) { c.Guard.QuietEvents = 9 }, "guard.quiet_events: 9"},
		{func(c *learner.Config) { c.Guard.QuietEvents = 1 << 60 }, "guard.quiet_events: 1152921504606846976"},
		{func(c *learner.Config) { c.Guard.BackoffEvents = 0 }, "guard.backoff_events: 0"},
		{func(c *learner.Config) { c.Guard.Trusted.Sources = []string{"a"} }, "guard.trusted.sources"},
		{func(c *learner.Config) { c.Guard.Trusted.Keys = []string{""} }, "guard.trusted: "},
		{func(c *learner.Config) { c.Guard.Recovery = "never" }, `guard.recovery: "never": must be`},
		{func(c *learner.Config) { c.Guard.ReferenceAfter = 0 }, "guard.reference_after: 0"},
		{func(c *learner.Config) { c.Guard.ReferenceEvery = 10 }, "guard.reference_every: 10"},
		{func(c *learner.Config) { c.Guard.MaxRejectRate = 0 }, "guard.max_reject_rate: 0"},
		{func(c *learner.Config) { c.Guard.CooldownEvents = 0 }, "guard.cooldown_events: 0"},
		{func(c *learner.Config) { c.Guard.ProbationEvents = 0 }, "guard.probation_events: 0"},
		{func(c *learner.Config) { c.Guard.Block = 1 }, "guard.block: 1"},
		{func(c *learner.Config) { c.Snapshot.Every = 0 }, "snapshot.every: 0"},
		{func(c *learner.Config) { c.Snapshot.Every, c.Snapshot.Quarantine = 1, 64 }, "snapshot.quarantine: 64"},
		{func(c *learner.Config) { c.Snapshot.Keep = 0 }, "snapshot.keep: 0"},
		{func(c *learner.Config) { c.Snapshot.KeepFor = -1 }, "snapshot.keep_for: -1"},
		{func(c *learner.Config) { c.Snapshot.MaxAge = -1 }, "snapshot.max_age: -1"},
		{func(c *learner.Config) { c.Schema = []byte("json") }, "schema"},
	} {
		cfg := config(t)
		c.edit(&cfg)
		if _, err := learner.New(cfg, state.Position{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
}

func TestVersionsOutliveTheirFuture(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	var published []state.Pointer
	for i := range int64(200) {
		if o := l.Feed(learner.Record{Offset: i, LeaderEpoch: 3, Value: s.Next(nil)}); o.Proven {
			published = append(published, *l.Snapshot().Current)
		}
	}
	if len(published) != 17 {
		t.Fatalf("%d versions of 200 records, want one every 10 from record 40 on", len(published))
	}
	for i, p := range published {
		n := uint64(i + 1)
		want := state.Version{
			Number: n, Sum: p.Sum, State: p.State, Parent: n - 1, Created: p.Created, Next: state.Position{Offset: int64(10 * n), LeaderEpoch: 3},
			Learned: 10 * n, Config: p.Config, Binary: "test", Arch: p.Arch, Loss: p.Loss,
		}
		if diff := cmp.Diff(want, p.Version); diff != "" || p.Mode != "learning" || p.Sum.IsZero() || p.State.IsZero() || p.Config == "" || p.Loss <= 0 {
			t.Errorf("version %d (-want +got):\n%s%+v", n, diff, p)
		}
	}
}

// The schema is published, and no part of the state.
func TestSchemaIsPublished(t *testing.T) {
	c := config(t)
	c.Schema = []byte(`{"format":"json","label":"is_fraud"}`)
	l, s := newLearner(t, c), sim.Fraud(1)
	feed(l, s, 100)
	with := l.Snapshot()
	if with.Current == nil || string(with.Current.Schema) != string(c.Schema) {
		t.Fatalf("published %+v, want the schema %s", with.Current, c.Schema)
	}
	c.Schema = nil
	l, err := learner.Restore(c, with)
	if err != nil {
		t.Fatal(err)
	}
	without := l.Snapshot()
	if string(with.Head) != string(without.Head) || without.Current.Schema != nil {
		t.Errorf("without a schema: the same head %v, published %s", string(with.Head) == string(without.Head), without.Current.Schema)
	}
}

func TestGuardedVersionsAreMarked(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	feed(l, s, 440)
	if l.Armed() || l.Snapshot().Current.Guarded {
		t.Fatal("guarded before the reference was calibrated")
	}
	feed(l, s, 60)
	if !l.Armed() || !l.Snapshot().Current.Guarded {
		t.Errorf("armed: %v, newest version guarded: %v; want both", l.Armed(), l.Snapshot().Current.Guarded)
	}
}

func TestOperatorFreezesAndUnfreezes(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	feed(l, s, 105)
	before := l.Snapshot().Current
	freeze := state.Command{ID: "1", Kind: learner.CommandFreeze, Who: "ana", Why: "maintenance"}
	o := l.Apply(freeze)
	if o.Change == nil || o.Change.To != learner.Frozen || o.Change.Cause != "operator" || o.Change.Restored != before.Number || !o.Save {
		t.Fatalf("after freeze: %+v", o.Change)
	}
	if l.Params() != before.Sum {
		t.Error("the frozen learner does not stand for the last proven version")
	}
	l.Apply(freeze) // taken again after a lost save: answered, not applied
	l.Apply(state.Command{ID: "2", Kind: "explode"})
	snap := l.Snapshot()
	want := []state.Ack{
		{ID: "1", Offset: 105}, {ID: "1", Offset: 105},
		{ID: "2", Offset: 105, Error: `unknown command "explode": known are freeze, unfreeze, seek, policy, pin, unpin, label, unlabel, rollback, promote, import, arm_add, arm_remove, arm_cap, arm_price, arm_baseline`},
	}
	if diff := cmp.Diff(want, snap.Done); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if snap.Current.Number != before.Number || snap.Current.Mode != "frozen" {
		t.Errorf("readers are served %+v", snap.Current)
	}
	l.Saved(snap)
	if n := len(l.Snapshot().Done); n != 0 {
		t.Errorf("%d answers left after the save", n)
	}

	if c := feed(l, s, 500); len(c) != 0 {
		t.Errorf("automation ended an operator's freeze: %+v", c)
	}
	if got := l.Snapshot().Current; got.Sum != before.Sum {
		t.Error("a version was published while frozen")
	}
	o = l.Apply(state.Command{ID: "3", Kind: learner.CommandUnfreeze, Who: "ana", Why: "done"})
	if o.Change == nil || o.Change.To != learner.Learning || l.Params() != before.Sum {
		t.Fatalf("after unfreeze: %+v", o.Change)
	}
	if l.Apply(state.Command{ID: "4", Kind: learner.CommandUnfreeze}); !strings.Contains(l.Snapshot().Done[1].Error, "not frozen") {
		t.Errorf("unfreezing a learner that learns: %+v", l.Snapshot().Done)
	}
	feed(l, s, 60)
	if got := l.Snapshot().Current; got.Number <= before.Number || got.Mode != "learning" {
		t.Errorf("after the freeze readers are still served %+v", got)
	}
}

func TestFreezeBeforeAnythingIsProven(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	fresh := l.Params()
	feed(l, s, 15)
	if l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze}); l.Params() != fresh {
		t.Error("with nothing proven a freeze must go back to the fresh model")
	}
	if c := l.Snapshot().Current; c != nil {
		t.Errorf("readers are served %+v", c)
	}
}

func TestTooManyRefusedRecordsFreeze(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	feed(l, s, 1000)
	var alarm *learner.Alarm
	for i := range int64(1000) {
		value := s.Next(nil)
		if i%2 == 0 {
			value = []byte("not json")
		}
		if o := l.Feed(learner.Record{Offset: 1000 + i, Value: value}); o.Alarm != nil && o.Alarm.Detector == "reject_rate" {
			a := *o.Alarm
			alarm = &a
		}
	}
	if alarm == nil || alarm.Statistic != 0.5 || alarm.Event != 1999 || l.Mode() != learner.Frozen {
		t.Errorf("half of the records were refused: alarm %+v, mode %s", alarm, l.Mode())
	}
	if n := l.Stats().Rejected[event.Syntax]; n != 500 {
		t.Errorf("%d counted as syntax", n)
	}
}

func TestRestoreGoesOnBitForBit(t *testing.T) {
	for _, at := range []int{0, 1, 49, 51, 120, 455, 500, 777} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			stream := func() *sim.FraudStream {
				s := sim.Fraud(4)
				s.Malformed, s.Poison = 0.02, []sim.Episode{{From: 600, To: 700, Share: 1}}
				return s
			}
			whole, s := newLearner(t, audited(t)), stream()
			feed(whole, s, 1000)

			first, s := newLearner(t, audited(t)), stream()
			feed(first, s, at)
			second, err := learner.Restore(audited(t), first.Snapshot())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first.Stats(), second.Stats()); diff != "" {
				t.Errorf("restored differs (-stored +restored):\n%s", diff)
			}
			feed(second, s, 1000-at)
			if diff := cmp.Diff(whole.Snapshot(), second.Snapshot()); diff != "" {
				t.Errorf("the resumed learner ended differently:\n%.2000s", diff)
			}
		})
	}
}

func TestRestoreUnderOtherSettings(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	feed(l, s, 100)
	snap := l.Snapshot()

	c := config(t)
	c.Settings = "guard.recovery=cooldown\nlearner.bits=8\nlearner.clip=5\n"
	_, err := learner.Restore(c, snap)
	if !errors.Is(err, learner.ErrSettings) || !strings.Contains(err.Error(), "learner.bits: stored 7, configured 8") ||
		!strings.Contains(err.Error(), "learner.clip: stored (none), configured 5") {
		t.Errorf("incompatible settings: %v", err)
	}

	c.Settings = "guard.recovery=cooldown\nlearner.bits=7\nlearner.later=1\n"
	c.Defaults = "guard.recovery=cooldown\nlearner.bits=18\nlearner.later=1\n"
	if _, err := learner.Restore(c, snap); err != nil {
		t.Errorf("a key that the stored state does not know, with its default: %v", err)
	}
	c.Settings = "guard.recovery=cooldown\nlearner.bits=7\nlearner.later=2\n"
	if _, err := learner.Restore(c, snap); err == nil || !strings.Contains(err.Error(), "learner.later: stored 1, configured 2") {
		t.Errorf("a key that the stored state does not know, with another value: %v", err)
	}

	c.Settings = "guard.recovery=manual\nlearner.bits=7\n"
	c.Defaults = ""
	r, err := learner.Restore(c, snap)
	if err != nil {
		t.Fatalf("compatible settings: %v", err)
	}
	d, err := learner.Describe(r.Snapshot().Head)
	if err != nil {
		t.Fatal(err)
	}
	if d.Settings != c.Settings {
		t.Errorf("settings %q after the change", d.Settings)
	}
	if len(r.Snapshot().Head) <= len(snap.Head) {
		t.Error("the change left no entry in the journal")
	}
}

func TestDescribeAgreesWithTheLearner(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	s.Malformed = 0.05
	feed(l, s, 500)
	snap, stats := l.Snapshot(), l.Stats()
	d, err := learner.Describe(snap.Head)
	if err != nil {
		t.Fatal(err)
	}
	if d.Fed != stats.Fed || d.Learned != stats.Learned || d.Rejected != stats.Rejected || d.Mode != stats.Mode || d.Armed != stats.Armed ||
		d.Loss != stats.Loss || d.Checkpoints != stats.Live || d.Proven.Number != stats.Published || d.Live != l.Params() {
		t.Errorf("described %+v, the learner says %+v", d, stats)
	}
	if diff := cmp.Diff(snap.Current.Version, *d.Proven); diff != "" {
		t.Errorf("proven version (-published +described):\n%s", diff)
	}
	if len(d.Quarantine) != 3 {
		t.Errorf("%d checkpoints in quarantine, want 3", len(d.Quarantine))
	}
}

func TestDamagedStatesAreRefused(t *testing.T) {
	l, s := newLearner(t, config(t)), sim.Fraud(1)
	feed(l, s, 500)
	good := l.Snapshot()
	for i := range good.Head {
		bad := *good
		bad.Head = append([]byte(nil), good.Head...)
		bad.Head[i] ^= 0x40
		if _, err := learner.Restore(config(t), &bad); !errors.Is(err, wire.ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for i := range good.Blobs {
		bad := *good
		bad.Blobs = append(append([]state.Blob(nil), good.Blobs[:i]...), good.Blobs[i+1:]...)
		if _, err := learner.Restore(config(t), &bad); err == nil {
			t.Errorf("blob %d is missing, and nobody noticed", i)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew: a change of the format, which docs/format must tell")

// The bytes of a stored state are a contract, and so are the parameters that
// these records lead to: on every architecture.
func TestGoldenState(t *testing.T) {
	l, s := newLearner(t, audited(t)), sim.Fraud(1)
	s.Malformed = 0.02
	feed(l, s, 480)
	l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze, Who: "ana", Why: "golden", At: 1_767_225_600_000})
	feed(l, s, 20)
	path := filepath.Join("testdata", "head.golden")
	head := l.Snapshot().Head
	if *update {
		if err := os.WriteFile(path, head, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(head, want) {
		t.Errorf("%d bytes with SHA-256 %s, the golden file has %d with %s", len(head), state.SumOf(head), len(want), state.SumOf(want))
	}
	d, err := learner.Describe(want)
	if err != nil {
		t.Fatal(err)
	}
	if d.Fed != 500 || d.Mode != learner.Frozen || !d.Held || d.Proven == nil {
		t.Errorf("the golden state reads as %+v", d)
	}
}

func FuzzRestore(f *testing.F) {
	c := config(f)
	l, s := newLearner(f, c), sim.Fraud(1)
	var all []state.Blob
	add := func() {
		snap := l.Snapshot()
		f.Add(snap.Head)
		all = append(all, snap.Blobs...)
	}
	for range 4 {
		feed(l, s, 150)
		add()
	}
	for _, c := range []state.Command{{ID: "3", Kind: learner.CommandFreeze}, {ID: "4", Kind: learner.CommandUnfreeze, Args: state.Args{Challenger: true}}} {
		l.Apply(c)
		feed(l, s, 30)
		add()
	}
	current := l.Snapshot().Current
	l.ApplyTo(state.Command{ID: "1", Kind: learner.CommandRollback, Args: state.Args{Version: current.Number, Sum: current.Sum}},
		&state.Found{Version: current.Version, Blobs: l.Snapshot().Blobs})
	l.ApplyTo(state.Command{ID: "2", Kind: learner.CommandLabel, Args: state.Args{Version: current.Number, Sum: current.Sum, Label: "a"}}, &state.Found{})
	add()
	f.Fuzz(func(t *testing.T, head []byte) {
		if len(head) >= 12 { // make the checksum right, so that what lies behind it is reached
			head = wire.Seal(append([]byte(nil), head[:len(head)-8]...), 0)
		}
		r, err := learner.Restore(c, &state.Snapshot{Head: head, Blobs: all})
		if err != nil {
			return
		}
		feed(r, sim.Fraud(2), 20)
	})
}

func TestAWrongClockAheadIsRefused(t *testing.T) {
	c := plainConfig(t)
	c.MaxAhead = 1000
	l := newLearner(t, c)
	const t0 = 1_700_000_000_000
	for _, x := range []struct {
		own, at int64
		refused bool
	}{{t0, t0 + 1000, false}, {t0, t0 + 1001, true}, {t0, 1, false}, {0, t0, false}, {-1, t0, false}, {math.MaxInt64, t0, false}} {
		before := l.Params()
		o := l.Feed(learner.Record{Offset: l.Next().Offset, Time: x.own, Value: fmt.Appendf(nil, `{"ts":%d,"x":1,"y":1}`, x.at)})
		if refused := o.Reject != nil && o.Reject.Reason == event.TimeInvalid; refused != x.refused || refused != (l.Params() == before) {
			t.Errorf("time %d in a record of %d: %+v", x.at, x.own, o.Reject)
		}
	}
}
