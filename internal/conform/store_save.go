package conform

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/state"
)

func testSaveAndLoad(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	a, b := blob("a"), blob("b")
	s := publish(snapshot(1, a, b), 1, a)
	c.save(claim, s)
	c.stored(ours, s)

	got, holder, err := c.State(t.Context(), c.key)
	if err != nil || holder != claim {
		t.Fatalf("state: claim %+v, %v", holder, err)
	}
	want := *s
	want.Blobs = nil
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}

	later := ours
	later.Generation = 7
	claim, _ = c.claim(later)
	s = snapshot(2, b, a, b) // order and repetition survive
	s.Current = got.Current
	s.Blobs = nil
	c.save(claim, s)
	s.Blobs = []state.Blob{b, a, b}
	c.stored(later, s)
}

func testIdempotent(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	c.save(claim, snapshot(1, blob("a")))
	s := publish(snapshot(2, blob("b")), 1, blob("b"))
	s.Done = []state.Ack{{ID: "x", Offset: 200}}
	c.save(claim, s)
	c.save(claim, s)
	c.stored(ours, s)

	differs := snapshot(2, blob("b"))
	differs.Head = []byte("another head under the same number")
	err := c.Save(t.Context(), c.key, claim, 1, differs, 20)
	c.refused(err, state.ErrBase)
	c.stored(ours, s)
}

func testBase(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	c.save(claim, snapshot(1, blob("a")))
	// The store lost saves 2 to 6, as in a failover; the owner goes on with 7.
	s := publish(snapshot(7, blob("g")), 3, blob("g"))
	err := c.Save(t.Context(), c.key, claim, 6, s, 20)
	c.refused(err, state.ErrBase)
	var base *state.BaseError
	if !errors.As(err, &base) || base.Stored != 1 || base.Base != 6 {
		t.Fatalf("error %v carries %+v, want stored 1 and base 6", err, base)
	}
	s.Seq = base.Stored + 1
	c.save(claim, s)
	c.stored(ours, s)
}

func testMissingBlob(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	a, b := blob("a"), blob("b")
	first := snapshot(1, a)
	c.save(claim, first)

	s := snapshot(2, a, b)
	s.Blobs = []state.Blob{a}
	c.refused(c.Save(t.Context(), c.key, claim, 1, s, 20), state.ErrBlobs)
	c.stored(ours, first)

	p := publish(snapshot(2, a), 1, b) // a pointer to parameters that nobody stored
	c.refused(c.Save(t.Context(), c.key, claim, 1, p, 20), state.ErrBlobs)
	if _, err := c.Current(t.Context(), c.key); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("current after a refused save: %v", err)
	}

	s.Blobs = []state.Blob{a, b}
	c.save(claim, s)
	c.stored(ours, s)
}

func testBackwards(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	c.save(claim, snapshot(1))
	s := snapshot(2)
	s.Next.Offset = 99
	c.refused(c.Save(t.Context(), c.key, claim, 1, s, 20), state.ErrBackwards)
	s.Next.Offset = 100 // it may stay
	c.save(claim, s)
	c.stored(ours, s)

	back := snapshot(3)
	back.Next.Offset, back.Rewind = 7, true // an operator decided so
	c.save(claim, back)
	c.save(claim, back)
	back.Rewind = false
	c.stored(ours, back)
}

