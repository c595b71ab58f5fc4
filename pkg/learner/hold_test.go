package learner_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

var heldKey = state.Key{Model: "fraud", Partition: 3}

// owner runs a learner on a store, as a shell does.
type owner struct {
	*testing.T
	*learner.Learner
	cfg    learner.Config
	store  *state.Mem
	stream *sim.FraudStream
	claim  state.Claim
	seq    uint64
	orders int
}

// A rollback into a model that is on probation puts that version on probation.
func TestRollbackDuringAProbation(t *testing.T) {
	c := config(t)
	l, s := newLearner(t, c), sim.Fraud(1)
	feed(l, s, 700)
	old, blobs := *l.Snapshot().Current, l.Snapshot().Blobs
	feed(l, s, 300)
	l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze})
	feed(l, s, 25)
	l.Apply(state.Command{ID: "2", Kind: learner.CommandUnfreeze, Args: state.Args{Challenger: true}})
	feed(l, s, 15)
	l.ApplyTo(state.Command{ID: "3", Kind: learner.CommandRollback, Args: state.Args{Version: old.Number, Sum: old.Sum, Restore: true}},
		&state.Found{Version: old.Version, Blobs: blobs})
	if e := l.Snapshot().Done; e[len(e)-1].Error != "" || l.Mode() != learner.Recovering || l.Params() != old.Sum {
		t.Fatalf("%+v: the mode is %s, the parameters %s, want those of version %d, %s", e, l.Mode(), l.Params(), old.Number, old.Sum)
	}
	twin, err := learner.Restore(c, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	feed(l, s, 39)
	if l.Mode() != learner.Recovering {
		t.Errorf("the mode is %s before a whole probation", l.Mode())
	}
	feed(l, s, 60)
	if l.Mode() != learner.Learning && l.Mode() != learner.Frozen {
		t.Errorf("the mode is %s after a whole probation", l.Mode())
	}
	s = sim.Fraud(1)
	for range 1040 {
		s.Next(nil)
	}
	feed(twin, s, 99)
	if !bytes.Equal(l.Snapshot().Head, twin.Snapshot().Head) {
		t.Error("the restored learner went another way")
	}
}

func newOwner(t *testing.T, cfg learner.Config) *owner {
	t.Helper()
	w := &owner{T: t, cfg: cfg, store: state.NewMem(), stream: sim.Fraud(3), Learner: newLearner(t, cfg)}
	var err error
	if w.claim, _, err = w.store.Claim(t.Context(), heldKey, state.Owner{Group: "g", Generation: 1}); err != nil {
		t.Fatal(err)
	}
	return w
}

// both runs a test with parameters stored as a whole, and as a base and changes.
func both(t *testing.T, test func(*testing.T, learner.Config)) {
	t.Run("whole", func(t *testing.T) { test(t, config(t)) })
	t.Run("changes", func(t *testing.T) {
		cfg := config(t)
		cfg.WholeBytes, cfg.Fanout = 1, 2
		test(t, cfg)
	})
}

// save stores the state, and goes on from what is stored.
func (w *owner) save() {
	w.Helper()
	snap := w.Snapshot()
	w.seq++
	snap.Seq = w.seq
	if err := w.store.Save(w.Context(), heldKey, w.claim, w.seq-1, snap, w.cfg.Snapshot.Keep); err != nil {
		w.Fatal(err)
	}
	_, stored, err := w.store.Claim(w.Context(), heldKey, w.claim.Owner)
	if err != nil {
		w.Fatal(err)
	}
	l, err := learner.Restore(w.cfg, stored)
	if err != nil {
		w.Fatal(err)
	}
	if !bytes.Equal(l.Snapshot().Head, snap.Head) {
		w.Fatal("the stored state is another after it was restored")
	}
	w.Saved(snap)
	w.Learner = l
}

func (w *owner) feed(n int) {
	w.Helper()
	for range n {
		if w.Feed(learner.Record{Offset: w.Next().Offset, Value: w.stream.Next(nil)}).Save {
			w.save()
		}
	}
}

