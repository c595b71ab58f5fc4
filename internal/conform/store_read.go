package conform

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/state"
)

func testCurrent(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	a, b := blob("a"), blob("b")
	c.save(claim, snapshot(1, a))
	if _, err := c.Current(t.Context(), c.key); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("current before anything was published: %v", err)
	}
	s := publish(snapshot(2, a, b), 1, a)
	c.save(claim, s)
	expect := func(want state.Pointer) {
		t.Helper()
		if got, err := c.Current(t.Context(), c.key); err != nil || !got.Equal(want) {
			t.Errorf("current %+v, %v; want %+v", got, err, want)
		}
	}
	expect(*s.Current)
	s = publish(snapshot(3, a, b), 1, a)
	s.Current.Mode = "frozen" // the mode alone
	c.save(claim, s)
	expect(*s.Current)
	s = publish(snapshot(4, a, b), 1, a)
	s.Current.Schema = []byte(`{"format":"csv"}`) // the schema alone
	c.save(claim, s)
	expect(*s.Current)
	still := snapshot(5, a, b) // a save without a pointer leaves it
	c.save(claim, still)
	expect(*s.Current)
	still.Current = s.Current
	c.stored(ours, still)
}

func testInbox(t *testing.T, c *storeCase) {
	freeze := state.Command{ID: "f-1", Kind: "freeze", Who: "Zoë", Why: `"quoted", {braces} and ✓`, At: 1_700_000_000_123}
	unfreeze := state.Command{ID: "u-1", Kind: "unfreeze", Who: "ops"}
	c.refused(c.Send(t.Context(), c.key, freeze), state.ErrNotFound)
	claim, _ := c.claim(ours)
	inbox := func(want ...state.Command) {
		t.Helper()
		got, err := c.Inbox(t.Context(), c.key)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("inbox: %v (-want +got):\n%s", err, diff)
		}
	}
	inbox()
	for _, cmd := range []state.Command{freeze, unfreeze, freeze} { // the third is a retry
		if err := c.Send(t.Context(), c.key, cmd); err != nil {
			t.Fatal(err)
		}
	}
	inbox(freeze, unfreeze)
	if _, err := c.Ack(t.Context(), c.key, freeze.ID); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("answer before the save: %v", err)
	}
	s := snapshot(1)
	s.Done = []state.Ack{{ID: freeze.ID, Offset: 100}, {ID: "unheard-of", Offset: 100, Error: "refused: ✗"}}
	c.save(claim, s)
	inbox(unfreeze)
	for _, want := range s.Done {
		if got, err := c.Ack(t.Context(), c.key, want.ID); err != nil || got != want {
			t.Errorf("answer %+v, %v; want %+v", got, err, want)
		}
	}
	if err := c.Send(t.Context(), c.key, freeze); err != nil { // a retry after the answer
		t.Fatal(err)
	}
	inbox(unfreeze)
}

func testNothing(t *testing.T, c *storeCase) {
	_, _, err := c.State(t.Context(), c.key)
	c.refused(err, state.ErrNotFound)
	_, err = c.Current(t.Context(), c.key)
	c.refused(err, state.ErrNotFound)
	_, err = c.Blob(t.Context(), c.key, state.SumOf(nil))
	c.refused(err, state.ErrNotFound)
	if v, err := c.Versions(t.Context(), c.key); err != nil || len(v) != 0 {
		t.Errorf("versions of nothing: %v, %v", v, err)
	}
	if p, err := c.Partitions(t.Context(), c.key.Model); err != nil || len(p) != 0 {
		t.Errorf("partitions of nothing: %v, %v", p, err)
	}
	if in, err := c.Inbox(t.Context(), c.key); err != nil || len(in) != 0 {
		t.Errorf("inbox of nothing: %v, %v", in, err)
	}
	claim, _ := c.claim(ours)
	_, holder, err := c.State(t.Context(), c.key)
	c.refused(err, state.ErrNotFound)
	if holder != claim {
		t.Errorf("claim before the first save: %+v, want %+v", holder, claim)
	}
}

func testPartitions(t *testing.T, c *storeCase) {
	for _, p := range []int32{10, 2, 0, 7} {
		k := state.Key{Model: c.key.Model, Partition: p}
		claim, _, err := c.Claim(t.Context(), k, ours)
		if err != nil {
			t.Fatal(err)
		}
		if p == 7 {
			continue // claimed, but it never got to a save
		}
		if err := c.Save(t.Context(), k, claim, 0, snapshot(1), 20); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Partitions(t.Context(), c.key.Model)
	if diff := cmp.Diff([]int32{0, 2, 10}, got); err != nil || diff != "" {
		t.Errorf("partitions: %v (-want +got):\n%s", err, diff)
	}
	if got, err := c.Partitions(t.Context(), c.key.Model[:len(c.key.Model)-1]); err != nil || len(got) != 0 {
		t.Errorf("partitions of another model: %v, %v", got, err)
	}
}

// testWatch: whatever changes in the pointer is worth a hint.
func testWatch(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	seq := uint64(0)
	next := func(version uint64) *state.Snapshot {
		seq++
		return publish(snapshot(seq, blob("a")), version, blob("a"))
	}
	c.hinted("another version", func() { c.save(claim, next(seq+1)) })
	last := publish(snapshot(seq), seq, blob("a")).Current.Version
	c.hinted("another schema", func() {
		s := next(last.Number)
		s.Current.Version, s.Current.Schema = last, fmt.Appendf(nil, `{"n":%d}`, seq)
		c.save(claim, s)
	})
}

// hinted fails unless a watcher is told of a change. Hints may be lost, so it
// repeats the change until one arrives.
func (c *storeCase) hinted(what string, change func()) {
	c.Helper()
	ctx, cancel := context.WithCancel(c.ctx())
	hints := make(chan state.Key, 1000)
	ended := make(chan error, 1)
	go func() { ended <- c.Watch(ctx, c.key.Model, func(k state.Key) { hints <- k }) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			c.Errorf("watch ended with %v", err)
		}
	}()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		change()
		select {
		case k := <-hints:
			if k != c.key {
				c.Errorf("%s: hint for %v, want %v", what, k, c.key)
			}
			return
		case <-deadline:
			c.Fatalf("%s: no hint within 10 s", what)
		case <-tick.C:
		}
	}
}
