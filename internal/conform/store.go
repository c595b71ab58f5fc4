package conform

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// StoreUnderTest is what every store implements.
type StoreUnderTest interface {
	state.Store
	state.Reader
	state.Operator
}

// Store runs the rules that a store must keep. open returns a store, which
// others may use at the same time: every rule has a model name of its own.
func Store(t *testing.T, open func(t *testing.T) StoreUnderTest) {
	for name, test := range map[string]func(*testing.T, *storeCase){
		"Claim":            testClaim,
		"ClaimRefused":     testClaimRefused,
		"SaveAndLoad":      testSaveAndLoad,
		"ZombieIsFenced":   testZombie,
		"SaveIsIdempotent": testIdempotent,
		"BaseAndRepair":    testBase,
		"MissingBlob":      testMissingBlob,
		"Backwards":        testBackwards,
		"BadArguments":     testBadArguments,
		"Garbage":          testGarbage,
		"Retention":        testRetention,
		"SameNumber":       testSameNumber,
		"Current":          testCurrent,
		"Inbox":            testInbox,
		"Adopt":            testAdopt,
		"Nothing":          testNothing,
		"Partitions":       testPartitions,
		"ConcurrentClaims": testConcurrent,
		"Watch":            testWatch,
	} {
		t.Run(name, func(t *testing.T) {
			model := fmt.Sprintf("conform-%x", rand.Uint64())
			test(t, &storeCase{T: t, StoreUnderTest: open(t), key: state.Key{Model: model, Partition: 3}})
		})
	}
}

// storeCase is a store with the phrases that the rules are written in.
type storeCase struct {
	*testing.T
	StoreUnderTest
	key state.Key
}

var ours = state.Owner{Group: "streamlearner.fraud", Generation: 4}

func (c *storeCase) ctx() context.Context { return c.T.Context() }

func (c *storeCase) claim(o state.Owner) (state.Claim, *state.Snapshot) {
	c.Helper()
	claim, s, err := c.Claim(c.ctx(), c.key, o)
	if err != nil {
		c.Fatalf("claim by %+v: %v", o, err)
	}
	return claim, s
}

func (c *storeCase) save(claim state.Claim, s *state.Snapshot) {
	c.Helper()
	if err := c.Save(c.ctx(), c.key, claim, s.Seq-1, s, 20); err != nil {
		c.Fatalf("save %d: %v", s.Seq, err)
	}
}

func (c *storeCase) refused(err, want error) {
	c.Helper()
	if !errors.Is(err, want) {
		c.Fatalf("got error %v, want %v", err, want)
	}
}

// stored fails unless the stored snapshot is s, by loading it with its blobs.
func (c *storeCase) stored(o state.Owner, s *state.Snapshot) {
	c.Helper()
	_, got := c.claim(o)
	want := *s
	want.Done = nil
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		c.Fatalf("stored snapshot (-want +got):\n%s", diff)
	}
}

// holds fails unless exactly the blobs of present, out of all, are stored.
func (c *storeCase) holds(all []state.Blob, present ...state.Blob) {
	c.Helper()
	for i, b := range all {
		want := slices.ContainsFunc(present, func(p state.Blob) bool { return p.Sum == b.Sum })
		data, err := c.Blob(c.ctx(), c.key, b.Sum)
		switch {
		case want && (err != nil || string(data) != string(b.Data)):
			c.Errorf("blob %d: got %q, %v; want it kept", i, data, err)
		case !want && !errors.Is(err, state.ErrNotFound):
			c.Errorf("blob %d: got %q, %v; want it gone", i, data, err)
		}
	}
}

// blob returns a blob of binary data that only text has in common.
func blob(text string) state.Blob {
	data := append([]byte{0, 0xff, '\r', '\n', 0x80}, text...)
	return state.Blob{Sum: state.SumOf(data), Data: data}
}

// snapshot makes save number seq at offset 100 seq, with the given blobs.
func snapshot(seq uint64, blobs ...state.Blob) *state.Snapshot {
	s := &state.Snapshot{
		Seq:  seq,
		Next: state.Position{Offset: 100 * int64(seq), LeaderEpoch: int32(seq) - 2},
		Head: fmt.Appendf([]byte{0, 0xfe, '\n'}, "head %d", seq),
	}
	for _, b := range blobs {
		s.Refs, s.Blobs = append(s.Refs, b.Sum), append(s.Blobs, b)
	}
	return s
}

// publish makes version n with the parameters b current in s.
func publish(s *state.Snapshot, n uint64, b state.Blob) *state.Snapshot {
	s.Current = &state.Pointer{
		Version: state.Version{
			Number: n, Sum: b.Sum, Parent: n - 1, Created: 1_700_000_000_000 + int64(n),
			Next: s.Next, Learned: 10 * n, Config: "c0ffee", Binary: "v0.1.0", Arch: "amd64", Guarded: true, MaxAgeMS: 60_000,
		},
		Mode: "learning",
	}
	return s
}

func testClaim(t *testing.T, c *storeCase) {
	first, s := c.claim(ours)
	if want := (state.Claim{Owner: ours, Number: 1}); first != want || s != nil {
		t.Fatalf("first claim: %+v with snapshot %+v, want %+v and none", first, s, want)
	}
	if again, _ := c.claim(ours); again != first {
		t.Errorf("the same owner's claim again: %+v, want %+v", again, first)
	}
	later := ours
	later.Generation++
	if second, _ := c.claim(later); second != (state.Claim{Owner: later, Number: 2}) {
		t.Errorf("claim of the next generation: %+v", second)
	}
	other := state.Key{Model: c.key.Model, Partition: 4}
	if claim, _, err := c.Claim(t.Context(), other, ours); err != nil || claim.Number != 1 {
		t.Errorf("claim of another partition: %+v, %v", claim, err)
	}
}