// order gives a command and returns the answer's error.
func (w *owner) order(kind string, a state.Args) string {
	w.Helper()
	w.orders++
	c := state.Command{ID: fmt.Sprint("order-", w.orders), Kind: kind, Who: "ana", Why: "test", Args: a}
	f, err := state.Find(w.Context(), w.store, heldKey, a)
	if err != nil {
		w.Fatal(err)
	}
	w.ApplyTo(c, f)
	snap := w.Snapshot()
	w.save()
	return snap.Done[len(snap.Done)-1].Error
}

func (w *owner) must(kind string, a state.Args) {
	w.Helper()
	if answer := w.order(kind, a); answer != "" {
		w.Fatalf("%s %+v: %s", kind, a, answer)
	}
}

// refused fails unless the order is refused, with no trace but in the journal.
func (w *owner) refused(want, kind string, a state.Args) {
	w.Helper()
	before := *w.Snapshot()
	answer := w.order(kind, a)
	after := *w.Snapshot()
	if !strings.Contains(answer, want) {
		w.Errorf("%s %+v: answer %q, want %q", kind, a, answer, want)
	}
	before.Head, after.Head, before.Done, after.Done = nil, nil, nil, nil
	if before.Digest() != after.Digest() {
		w.Errorf("%s %+v was refused, but changed what is stored", kind, a)
	}
}

func (w *owner) kept() []state.Version {
	w.Helper()
	kept, err := w.store.Versions(w.Context(), heldKey)
	if err != nil {
		w.Fatal(err)
	}
	return kept
}

// version finds the kept version that is called so.
func (w *owner) version(ref string) (state.Version, state.Args) {
	w.Helper()
	marks, err := w.store.Marks(w.Context(), heldKey)
	if err != nil {
		w.Fatal(err)
	}
	v, err := state.FindVersion(w.kept(), marks, ref)
	if err != nil {
		w.Fatal(err)
	}
	return *v, state.Args{Version: v.Number, Sum: v.Sum}
}

// serves fails unless readers are served that version.
func (w *owner) serves(number uint64, mode string) {
	w.Helper()
	p, err := w.store.Current(w.Context(), heldKey)
	if err != nil || p.Number != number || p.Mode != mode {
		w.Fatalf("readers are served version %d, %s, %v; want %d, %s", p.Number, p.Mode, err, number, mode)
	}
	if champion, _ := w.version(state.LabelChampion); champion.Number != number {
		w.Errorf("champion is version %d, served %d", champion.Number, number)
	}
}

// A rollback holds readers, whatever the learner and its guard do, until a promotion.
func TestRollbackHoldsUntilPromoted(t *testing.T) {
	both(t, func(t *testing.T, cfg learner.Config) {
		w := newOwner(t, cfg)
		w.feed(150)
		plain := newOwner(t, cfg)
		plain.feed(150)
		old, args := w.version(fmt.Sprint(w.kept()[1].Number))
		w.must(learner.CommandRollback, args)
		w.serves(old.Number, state.ModeHeld)
		w.feed(100)
		plain.feed(100)
		w.serves(old.Number, state.ModeHeld)
		if w.Params() != plain.Params() {
			t.Error("a rollback without restore changed what is learned")
		}
		newest, _ := w.version(state.LabelLastGood)
		if want, _ := plain.version(state.LabelLastGood); !newest.Same(&want) {
			t.Errorf("the newest proven version is %d, without the hold %d", newest.Number, want.Number)
		}
		if s := w.Stats(); s.Held != old.Number || s.Published != newest.Number {
			t.Errorf("stats %+v", s)
		}

		w.must(learner.CommandFreeze, state.Args{})
		w.serves(old.Number, state.ModeHeld)
		w.feed(80)
		w.must(learner.CommandUnfreeze, state.Args{})
		w.feed(80)
		w.serves(old.Number, state.ModeHeld)

		newest, _ = w.version(state.LabelLastGood)
		w.must(learner.CommandPromote, state.Args{})
		w.serves(newest.Number, "learning")
		w.feed(60)
		later, _ := w.version(state.LabelLastGood)
		if later.Number == newest.Number {
			t.Fatal("no later version was proven")
		}
		w.serves(later.Number, "learning")
		w.refused("no version is held", learner.CommandPromote, state.Args{})
	})
}

