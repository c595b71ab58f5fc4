package conform

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// keeps fails unless exactly the versions with these numbers are kept.
func (c *storeCase) keeps(want ...uint64) {
	c.Helper()
	kept, err := c.Versions(c.ctx(), c.key)
	if err != nil {
		c.Fatal(err)
	}
	var got []uint64
	for i := range kept {
		got = append(got, kept[i].Number)
	}
	if !slices.Equal(got, want) {
		c.Fatalf("kept are %v, want %v", got, want)
	}
}

// serves fails unless readers are served that version in that mode.
func (c *storeCase) serves(number uint64, mode string) {
	c.Helper()
	p, err := c.Current(c.ctx(), c.key)
	if err != nil || p.Number != number || p.Mode != mode {
		c.Fatalf("readers are served %+v, %v; want version %d, %s", p, err, number, mode)
	}
}

func (c *storeCase) keep(claim state.Claim, s *state.Snapshot, keep int) {
	c.Helper()
	if err := c.Save(c.ctx(), c.key, claim, s.Seq-1, s, keep); err != nil {
		c.Fatalf("save %d: %v", s.Seq, err)
	}
}

// testHold: while readers are held at a version, newer ones are kept beside it.
func testHold(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	a, b, base, change := blob("a"), blob("b"), blob("base"), blob("change")
	m := manifest(base, change)
	all := []state.Blob{a, b, base, change, m}
	c.keep(claim, publish(snapshot(1, a), 1, a), 1)
	hold := func(seq, number uint64, also state.Blob, parts ...state.Blob) *state.Snapshot {
		s := publish(snapshot(seq), 1, a)
		s.Current.Version, s.Current.Mode = publish(snapshot(1), 1, a).Current.Version, state.ModeHeld
		k := state.Kept{Version: publish(snapshot(seq), number, also).Current.Version}
		s.Blobs = append([]state.Blob{also}, parts...)
		for _, p := range parts {
			k.Parts = append(k.Parts, p.Sum)
		}
		s.Also = []state.Kept{k}
		return s
	}
	lacking := hold(2, 2, m, base)
	lacking.Also[0].Parts = append(lacking.Also[0].Parts, change.Sum)
	c.refused(c.Save(t.Context(), c.key, claim, 1, lacking, 1), state.ErrBlobs)
	c.keep(claim, hold(2, 2, m, base, change), 1)
	c.keeps(1, 2)
	c.serves(1, state.ModeHeld)
	c.holds(all, a, base, change, m)
	c.keep(claim, hold(3, 3, b), 1)
	c.keeps(1, 3)
	c.holds(all, a, b)
	c.keep(claim, publish(snapshot(4), 3, b), 1)
	c.keeps(3)
	c.serves(3, "learning")
	c.holds(all, b)
	nothing := snapshot(5)
	nothing.Also = hold(5, 5, a).Also
	if c.Save(t.Context(), c.key, claim, 4, nothing, 1) == nil {
		t.Error("a version was kept where nothing is published")
	}
}

// testMarks: versions with a mark stay, and so do protected ones for one save.
func testMarks(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	save := func(seq uint64, edit func(*state.Snapshot)) {
		t.Helper()
		b := blob(string(rune('a' + seq)))
		s := publish(snapshot(seq, b), seq, b)
		edit(s)
		c.keep(claim, s, 2)
		got, err := c.Marks(t.Context(), c.key)
		if diff := cmp.Diff(s.Marks, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("marks: %v (-want +got):\n%s", err, diff)
		}
	}
	of := func(n uint64) state.Sum { return blob(string(rune('a' + n))).Sum }
	one := []state.Mark{{Number: 1, Sum: of(1), Pinned: true, Labels: []string{"first", "other"}}, {Number: 99, Sum: of(9), Labels: []string{"gone"}}}
	save(1, func(*state.Snapshot) {})
	save(2, func(s *state.Snapshot) { s.Marks = one })
	save(3, func(s *state.Snapshot) { s.Marks, s.Protect = one, []state.Args{{Version: 2, Sum: of(2)}} })
	save(4, func(s *state.Snapshot) { s.Marks, s.Protect = one, []state.Args{{Version: 2, Sum: of(2)}} })
	c.keeps(1, 2, 3, 4)
	save(5, func(s *state.Snapshot) { s.Marks = one[:1] })
	c.keeps(1, 4, 5)
	save(6, func(*state.Snapshot) {})
	c.keeps(5, 6)
	n := uint64(6)
	c.hinted("other marks", func() {
		n++
		last := publish(snapshot(6), 6, blob("g")).Current.Version
		save(n, func(s *state.Snapshot) {
			s.Current.Version = last
			s.Current.Sum, s.Marks = of(6), []state.Mark{{Number: 6, Sum: of(6), Pinned: n%2 == 0}}
			s.Marks[0].Labels = []string{"x"}
		})
	})
}