func testClaimRefused(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	late := ours
	late.Generation--
	_, _, err := c.Claim(t.Context(), c.key, late)
	c.refused(err, state.ErrFenced)
	_, _, err = c.Claim(t.Context(), c.key, state.Owner{Group: "other", Generation: 99})
	c.refused(err, state.ErrForeign)
	c.save(claim, snapshot(1)) // the refused claims left the first one in force
}

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

func testZombie(t *testing.T, c *storeCase) {
	zombie, _ := c.claim(ours)
	a := blob("a")
	s := publish(snapshot(1, a), 1, a)
	c.save(zombie, s)
	later := ours
	later.Generation++
	c.claim(later)

	z := blob("z")
	late := publish(snapshot(2, z), 2, z)
	late.Done = []state.Ack{{ID: "x", Offset: 200}}
	c.refused(c.Save(t.Context(), c.key, zombie, 1, late, 20), state.ErrFenced)
	c.refused(c.Save(t.Context(), c.key, zombie, 0, s, 20), state.ErrFenced) // nor may it repeat its last one
	c.stored(later, s)
	if _, err := c.Ack(t.Context(), c.key, "x"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the zombie answered a command: %v", err)
	}
	// What it uploaded must neither replace nor endanger what the owner uses.
	again := snapshot(2, a)
	c.refused(c.Save(t.Context(), c.key, zombie, 1, again, 20), state.ErrFenced)
	c.stored(later, s)

	c.refused(c.Save(t.Context(), state.Key{Model: c.key.Model, Partition: 9}, zombie, 0, snapshot(1), 20), state.ErrFenced)
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
		if got, err := c.Current(t.Context(), c.key); err != nil || got != want {
			t.Errorf("current %+v, %v; want %+v", got, err, want)
		}
	}
	expect(*s.Current)
	s = publish(snapshot(3, a, b), 1, a)
	s.Current.Mode = "frozen" // the mode alone
	c.save(claim, s)
	expect(*s.Current)
	still := snapshot(4, a, b) // a save without a pointer leaves it
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

func testAdopt(t *testing.T, c *storeCase) {
	c.refused(c.Adopt(t.Context(), c.key), state.ErrNotFound)
	old, _ := c.claim(ours)
	s := snapshot(1, blob("a"))
	c.save(old, s)
	if err := c.Adopt(t.Context(), c.key); err != nil {
		t.Fatal(err)
	}
	c.refused(c.Save(t.Context(), c.key, old, 1, snapshot(2), 20), state.ErrFenced)
	heir := state.Owner{Group: "other", Generation: 1}
	claim, _ := c.claim(heir)
	if want := (state.Claim{Owner: heir, Number: old.Number + 1}); claim != want {
		t.Errorf("claim after adoption %+v, want %+v", claim, want)
	}
	c.stored(heir, s)
	_, _, err := c.Claim(t.Context(), c.key, ours)
	c.refused(err, state.ErrForeign)
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

// testConcurrent lets owners of rising generations fight for one partition.
// Whoever claims reads the stored save and counts on from there, so the stored
// number must come out as the number of saves that succeeded.
func testConcurrent(t *testing.T, c *storeCase) {
	const owners, saves = 6, 15
	counts := make([]int, owners)
	var wg sync.WaitGroup
	for i := range owners {
		wg.Go(func() {
			o := state.Owner{Group: "g", Generation: int32(i + 1)}
			claim, s, err := c.Claim(c.ctx(), c.key, o)
			if err != nil {
				if !errors.Is(err, state.ErrFenced) {
					t.Errorf("claim by generation %d: %v", o.Generation, err)
				}
				return
			}
			var seq uint64
			if s != nil {
				seq = s.Seq
			}
			for range saves {
				b := blob(fmt.Sprint(i, seq))
				next := snapshot(seq+1, b, blob("shared"))
				if err := c.Save(c.ctx(), c.key, claim, seq, next, 3); err != nil {
					if !errors.Is(err, state.ErrFenced) {
						t.Errorf("save %d by generation %d: %v", seq+1, o.Generation, err)
					}
					return
				}
				seq++
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	s, claim, err := c.State(c.ctx(), c.key)
	if err != nil {
		t.Fatal(err)
	}
	if s.Seq != uint64(total) || claim.Generation != owners || counts[owners-1] != saves {
		t.Errorf("stored save %d of generation %d after %v successful saves", s.Seq, claim.Generation, counts)
	}
	c.claim(state.Owner{Group: "g", Generation: owners + 1}) // every blob is there
}

// testWatch: hints may be lost, so it publishes until one arrives.
func testWatch(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	ctx, cancel := context.WithCancel(t.Context())
	hints := make(chan state.Key, 1000)
	ended := make(chan error, 1)
	go func() { ended <- c.Watch(ctx, c.key.Model, func(k state.Key) { hints <- k }) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("watch ended with %v", err)
		}
	}()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := uint64(1); ; n++ {
		c.save(claim, publish(snapshot(n, blob("a")), n, blob("a")))
		select {
		case k := <-hints:
			if k != c.key {
				t.Errorf("hint for %v, want %v", k, c.key)
			}
			return
		case <-deadline:
			t.Fatal("no hint within 10 s")
		case <-tick.C:
		}
	}
}