// With restore the model goes on from the version, which is the last good one from then on.
func TestRollbackRestores(t *testing.T) {
	both(t, func(t *testing.T, cfg learner.Config) {
		w := newOwner(t, cfg)
		w.feed(150)
		old, args := w.version(fmt.Sprint(w.kept()[0].Number))
		data, _, _, err := state.Parameters(t.Context(), w.store, heldKey, old.Sum, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := cfg.Model()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.UnmarshalBinary(data[0]); err != nil {
			t.Fatal(err)
		}
		if err := learner.Change(m, data[1:]...); err != nil {
			t.Fatal(err)
		}
		whole, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		args.Restore = true
		w.must(learner.CommandRollback, args)
		w.serves(old.Number, state.ModeHeld)
		if w.Params() != state.SumOf(whole) {
			t.Error("the model was not restored")
		}
		w.feed(20)
		w.must(learner.CommandFreeze, state.Args{})
		if w.Params() != state.SumOf(whole) {
			t.Error("a freeze restored another version than the one of the rollback")
		}
		w.must(learner.CommandUnfreeze, state.Args{})
		w.feed(60)
		newest, _ := w.version(state.LabelLastGood)
		if newest.Number <= old.Number+1 || newest.Parent < old.Number {
			t.Errorf("newest version %+v after a restore of version %d", newest, old.Number)
		}
		first := w.kept()[slices.IndexFunc(w.kept(), func(v state.Version) bool { return v.Next.Offset > 150 })]
		if first.Parent != old.Number {
			t.Errorf("version %d has parent %d, want %d", first.Number, first.Parent, old.Number)
		}
	})
}

// What was promoted by number is served until the next version is proven.
func TestPromoteAVersion(t *testing.T) {
	both(t, func(t *testing.T, cfg learner.Config) {
		w := newOwner(t, cfg)
		w.feed(150)
		kept := w.kept()
		at := func(i int) state.Args { return state.Args{Version: kept[i].Number, Sum: kept[i].Sum} }
		w.refused("hold them at an older one with rollback", learner.CommandPromote, at(2))
		w.must(learner.CommandRollback, at(2))
		w.refused("go back with rollback", learner.CommandPromote, at(1))
		w.must(learner.CommandPromote, at(3))
		w.serves(kept[3].Number, "learning")
		w.feed(30)
		newest, _ := w.version(state.LabelLastGood)
		w.serves(newest.Number, "learning")
		if s := w.Stats(); s.Held != 0 {
			t.Errorf("version %d is held", s.Held)
		}
	})
}

func TestPinsAndLabels(t *testing.T) {
	cfg := config(t)
	w := newOwner(t, cfg)
	w.refused("not kept", learner.CommandPin, state.Args{Version: 1, Sum: state.Sum{1}})
	w.refused("not kept", learner.CommandRollback, state.Args{Version: 1, Sum: state.Sum{1}})
	w.feed(100)
	pinned, pin := w.version(fmt.Sprint(w.kept()[0].Number))
	named, name := w.version(fmt.Sprint(w.kept()[1].Number))
	w.must(learner.CommandPin, pin)
	name.Label = "before-migration"
	w.must(learner.CommandLabel, name)
	w.must(learner.CommandLabel, name) // again
	w.feed(300)
	if kept := w.kept(); len(kept) != cfg.Snapshot.Keep+2 || kept[0] != pinned || kept[1] != named {
		t.Fatalf("kept are %d versions from %d on, want the pinned and the named one beside the newest %d", len(kept), kept[0].Number, cfg.Snapshot.Keep)
	}
	if v, _ := w.version("before-migration"); v != named {
		t.Errorf("the label is at version %d", v.Number)
	}
	moved := state.Args{Version: pin.Version, Sum: pin.Sum, Label: "before-migration"}
	w.must(learner.CommandLabel, moved)
	if kept := w.kept(); kept[0] != pinned || kept[1] == named {
		t.Error("the version stayed whose label was moved")
	}
	w.must(learner.CommandUnlabel, state.Args{Label: "before-migration"})
	w.refused("no version has the label", learner.CommandUnlabel, state.Args{Label: "before-migration"})
	w.must(learner.CommandUnpin, pin)
	w.refused("is not pinned", learner.CommandUnpin, pin)
	if kept := w.kept(); len(kept) != cfg.Snapshot.Keep {
		t.Errorf("%d versions are kept", len(kept))
	}
	_, last := w.version(state.LabelLastGood)
	for _, label := range []string{"champion", "12", "Ärger"} {
		last.Label = label
		w.refused("label", learner.CommandLabel, last)
	}
	w.refused("unknown command", "explode", state.Args{})
}

func TestMarksAreBounded(t *testing.T) {
	w := newOwner(t, config(t))
	for range state.MaxMarks {
		w.feed(10)
		for len(w.kept()) == 0 {
			w.feed(10)
		}
		_, a := w.version(state.LabelLastGood)
		w.must(learner.CommandPin, a)
	}
	w.feed(10)
	_, a := w.version(state.LabelLastGood)
	w.refused("have a pin or a label already", learner.CommandPin, a)
}

// export uploads a version of w to the store of to.
func (w *owner) export(to *owner, v *state.Version) state.Args {
	w.Helper()
	x, err := state.ReadExport(w.Context(), w.store, heldKey, v)
	if err != nil {
		w.Fatal(err)
	}
	data := x.Append(nil)
	b := state.Blob{Sum: state.SumOf(data), Data: data}
	if err := to.store.Upload(w.Context(), heldKey, b); err != nil {
		w.Fatal(err)
	}
	return state.Args{Sum: b.Sum}
}

func TestImport(t *testing.T) {
	both(t, func(t *testing.T, cfg learner.Config) {
		from := newOwner(t, cfg)
		from.feed(150)
		v, _ := from.version(state.LabelLastGood)

		// The beginning of a new partition.
		to := newOwner(t, cfg)
		args := from.export(to, &v)
		to.refused("nothing has been published yet", learner.CommandImport, args)
		args.Restore, args.Label = true, "from-blue"
		to.must(learner.CommandImport, args)
		to.serves(1, "learning")
		if got, _ := to.version("from-blue"); got.Sum != v.Sum || got.Created != v.Created || got.Guarded {
			t.Errorf("imported %+v, exported %+v", got, v)
		}
		to.feed(60)
		if newest, _ := to.version(state.LabelLastGood); newest.Number < 2 || newest.Parent < 1 {
			t.Errorf("newest version after the import: %+v", newest)
		}
		to.refused("has a state already", learner.CommandImport, args)

		// One more version, which nobody serves until an operator says so.
		args = from.export(to, &v)
		args.Label = "candidate"
		served, _ := to.version(state.LabelChampion)
		to.must(learner.CommandImport, args)
		to.serves(served.Number, "learning")
		got, back := to.version("candidate")
		if got.Sum != v.Sum || got.Number <= served.Number {
			t.Errorf("imported %+v, exported %+v", got, v)
		}
		to.feed(200)
		to.must(learner.CommandRollback, back)
		to.serves(got.Number, state.ModeHeld)

		bad := []byte("no export")
		b := state.Blob{Sum: state.SumOf(bad), Data: bad}
		if err := to.store.Upload(t.Context(), heldKey, b); err != nil {
			t.Fatal(err)
		}
		to.refused("exported version", learner.CommandImport, state.Args{Sum: b.Sum})
		to.refused("is not stored", learner.CommandImport, state.Args{Sum: state.Sum{9}})
	})
}
