package learner_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// history is what a partition went through: refused records, poison that
// freezes it, a freeze and an unfreeze by an operator, a restart under other
// settings, a skipped range, gaps in the offsets, kills between two saves, a
// rollback into the model, and orders that were refused.
type history struct {
	records  []learner.Record // that were learned
	skipped  []learner.Record // that were not
	stored   blobs
	versions []state.Version
	freezes  uint64
	start    int64 // offset of the first record
}

func settings(recovery string) string { return "guard.recovery=" + recovery + "\nlearner.bits=7\n" }

// with returns the configuration with these settings.
func with(c learner.Config, settings string) (learner.Config, error) {
	for line := range strings.Lines(settings) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "guard.recovery="); ok {
			c.Guard.Recovery = v
		}
	}
	c.Settings = settings
	return c, nil
}

func newHistory(t *testing.T, c learner.Config) *history {
	t.Helper()
	h := &history{stored: blobs{}, start: 5}
	s := sim.Fraud(4)
	s.Malformed, s.Poison = 0.02, []sim.Episode{{From: 1000, To: 1150, Share: 1}}
	c, _ = with(c, settings("cooldown"))
	l := newLearner(t, c)
	saved := l.Snapshot()
	save := func() { saved = h.save(l) }
	restore := func() {
		var err error
		if l, err = learner.Restore(c, saved); err != nil {
			t.Fatal(err)
		}
	}
	order := func(kind string, a state.Args) {
		var f *state.Found
		if a.Version != 0 {
			f = h.find(t, a)
		}
		l.ApplyTo(state.Command{ID: fmt.Sprint(kind, l.Next().Offset), Kind: kind, Who: "ana", Why: "test", Args: a}, f)
		save()
	}
	offset := h.start
	for i := range 2000 {
		r := learner.Record{Offset: offset, LeaderEpoch: 3, Value: s.Next(nil)}
		if offset++; i%97 == 0 {
			offset += 2 // a transaction marker, a compacted record
		}
		switch i {
		case 250:
			c, _ = with(c, settings("manual"))
			restore()
			save()
		case 300, 350:
			order(map[int]string{300: learner.CommandFreeze, 350: learner.CommandUnfreeze}[i], state.Args{})
		case 360:
			order(learner.CommandUnfreeze, state.Args{}) // refused: it is not frozen
			order("dance", state.Args{})
		case 400:
			c, _ = with(c, settings("cooldown"))
			restore()
			save()
		case 900:
			order(learner.CommandSeek, state.Args{Offset: r.Offset})
		case 1600:
			v := h.versions[len(h.versions)-3]
			order(learner.CommandRollback, state.Args{Version: v.Number, Sum: v.Sum, Restore: true})
		case 1700:
			order(learner.CommandPromote, state.Args{})
		}
		if i >= 880 && i < 900 { // the range that is skipped
			h.skipped = append(h.skipped, r)
			continue
		}
		h.records = append(h.records, r)
		if o := l.Feed(r); o.Save {
			save()
		}
		if i%113 == 112 { // kill -9, and the next owner reads again
			restore()
			for _, again := range h.records {
				if again.Offset >= l.Next().Offset && l.Feed(again).Save {
					save()
				}
			}
		}
	}
	if h.freezes = l.Stats().Freezes; h.freezes < 2 || len(h.versions) < 50 {
		t.Fatalf("%d freezes and %d versions: the test proves too little", h.freezes, len(h.versions))
	}
	return h
}

// save stores the state of l, and notes a version that it publishes.
func (h *history) save(l *learner.Learner) *state.Snapshot {
	s := l.Snapshot()
	h.stored.keep(s)
	l.Saved(s)
	if p := s.Current; p != nil && (len(h.versions) == 0 || h.versions[len(h.versions)-1].Number < p.Number) {
		h.versions = append(h.versions, p.Version)
	}
	return s
}

// find is what a shell finds in the store.
func (h *history) find(t *testing.T, a state.Args) *state.Found {
	t.Helper()
	f := &state.Found{}
	for _, v := range h.versions {
		if v.Number == a.Version && v.Sum == a.Sum {
			f.Version = v
			sums := []state.Sum{v.Sum}
			if m, err := state.ParseManifest(h.stored[v.Sum]); err == nil {
				sums = append(sums, m.Sums()...)
			}
			for _, s := range sums {
				f.Blobs = append(f.Blobs, state.Blob{Sum: s, Data: h.stored[s]})
			}
			return f
		}
	}
	f.Problem = "it is not kept"
	return f
}

