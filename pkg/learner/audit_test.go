package learner_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// audited is config with an audit trail.
func audited(tb testing.TB) learner.Config {
	tb.Helper()
	c := config(tb)
	c.Audit = true
	return c
}

// chainOf returns the records of a snapshot, which must be a whole chain.
func chainOf(t *testing.T, s *state.Snapshot) (out []state.AuditRecord) {
	t.Helper()
	var c state.Chain
	c.Length, c.Sum = s.Audit.End()
	for _, e := range s.Audit.Entries {
		c.Records = append(c.Records, e.Data)
		r, err := state.ParseAudit(e.Data)
		if err != nil || r.Kind != e.Kind {
			t.Fatalf("record %s of kind %s: %v", e.Data, e.Kind, err)
		}
		out = append(out, r)
	}
	if fault := c.Verify(); fault != nil {
		t.Fatal(fault)
	}
	d, err := learner.Describe(s.Head)
	if err != nil || d.Audit != c.Length || d.AuditSum != c.Sum {
		t.Fatalf("the state names %d records and %s, the chain has %d and %s (%v)", d.Audit, d.AuditSum, c.Length, c.Sum, err)
	}
	return out
}

// outline is what of some records matters to a test.
func outline(records []state.AuditRecord) (out []string) {
	for _, r := range records {
		s := fmt.Sprintf("%s by %s at %d: %s", r.Kind, r.Who, r.Next.Offset, r.Mode)
		if r.Version != nil {
			s += fmt.Sprintf(", version %d", r.Version.Number)
		}
		if r.Cause != "" {
			s += ", " + r.From + " ended by " + r.Cause
		}
		if r.Alarm != nil {
			s += " of " + r.Alarm.Detector
		}
		if r.Command != "" {
			s += ", " + r.Command
		}
		if r.Error != "" {
			s += " refused"
		}
		out = append(out, s)
	}
	return out
}

// Everything that happens leaves its record, in its order.
func TestAuditTrail(t *testing.T) {
	c := audited(t)
	l, s := newLearner(t, c), sim.Fraud(1)
	feed(l, s, 55)
	l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze, Who: "ana@ops", Why: "test", At: 1_700_000_000_000})
	l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze, Who: "ana@ops", Why: "test", At: 1_700_000_000_000}) // no second record
	l.Apply(state.Command{ID: "2", Kind: "explode", Who: "eve"})
	feed(l, s, 100)
	l.Apply(state.Command{ID: "3", Kind: learner.CommandUnfreeze, Who: "ana@ops", Why: "done"})

	snap := l.Snapshot()
	c.Settings, c.Binary = "guard.recovery=manual\nlearner.bits=7\n", "test 2"
	l, err := learner.Restore(c, snap)
	if err != nil {
		t.Fatal(err)
	}
	records := chainOf(t, l.Snapshot())
	want := []string{
		"init by automation at 0: learning",
		"publish by automation at 40: learning, version 1",
		"publish by automation at 50: learning, version 2",
		"command by ana@ops at 55: frozen, freeze",
		"freeze by ana@ops at 55: frozen, learning ended by operator",
		"restore by ana@ops at 55: frozen, version 2",
		"command by eve at 55: frozen, explode refused",
		"command by ana@ops at 155: learning, unfreeze",
		"recovery by ana@ops at 155: learning, frozen ended by operator",
		"restore by ana@ops at 155: learning, version 2",
		"binary by automation at 155: learning",
		"config by automation at 155: learning",
	}
	if diff := cmp.Diff(want, outline(records)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if v := *records[5].Version; v != snap.Current.Version || v.Parent != 1 || v.Sum.IsZero() {
		t.Errorf("restored %+v, published %+v", v, snap.Current.Version)
	}
	if r := records[3]; r.Why != "test" || r.Given != 1_700_000_000_000 || r.ID != "1" || r.Fed != 55 || r.At == 0 {
		t.Errorf("command recorded as %+v", r)
	}
	if r := records[10]; r.Binary != "test 2" || r.Why != "was test any" {
		t.Errorf("program recorded as %+v", r)
	}
	if r := records[11]; r.Why != "guard.recovery: stored cooldown, configured manual" || r.Config == records[0].Config {
		t.Errorf("settings recorded as %+v", r)
	}
}

func TestAlarmsAndWaysBackAreRecorded(t *testing.T) {
	l, s := newLearner(t, audited(t)), sim.Fraud(1)
	feed(l, s, 1000)
	for i := range 1000 {
		value := s.Next(nil)
		if i%2 == 0 {
			value = []byte("not json")
		}
		l.Feed(learner.Record{Offset: l.Next().Offset, Value: value})
	}
	feed(l, s, 500)
	var got []string
	for _, r := range chainOf(t, l.Snapshot()) {
		if r.Alarm != nil && (r.Kind != state.AuditFreeze || r.Alarm.Statistic < r.Alarm.Threshold || r.Why == "") {
			t.Errorf("alarm recorded as %+v", r)
		}
		got = append(got, r.Kind)
	}
	frozen := slices.Index(got, state.AuditFreeze)
	if frozen < 0 {
		t.Fatalf("half of the records were refused, and no freeze is recorded: %q", got)
	}
	if !slices.Contains(got[frozen:], state.AuditRecovery) {
		t.Errorf("the learner is %s again, and no way back is recorded: %q", l.Mode(), got[frozen:])
	}
}