// testSpan: of older versions a few stay over a span of event time.
func testSpan(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	var want []state.Version
	for n := uint64(1); n <= 60; n++ {
		b := blob(string(rune('a' + n)))
		s := publish(snapshot(n, b), n, b)
		s.Current.Created, s.KeepFor = -3_000+100*int64(n), 1_000
		c.keep(claim, s, 4)
		want = state.Retain(append(want, s.Current.Version), 4, s.KeepFor, func(*state.Version) bool { return false })
		got, err := c.Versions(t.Context(), c.key)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("after version %d: %v (-want +got):\n%s", n, err, diff)
		}
	}
	if len(want) <= 4 {
		t.Errorf("%d versions are kept: the span keeps none", len(want))
	}
}

// testForce: readers that were moved by force stay until the command is answered.
func testForce(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	blobs := []state.Blob{blob("a"), blob("b"), blob("c"), blob("d")}
	published := func(seq uint64) *state.Snapshot { return publish(snapshot(seq, blobs[seq-1]), seq, blobs[seq-1]) }
	c.keep(claim, published(1), 1)
	c.keep(claim, published(2), 2)
	back := state.Pointer{Version: published(1).Current.Version, Mode: state.ModeHeld, Policy: state.PolicyBaseline}
	cmd := state.Command{ID: "r-1", Kind: "rollback", Args: state.Args{Version: 1, Sum: blobs[0].Sum, Forced: true, Arm: "b", Cap: .5, Policy: state.PolicyBaseline}}
	gone := back
	gone.Number = 7
	c.refused(c.Force(t.Context(), c.key, cmd, gone), state.ErrNotFound)
	c.refused(c.Force(t.Context(), state.Key{Model: c.key.Model, Partition: 9}, cmd, back), state.ErrNotFound)
	quiet := cmd
	quiet.Args.Forced = false
	if c.Force(t.Context(), c.key, quiet, back) == nil {
		t.Error("an unforced command was accepted")
	}
	c.serves(2, "learning")
	for range 2 { // the second is a retry
		if err := c.Force(t.Context(), c.key, cmd, back); err != nil {
			t.Fatal(err)
		}
	}
	c.serves(1, state.ModeHeld)
	if in, err := c.Inbox(t.Context(), c.key); err != nil || len(in) != 1 || in[0] != cmd {
		t.Fatalf("inbox: %+v, %v", in, err)
	}
	other := published(3)
	other.Done = []state.Ack{{ID: "other"}}
	c.keep(claim, other, 1) // the owner does not know yet
	c.serves(1, state.ModeHeld)
	c.keeps(1, 3)
	later := ours
	later.Generation++
	claim, snap := c.claim(later) // nor does its successor
	if snap.Current == nil || !snap.Current.Equal(back) {
		t.Errorf("the successor finds that readers are served %+v", snap.Current)
	}
	held := published(4)
	held.Also = []state.Kept{{Version: held.Current.Version}}
	held.Current, held.Done = &back, []state.Ack{{ID: cmd.ID}}
	c.keep(claim, held, 1)
	c.serves(1, state.ModeHeld)
	c.keeps(1, 4)
	if err := c.Force(t.Context(), c.key, cmd, back); err != nil { // a retry after the answer
		t.Fatal(err)
	}
	s := published(4)
	s.Seq = 5
	c.keep(claim, s, 1)
	c.serves(4, "learning")
	c.keeps(4)
}

// testStart: a command may be the beginning of a partition that nobody has claimed.
func testStart(t *testing.T, c *storeCase) {
	b := blob("exported")
	if err := c.Upload(t.Context(), c.key, b); err != nil {
		t.Fatal(err)
	}
	bad := b
	bad.Sum[0]++
	if c.Upload(t.Context(), c.key, bad) == nil {
		t.Error("a damaged blob was accepted")
	}
	begin := state.Command{ID: "i-1", Kind: state.CommandImport, Args: state.Args{Sum: b.Sum}}
	c.refused(c.Send(t.Context(), c.key, begin), state.ErrNotFound)
	begin.Args.Restore = true
	if err := c.Send(t.Context(), c.key, begin); err != nil {
		t.Fatal(err)
	}
	if in, err := c.Inbox(t.Context(), c.key); err != nil || len(in) != 1 || in[0] != begin {
		t.Fatalf("inbox: %+v, %v", in, err)
	}
	if _, claim, err := c.State(t.Context(), c.key); !errors.Is(err, state.ErrNotFound) || claim != (state.Claim{}) {
		t.Errorf("state before the first claim: %+v, %v", claim, err)
	}
	if p, err := c.Partitions(t.Context(), c.key.Model); err != nil || len(p) != 0 {
		t.Errorf("partitions before the first save: %v, %v", p, err)
	}
	claim, s := c.claim(ours)
	if want := (state.Claim{Owner: ours, Number: 1}); claim != want || s != nil {
		t.Fatalf("first claim: %+v with snapshot %+v, want %+v and none", claim, s, want)
	}
	if data, err := c.Blob(t.Context(), c.key, b.Sum); err != nil || string(data) != string(b.Data) {
		t.Fatalf("uploaded blob: %q, %v", data, err)
	}
	first := publish(snapshot(1), 1, b) // the save refers to what was uploaded
	first.Refs, first.Done = []state.Sum{b.Sum}, []state.Ack{{ID: begin.ID}}
	c.keep(claim, first, 1)
	c.serves(1, "learning")
	c.holds([]state.Blob{b}, b)
}