// all are the records that were learned and those that were skipped.
func (h *history) all() []learner.Record {
	out := append(slices.Clone(h.records), h.skipped...)
	slices.SortFunc(out, func(a, b learner.Record) int { return int(a.Offset - b.Offset) })
	return out
}

// rebuild replays from a version (nil: from the beginning) to the last one.
func (h *history) rebuild(t *testing.T, c learner.Config, from *state.Version, records []learner.Record) (*learner.Rebuild, error) {
	t.Helper()
	r, err := h.begin(t, c, from)
	if err != nil {
		return nil, err
	}
	return r, replay(r, records)
}

func (h *history) begin(t *testing.T, c learner.Config, from *state.Version) (*learner.Rebuild, error) {
	t.Helper()
	return learner.NewRebuild(learner.RebuildConfig{
		Config: func(s string) (learner.Config, error) { return with(c, s) },
		Blob:   h.stored.fetch,
		Find:   func(a state.Args) (*state.Found, error) { return h.find(t, a), nil },
		From:   from, Start: h.start, To: h.versions[len(h.versions)-1], Between: h.versions,
	})
}

func replay(r *learner.Rebuild, records []learner.Record) error {
	for _, rec := range records {
		if rec.Offset < r.Next() || rec.Offset >= r.End() {
			continue
		}
		if err := r.Feed(rec); err != nil {
			return err
		}
	}
	return r.Finish()
}

func TestRebuildComesToTheSameVersions(t *testing.T) {
	for name, c := range map[string]learner.Config{"whole": config(t), "chained": chained(t)} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t, c)
			r, err := h.rebuild(t, c, nil, h.records)
			if err != nil || r.Same() != len(h.versions) {
				t.Fatalf("from the beginning: %d of %d versions the same, %v", r.Same(), len(h.versions), err)
			}
			for i := 0; i < len(h.versions)-1; i += 9 {
				r, err := h.rebuild(t, c, &h.versions[i], h.records)
				if err != nil || r.Same() != len(h.versions)-1-i {
					t.Fatalf("from version %d: %d versions the same of %d, %v", h.versions[i].Number, r.Same(), len(h.versions)-1-i, err)
				}
			}
		})
	}
}

// Whatever is not as it was is found, before the next version at the latest.
func TestRebuildFindsWhatDiffers(t *testing.T) {
	c := config(t)
	h := newHistory(t, c)
	around := func(offset int64) (before, after state.Version) {
		i := slices.IndexFunc(h.versions, func(v state.Version) bool { return v.Next.Offset > offset })
		return h.versions[i-1], h.versions[i]
	}
	at := func(offset int64) int {
		return slices.IndexFunc(h.records, func(r learner.Record) bool { return r.Offset >= offset })
	}
	for _, m := range []struct {
		name   string
		offset int64
		mutate func([]learner.Record, int) []learner.Record
		cause  string
	}{
		{"a changed record", 1800, func(r []learner.Record, i int) []learner.Record {
			r[i].Value = append([]byte(nil), r[i-1].Value...)
			return r
		}, "another content"},
		{"a record that is gone", 1900, func(r []learner.Record, i int) []learner.Record { return slices.Delete(r, i, i+1) }, "1 records are missing"},
	} {
		t.Run(m.name, func(t *testing.T) {
			records := slices.Clone(h.records)
			before, after := around(m.offset)
			_, err := h.rebuild(t, c, nil, m.mutate(records, at(m.offset)))
			var d *learner.Divergence
			if !errors.As(err, &d) {
				t.Fatalf("got %v, want a divergence", err)
			}
			if d.First != before.Next.Offset || d.Last != after.Next.Offset-1 || d.Want.Number != after.Number {
				t.Errorf("found between %d and %d at version %d, want %d to %d at %d", d.First, d.Last, d.Want.Number, before.Next.Offset, after.Next.Offset-1, after.Number)
			}
			if !strings.Contains(strings.Join(d.Causes, "; "), m.cause) {
				t.Errorf("causes %q, want one about %q", d.Causes, m.cause)
			}
		})
	}
}