// What a failover can take away stays at hand, and no more.
func TestStoredAuditRecordsAreForgotten(t *testing.T) {
	l, s := newLearner(t, audited(t)), sim.Fraud(1)
	feed(l, s, 400)
	for i := range 200 {
		l.Apply(state.Command{ID: fmt.Sprint(i), Kind: "explode"})
	}
	all := l.Snapshot()
	chainOf(t, all)
	end, _ := all.Audit.End()
	l.Saved(all)
	tail := l.Snapshot()
	if len(tail.Audit.Entries) != state.AuditTail || string(tail.Head) != string(all.Head) {
		t.Errorf("%d of %d records are at hand after they were stored, want %d", len(tail.Audit.Entries), end, state.AuditTail)
	}
	chainOf(t, tail)
	l.Apply(state.Command{ID: "last", Kind: "explode"})
	if got := l.Snapshot().Audit; len(got.Entries) != state.AuditTail+1 {
		t.Errorf("%d records at hand, want one more", len(got.Entries))
	}

	// A restart goes on with what the store gave, or with the hash alone.
	for name, given := range map[string]*state.Trail{"tail": tail.Audit, "nothing": nil, "another chain": {From: 3, Sum: state.SumOf(nil)}} {
		snap := *tail
		snap.Audit = given
		r, err := learner.Restore(audited(t), &snap)
		if err != nil {
			t.Fatal(err)
		}
		r.Apply(state.Command{ID: "last", Kind: "explode"})
		n, sum := l.Snapshot().Audit.End()
		if got, gotSum := r.Snapshot().Audit.End(); got != n || gotSum != sum {
			t.Errorf("restored with %s: the chain ends with %d %s, want %d %s", name, got, gotSum, n, sum)
		}
		want := 1
		if name == "tail" {
			want = state.AuditTail + 1
		}
		if got := len(r.Snapshot().Audit.Entries); got != want {
			t.Errorf("restored with %s: %d records at hand, want %d", name, got, want)
		}
	}
}

func TestAReplayKeepsNoTrail(t *testing.T) {
	c := audited(t)
	c.Audit = false
	l, s := newLearner(t, c), sim.Fraud(1)
	feed(l, s, 200)
	if got := l.Snapshot(); got.Audit != nil || got.Current == nil {
		t.Errorf("trail %+v, published %+v", got.Audit, got.Current)
	}
	c.Audit = true
	l, err := learner.Restore(c, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if got := outline(chainOf(t, l.Snapshot())); len(got) != 1 || got[0] != "init by automation at 200: learning" {
		t.Errorf("a state without a trail goes on with %q", got)
	}
}

// A version that is proven while readers are held is not called published, and
// what moves readers names the version that they get.
func TestHoldsAreRecorded(t *testing.T) {
	both(t, func(t *testing.T, cfg learner.Config) {
		cfg.Audit = true
		w := newOwner(t, cfg)
		w.feed(70)
		_, old := w.version(fmt.Sprint(w.kept()[0].Number))
		w.must(learner.CommandPin, old)
		w.must(learner.CommandRollback, old)
		w.feed(20)
		_, middle := w.version(fmt.Sprint(w.kept()[2].Number))
		w.must(learner.CommandPromote, middle)
		w.feed(10)
		w.must(learner.CommandRollback, old)
		w.must(learner.CommandPromote, state.Args{})
		if answer := w.order(learner.CommandPromote, state.Args{}); answer == "" {
			t.Error("a promotion without a hold was not refused")
		}
		w.must(learner.CommandRollback, state.Args{Version: old.Version, Sum: old.Sum, Restore: true})

		chain, err := w.store.Audit(t.Context(), heldKey, 0, 100)
		if err != nil || chain.Verify() != nil {
			t.Fatalf("%v, %v", chain.Verify(), err)
		}
		var records []state.AuditRecord
		for _, data := range chain.Records {
			r, err := state.ParseAudit(data)
			if err != nil {
				t.Fatal(err)
			}
			if r.Next.Offset >= 70 {
				records = append(records, r)
			}
		}
		want := []string{
			"publish by automation at 70: learning, version 4",
			"command by ana at 70: learning, pin",
			"command by ana at 70: learning, rollback",
			"rollback by ana at 70: learning, version 1",
			"proven by automation at 80: learning, version 5",
			"proven by automation at 90: learning, version 6",
			"command by ana at 90: learning, promote",
			"promotion by ana at 90: learning, version 3",
			"publish by automation at 100: learning, version 7",
			"command by ana at 100: learning, rollback",
			"rollback by ana at 100: learning, version 1",
			"command by ana at 100: learning, promote",
			"promotion by ana at 100: learning, version 7",
			"command by ana at 100: learning, promote refused",
			"command by ana at 100: learning, rollback",
			"restore by ana at 100: learning, version 1",
			"rollback by ana at 100: learning, version 1",
		}
		if diff := cmp.Diff(want, outline(records)); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		if r := records[3]; r.Version.Sum != old.Sum || records[2].Args != old {
			t.Errorf("rollback to %+v recorded as %+v and %+v", old, records[2].Args, r.Version)
		}
	})
}