func testBadArguments(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	for name, f := range map[string]func() error{
		"model name": func() error {
			_, _, err := c.Claim(t.Context(), state.Key{Model: "Fraud{1}"}, ours)
			return err
		},
		"negative partition": func() error {
			_, _, err := c.Claim(t.Context(), state.Key{Model: c.key.Model, Partition: -1}, ours)
			return err
		},
		"no group": func() error {
			_, _, err := c.Claim(t.Context(), c.key, state.Owner{})
			return err
		},
		"seq":  func() error { return c.Save(t.Context(), c.key, claim, 3, snapshot(3), 20) },
		"keep": func() error { return c.Save(t.Context(), c.key, claim, 0, snapshot(1), 0) },
		"version zero": func() error {
			return c.Save(t.Context(), c.key, claim, 0, publish(snapshot(1, blob("a")), 0, blob("a")), 20)
		},
		"schema": func() error {
			s := publish(snapshot(1, blob("a")), 1, blob("a"))
			s.Current.Schema = []byte(`{"format": "json"}`) // a space, which a store may lose
			return c.Save(t.Context(), c.key, claim, 0, s, 20)
		},
		"command without id": func() error { return c.Send(t.Context(), c.key, state.Command{Kind: "freeze"}) },
	} {
		if f() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func testGarbage(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	a, b, d, e := blob("a"), blob("b"), blob("d"), blob("e")
	all := []state.Blob{a, b, d, e}
	c.save(claim, snapshot(1, a, b))
	c.holds(all, a, b)
	c.save(claim, publish(snapshot(2, b, d), 1, b))
	c.holds(all, b, d)
	c.save(claim, publish(snapshot(3, e), 1, b)) // b lives on as a version
	c.holds(all, b, e)
	s := publish(snapshot(4, d), 2, d)
	if err := c.Save(t.Context(), c.key, claim, 3, s, 1); err != nil {
		t.Fatal(err)
	}
	c.holds(all, d)
	s = publish(snapshot(5, d), 3, d) // the same parameters under another number
	if err := c.Save(t.Context(), c.key, claim, 4, s, 1); err != nil {
		t.Fatal(err)
	}
	c.holds(all, d)
	c.stored(ours, s)
}

func testRetention(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	var blobs []state.Blob
	var want []state.Version
	for n := uint64(1); n <= 5; n++ {
		b := blob(fmt.Sprint(n))
		blobs = append(blobs, b)
		s := publish(snapshot(n, b), n, b)
		if err := c.Save(t.Context(), c.key, claim, n-1, s, 3); err != nil {
			t.Fatal(err)
		}
		want = append(want, s.Current.Version)
		want = want[max(0, len(want)-3):]
		got, err := c.Versions(t.Context(), c.key)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("after version %d: %v (-want +got):\n%s", n, err, diff)
		}
	}
	c.holds(blobs, blobs[2], blobs[3], blobs[4])
	// The pointer goes back to version 3 and fewer are kept: 3 stays, since it is served.
	back := publish(snapshot(6, blobs[2]), 3, blobs[2])
	back.Current.Version = want[0]
	if err := c.Save(t.Context(), c.key, claim, 5, back, 1); err != nil {
		t.Fatal(err)
	}
	got, err := c.Versions(t.Context(), c.key)
	if diff := cmp.Diff([]state.Version{want[0], want[2]}, got); err != nil || diff != "" {
		t.Fatalf("after going back: %v (-want +got):\n%s", err, diff)
	}
	c.holds(blobs, blobs[2], blobs[4])
}

// testSameNumber: a number with two sums is two versions, never one that changed.
func testSameNumber(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	one, two := publish(snapshot(1, blob("a")), 1, blob("a")), publish(snapshot(2, blob("b")), 1, blob("b"))
	c.save(claim, one)
	c.save(claim, two)
	got, err := c.Versions(t.Context(), c.key)
	if err != nil || len(got) != 2 || !slices.Contains(got, one.Current.Version) || !slices.Contains(got, two.Current.Version) {
		t.Errorf("versions %+v, %v", got, err)
	}
	// What is known of a version does not change either.
	three := publish(snapshot(3, blob("b")), 1, blob("b"))
	three.Current.Version = two.Current.Version
	three.Current.Learned = 12345
	c.save(claim, three)
	if got, err = c.Versions(t.Context(), c.key); err != nil || len(got) != 2 || !slices.Contains(got, two.Current.Version) {
		t.Errorf("versions %+v, %v", got, err)
	}
}
