package learner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// chained is config with a model that is stored as large ones are.
func chained(tb testing.TB) learner.Config {
	tb.Helper()
	c := config(tb)
	// Amounts and distances hardly ever come again: the model grows with every event.
	d, err := event.NewJSON(event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id", Categorical: []string{"amount", "km"}}, true)
	if err != nil {
		tb.Fatal(err)
	}
	c.Decoder = d
	model := sgd.Default()
	model.Bits = 11
	c.Model = func() (learner.Model, error) { return sgd.New(model) }
	c.WholeBytes, c.Fanout = 1, 3
	return c
}

// parameters returns the sum of the model that the published version of a snapshot
// stands for, and of how many parts it is made.
func parameters(t *testing.T, c learner.Config, s *state.Snapshot) (sum state.Sum, n int) {
	t.Helper()
	data := map[state.Sum][]byte{}
	for _, b := range s.Blobs {
		data[b.Sum] = b.Data
	}
	parts := [][]byte{data[s.Current.Sum]}
	if state.IsManifest(parts[0]) {
		m, err := state.ParseManifest(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.Parts[:len(m.Parts)], m.Sums()); diff != "" {
			t.Fatalf("parts of version %d (-snapshot +manifest):\n%s", s.Current.Number, diff)
		}
		parts = parts[:0]
		for _, p := range m.Parts {
			if uint64(len(data[p.Sum])) != p.Size {
				t.Fatalf("part %s has %d bytes, the manifest says %d", p.Sum, len(data[p.Sum]), p.Size)
			}
			parts = append(parts, data[p.Sum])
		}
	}
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.UnmarshalBinary(parts[0]); err != nil {
		t.Fatal(err)
	}
	if err := learner.Change(m, parts[1:]...); err != nil {
		t.Fatal(err)
	}
	whole, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return state.SumOf(whole), len(parts)
}

// Stored in parts or whole, the same versions hold the same parameters, through
// freezes and restores; and few parts make up a version.
func TestPartsMakeUpTheModel(t *testing.T) {
	wholeConfig := chained(t)
	wholeConfig.WholeBytes = 0
	whole, parts := newLearner(t, wholeConfig), newLearner(t, chained(t))
	a, b := sim.Fraud(3), sim.Fraud(3)
	most, versions, froze := 0, 0, false
	for i := range 1500 {
		if i == 700 || i == 800 {
			kind := map[int]string{700: learner.CommandFreeze, 800: learner.CommandUnfreeze}[i]
			whole.Apply(state.Command{ID: kind, Kind: kind})
			parts.Apply(state.Command{ID: kind, Kind: kind})
		}
		feed(whole, a, 1)
		if feed(parts, b, 1); parts.Mode() != whole.Mode() || parts.Params() != whole.Params() {
			t.Fatalf("record %d: parameters or mode differ", i)
		}
		froze = froze || parts.Mode() == learner.Frozen
		if i%10 != 9 || i < 50 {
			continue
		}
		want, got := whole.Snapshot(), parts.Snapshot()
		if want.Current == nil {
			continue
		}
		sum, n := parameters(t, chained(t), got)
		if got.Current.Number != want.Current.Number || sum != want.Current.Sum {
			t.Fatalf("record %d: version %d comes to %s, stored whole version %d is %s", i, got.Current.Number, sum, want.Current.Number, want.Current.Sum)
		}
		versions++
		most = max(most, n)
	}
	if !froze || most < 4 || most > 16 {
		t.Errorf("froze: %v, most parts of %d versions: %d", froze, versions, most)
	}
}

// When copies are sealed, how often the state is saved, and from which save it
// goes on after a crash: all that leaves no trace.
func TestPartsDoNotDependOnSaves(t *testing.T) {
	run := func(save func(i int, l *learner.Learner) *learner.Learner) *state.Snapshot {
		l, s := newLearner(t, chained(t)), sim.Fraud(4)
		for i := range 700 {
			feed(l, s, 1)
			l = save(i, l)
		}
		return l.Snapshot()
	}
	want := run(func(_ int, l *learner.Learner) *learner.Learner { return l })
	if _, n := parameters(t, chained(t), want); n < 2 {
		t.Fatalf("the version has %d parts: the test proves nothing", n)
	}
	var seals []func() *state.Snapshot
	var early []*state.Snapshot
	for name, save := range map[string]func(int, *learner.Learner) *learner.Learner{
		"saved often": func(i int, l *learner.Learner) *learner.Learner { l.Snapshot(); return l },
		"sealed late": func(i int, l *learner.Learner) *learner.Learner {
			if i%97 == 0 {
				seals = append(seals, l.Capture())
				early = append(early, l.Snapshot())
			}
			return l
		},
		"restored": func(i int, l *learner.Learner) *learner.Learner {
			if i%37 != 0 {
				return l
			}
			r, err := learner.Restore(chained(t), l.Snapshot())
			if err != nil {
				t.Fatal(err)
			}
			return r
		},
	} {
		if diff := cmp.Diff(want, run(save)); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
	}
	for i, seal := range seals {
		if diff := cmp.Diff(early[i], seal()); diff != "" || !cmp.Equal(early[i], seal()) {
			t.Errorf("capture %d sealed late (-early +late):\n%.2000s", i, diff)
		}
	}
}

// No part may be missing.
func TestMissingParts(t *testing.T) {
	l := newLearner(t, chained(t))
	feed(l, sim.Fraud(4), 405) // with a change since the last checkpoint
	snap := l.Snapshot()
	for i := range snap.Blobs {
		lacking := *snap
		lacking.Blobs = append(append([]state.Blob(nil), snap.Blobs[:i]...), snap.Blobs[i+1:]...)
		if _, err := learner.Restore(chained(t), &lacking); err == nil {
			t.Errorf("restored without blob %d", i)
		}
	}
}

// Copies are sealed on another goroutine while the learner learns on, freezes
// and goes back; the race detector watches.
func TestSealWhileLearning(t *testing.T) {
	l, s := newLearner(t, chained(t)), sim.Fraud(4)
	seals := make(chan func() *state.Snapshot, 1)
	sealed := make(chan *state.Snapshot, 1)
	go func() {
		defer close(sealed)
		var last *state.Snapshot
		for seal := range seals {
			last = seal()
		}
		sealed <- last
	}()
	for i := range 1000 {
		if kind, ok := map[int]string{500: learner.CommandFreeze, 600: learner.CommandUnfreeze}[i]; ok {
			l.Apply(state.Command{ID: kind, Kind: kind})
		}
		if feed(l, s, 1); i%7 == 0 {
			select {
			case seals <- l.Capture():
			default: // the saver is busy
			}
		}
	}
	seals <- l.Capture()
	close(seals)
	if diff := cmp.Diff(l.Snapshot(), <-sealed); diff != "" {
		t.Errorf("sealed on two goroutines (-here +there):\n%.2000s", diff)
	}
}