func TestRebuildFindsDroppedEntries(t *testing.T) {
	c := config(t)
	h := newHistory(t, c)
	for _, kind := range []string{learner.CommandFreeze, learner.CommandUnfreeze, learner.EntryConfig, learner.CommandRollback, learner.CommandSeek} {
		r, err := h.begin(t, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		dropped := r.DropEntry(kind)
		err = replay(r, h.all())
		var d *learner.Divergence
		// A change of the way back from a freeze shows when it is changed again.
		if !errors.As(err, &d) || d.Last < dropped.Offset || d.First > dropped.Offset+160 {
			t.Errorf("without the %s at offset %d: %v", kind, dropped.Offset, err)
		}
	}
}

// Records of a skipped range are not learned, whether the log has them or not.
func TestRebuildHonoursSkippedRanges(t *testing.T) {
	c := config(t)
	h := newHistory(t, c)
	if r, err := h.rebuild(t, c, nil, h.all()); err != nil || r.Same() != len(h.versions) {
		t.Errorf("with the skipped records in the log: %d versions the same, %v", r.Same(), err)
	}
	i := slices.IndexFunc(h.versions, func(v state.Version) bool { return v.Next.Offset > h.skipped[0].Offset })
	r, err := h.begin(t, c, &h.versions[i-1]) // which ends where the range begins
	if err != nil {
		t.Fatal(err)
	}
	if want := h.skipped[len(h.skipped)-1].Offset + 1; r.Next() != want {
		t.Errorf("the replay needs records from offset %d on, want %d", r.Next(), want)
	}
}

func TestRebuildSaysWhatItCannotDo(t *testing.T) {
	c := config(t)
	h := newHistory(t, c)
	last := h.versions[len(h.versions)-1]
	for name, m := range map[string]struct {
		edit func(*learner.RebuildConfig)
		want string
	}{
		"imported": {func(r *learner.RebuildConfig) { r.To.State = state.Sum{} }, "was not made from records"},
		"too late": {func(r *learner.RebuildConfig) { r.From, r.To = &last, h.versions[0] }, "begin at offset"},
		"gone":     {func(r *learner.RebuildConfig) { r.Blob = blobs{}.fetch }, "state of version"},
	} {
		cfg := learner.RebuildConfig{
			Config: func(s string) (learner.Config, error) { return with(c, s) }, Blob: h.stored.fetch,
			From: &h.versions[0], To: last,
		}
		m.edit(&cfg)
		if _, err := learner.NewRebuild(cfg); err == nil || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, m.want)
		}
	}
	// The topic was made anew.
	l, f, stored := newLearner(t, c), sim.Fraud(4), blobs{}
	feed(l, f, 200)
	l.Apply(state.Command{ID: "1", Kind: learner.CommandSeek, Who: "ann", Args: state.Args{Lost: true}})
	feed(l, f, 200)
	stored.keep(l.Snapshot())
	_, err := learner.NewRebuild(learner.RebuildConfig{
		Config: func(s string) (learner.Config, error) { return with(c, s) }, Blob: stored.fetch, To: l.Snapshot().Current.Version,
	})
	if !errors.Is(err, learner.ErrJournal) || !strings.Contains(err.Error(), "another log") {
		t.Errorf("over the beginning of another log: %v", err)
	}
	// The version that a rollback put into the model is gone.
	kept := h.versions
	h.versions = kept[len(kept)-30:]
	i := slices.IndexFunc(kept, func(v state.Version) bool { return v.Next.Offset > 1500 })
	if _, err := h.rebuild(t, c, &kept[i], h.records); !errors.Is(err, learner.ErrJournal) {
		t.Errorf("a rollback to a version that is gone: %v", err)
	}
}

// A state has the last 256 entries of the journal: older ones are in versions on the way.
func TestRebuildCollectsTheJournal(t *testing.T) {
	c := config(t)
	l, s, stored := newLearner(t, c), sim.Fraud(4), blobs{}
	var versions []state.Version
	var records []learner.Record
	for i := range 800 {
		if i > 100 && i < 700 && i%10 == 5 {
			for k := range 6 {
				l.Apply(state.Command{ID: fmt.Sprint(i, k), Kind: learner.CommandUnfreeze})
			}
		}
		r := learner.Record{Offset: int64(i), Value: s.Next(nil)}
		records = append(records, r)
		if l.Feed(r).Proven {
			snap := l.Snapshot()
			stored.keep(snap)
			versions = append(versions, snap.Current.Version)
		}
	}
	h := history{records: records, stored: stored, versions: versions}
	if r, err := h.rebuild(t, c, nil, records); err != nil || r.Same() != len(versions) {
		t.Errorf("%d of %d versions the same: %v", r.Same(), len(versions), err)
	}
	h.versions = []state.Version{versions[0], versions[len(versions)-1]}
	if _, err := h.rebuild(t, c, &versions[0], records); !errors.Is(err, learner.ErrJournal) {
		t.Errorf("without the versions on the way: %v", err)
	}
}
