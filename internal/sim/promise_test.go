package sim

import (
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// feed runs n events of s through l and calls see after each.
func feed(tb testing.TB, l *learner.Learner, s *FraudStream, n int, see func(*learner.Outcome)) {
	tb.Helper()
	var buf []byte
	for range n {
		buf = s.Next(buf[:0])
		o := l.Feed(learner.Record{Offset: l.Next().Offset, Value: buf})
		if o.Reject != nil && (s.Truth().Kind == Clean || s.Truth().Kind == Poisoned) {
			tb.Fatalf("event %d was refused: %v", s.Truth().N, o.Reject)
		}
		if see != nil {
			see(o)
		}
	}
}

func start(tb testing.TB, c learner.Config) *learner.Learner {
	tb.Helper()
	l, err := learner.New(c, state.Position{})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// heldOut is the mean loss of a published model on clean events that no
// learner here has seen.
func heldOut(tb testing.TB, snap *state.Snapshot, seed uint64) float64 {
	tb.Helper()
	c := fraudConfig(tb, 18, nil)
	m, err := c.Model()
	if err != nil {
		tb.Fatal(err)
	}
	for _, b := range snap.Blobs {
		if b.Sum == snap.Current.Sum {
			if err := m.UnmarshalBinary(b.Data); err != nil {
				tb.Fatal(err)
			}
		}
	}
	const skip, n = 100_000, 20_000
	s, sum := Fraud(seed), 0.
	var e event.Event
	var buf []byte
	for i := range skip + n {
		buf = s.Next(buf[:0])
		if i < skip {
			continue
		}
		if err := c.Decoder.Decode(buf, &e); err != nil {
			tb.Fatal(err)
		}
		sum += m.Predict(&e).Loss
	}
	return sum / n
}

// Flipping the labels of 5,000 events freezes the learner within 500 events,
// nothing of them is in the served parameters, and the served model stays good.
func TestPoisonIsFrozenOutAndUndone(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		const from, length = 40_000, 5_000
		s := Fraud(seed)
		s.Poison = []Episode{{From: from, To: from + length, Share: 1}}
		l := start(t, fraudConfig(t, 18, nil))
		var proven state.Sum // newest proven version
		watch := func(o *learner.Outcome) {
			if o.Proven {
				proven = l.Snapshot().Current.Sum
			}
		}
		feed(t, l, s, from, func(o *learner.Outcome) {
			if o.Alarm != nil {
				t.Fatalf("seed %d: false alarm %+v", seed, *o.Alarm)
			}
			watch(o)
		})
		if !l.Armed() {
			t.Fatalf("seed %d: the guard is not armed", seed)
		}
		before := heldOut(t, l.Snapshot(), seed)

		var changes []learner.Transition
		see := func(o *learner.Outcome) {
			if len(changes) == 0 {
				watch(o)
			}
			if o.Change != nil {
				changes = append(changes, *o.Change)
			}
		}
		feed(t, l, s, length, see)
		if len(changes) != 1 || changes[0].To != learner.Frozen || changes[0].Event > from+500 {
			t.Fatalf("seed %d: changes of mode during the episode: %+v, want one freeze within 500 events of %d", seed, changes, from)
		}
		snap := l.Snapshot()
		if c := snap.Current; c.Next.Offset > from || c.Sum != proven || l.Params() != proven {
			t.Errorf("seed %d: serves %s of offset %d and stands for %s; the last proven version is %s, the poison starts at %d",
				seed, c.Sum, c.Next.Offset, l.Params(), proven, from)
		}
		after := heldOut(t, snap, seed)
		if after > 1.05*before {
			t.Errorf("seed %d: held-out loss of the served model %.4f, before the poison %.4f: more than 5%% worse", seed, after, before)
		}
		feed(t, l, s, 30_000, see)
		if len(changes) != 2 || changes[1].Cause != "quiet" || changes[1].Restored != snap.Current.Number {
			t.Errorf("seed %d: changes of mode: %+v, want a quiet resume from version %d", seed, changes, snap.Current.Number)
		}
		t.Logf("seed %d: frozen after %d events, held-out loss of the served model %.4f before, %.4f after", seed, changes[0].Event-from, before, after)
	}
}

// On stationary streams the default guard freezes at most once in 100,000
// armed events.
func TestFalseFreezes(t *testing.T) {
	const streams, events = 5, 250_000
	armed, freezes := 0, 0
	for seed := uint64(101); seed < 101+streams; seed++ {
		l := start(t, fraudConfig(t, 18, nil))
		feed(t, l, Fraud(seed), events, func(o *learner.Outcome) {
			if o.Alarm != nil {
				freezes++
			}
			if l.Armed() {
				armed++
			}
		})
	}
	t.Logf("%d freezes in %d armed events of %d streams", freezes, armed, streams)
	if armed < 1_000_000 {
		t.Errorf("%d armed events, want at least 1,000,000", armed)
	}
	if freezes > 10 {
		t.Errorf("%d freezes, want at most 10", freezes)
	}
}

// A lasting change of the concept is frozen, put on probation and then learned.
func TestConceptChangeIsLearnedAfterProbation(t *testing.T) {
	s := Fraud(7)
	s.Changes = []Change{{At: 40_000, Degrees: 60}}
	l := start(t, fraudConfig(t, 18, nil))
	var path []string
	feed(t, l, s, 90_000, func(o *learner.Outcome) {
		if o.Change != nil {
			path = append(path, o.Change.To.String()+": "+o.Change.Cause)
		}
	})
	want := []string{"frozen: alarm", "recovering: probation", "learning: probation_passed"}
	if len(path) != len(want) {
		t.Fatalf("went through %q, want %q", path, want)
	}
	for i := range want {
		if path[i] != want[i] {
			t.Errorf("step %d is %q, want %q", i, path[i], want[i])
		}
	}
	if c := l.Snapshot().Current; c.Next.Offset < 70_000 {
		t.Errorf("still serves a version of offset %d", c.Next.Offset)
	}
}

// Malformed and extreme events are refused with a reason and leave no trace.
func TestBadRecordsChangeNothing(t *testing.T) {
	dirty, clean := Fraud(5), Fraud(5)
	a, b := start(t, fraudConfig(t, 14, nil)), start(t, fraudConfig(t, 14, nil))
	refused := 0
	var buf []byte
	for range 5_000 {
		if a.Next().Offset == 200 { // before that nobody can know what is extreme
			dirty.Malformed, dirty.Extreme = 0.05, 0.02
		}
		buf = dirty.Next(buf[:0])
		kind := dirty.Truth().Kind
		o := a.Feed(learner.Record{Offset: a.Next().Offset, Value: buf})
		if bad := kind == Malformed || kind == Extreme; bad {
			refused++
			if o.Reject == nil || o.Reject.Detail == "" {
				t.Fatalf("event %d (%s) was not refused with a reason: %s", dirty.Truth().N, kind, buf)
			}
			clean.Next(nil)
			continue
		}
		buf = clean.Next(buf[:0])
		b.Feed(learner.Record{Offset: b.Next().Offset, Value: buf})
	}
	if refused < 100 {
		t.Fatalf("only %d bad events", refused)
	}
	if a.Params() != b.Params() {
		t.Error("refused events changed the parameters")
	}
}

func BenchmarkFeed(b *testing.B) {
	const events = 20_000
	s := Fraud(3)
	values := make([][]byte, events)
	for i := range values {
		values[i] = s.Next(nil)
	}
	for name, edit := range map[string]func(*learner.Config){
		"guarded":   nil,
		"unguarded": func(c *learner.Config) { c.Guard.Enabled = false },
	} {
		b.Run(name, func(b *testing.B) {
			l := start(b, fraudConfig(b, 18, edit))
			for i := range events {
				l.Feed(learner.Record{Offset: l.Next().Offset, Value: values[i]})
			}
			if armed := l.Stats().Armed; armed != (edit == nil) {
				b.Fatalf("armed: %v", armed)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(values[0])))
			b.ResetTimer()
			for i := range b.N {
				l.Feed(learner.Record{Offset: l.Next().Offset, Value: values[i%events]})
			}
		})
	}
}
