package conform

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

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

// testTie has two owners of one generation: KIP-848 lets a member that rejoins
// in place keep its epoch, and a coordinator that lost records counts again.
func testTie(t *testing.T, c *storeCase) {
	first := state.Owner{Group: "g", Generation: 7, Member: "a b", Assignment: 1}
	early, _ := c.claim(first)
	a := blob("a")
	c.save(early, snapshot(1, a))

	other := first
	other.Member, other.Assignment = "c", 9
	_, _, err := c.Claim(t.Context(), c.key, other)
	c.refused(err, state.ErrFenced)
	c.save(early, snapshot(2, a)) // the late claim fenced nobody

	// The same member, assigned anew: what its earlier session has under way comes too late.
	second := first
	second.Assignment = 2
	claim, s := c.claim(second)
	if want := (state.Claim{Owner: second, Number: 2}); claim != want || s == nil || s.Seq != 2 {
		t.Fatalf("claim by the next assignment: %+v with snapshot %+v, want %+v and save 2", claim, s, want)
	}
	z := blob("z")
	c.refused(c.Save(t.Context(), c.key, early, 2, publish(snapshot(3, z), 1, z), 20), state.ErrFenced)
	_, _, err = c.Claim(t.Context(), c.key, first)
	c.refused(err, state.ErrFenced)

	// A claim with the right number and the wrong owner, as after a failover that lost one, is no claim.
	for _, forged := range []state.Owner{first, other} {
		c.refused(c.Save(t.Context(), c.key, state.Claim{Owner: forged, Number: claim.Number}, 2, snapshot(3, a), 20), state.ErrFenced)
	}
	c.save(claim, snapshot(3, a))
}

// testSuperseded has a group that was made anew, so that its generations are
// below those of an owner that still runs.
func testSuperseded(t *testing.T, c *storeCase) {
	zombie := state.Owner{Group: "g", Generation: 40, Member: "old", Assignment: 1}
	old, _ := c.claim(zombie)
	c.save(old, snapshot(1, blob("a")))
	heir := state.Owner{Group: "g", Generation: 3, Member: "new", Assignment: 1}
	_, _, err := c.Claim(t.Context(), c.key, heir)
	c.refused(err, state.ErrFenced)
	if err := c.Adopt(t.Context(), c.key); err != nil {
		t.Fatal(err)
	}
	claim, _ := c.claim(heir)

	zombie.Held = old.Number
	_, _, err = c.Claim(t.Context(), c.key, zombie)
	c.refused(err, state.ErrFenced)
	c.save(claim, snapshot(2, blob("a")))

	// While nobody has claimed a released partition, its former owner may go on.
	if err := c.Adopt(t.Context(), c.key); err != nil {
		t.Fatal(err)
	}
	again, _ := c.claim(zombie)
	zombie.Held = 0
	if want := (state.Claim{Owner: zombie, Number: claim.Number + 2}); again != want {
		t.Errorf("claim of a released partition by a former owner: %+v, want %+v", again, want)
	}
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
	if want := (state.Claim{Owner: heir, Number: old.Number + 2}); claim != want { // the adoption counts as one
		t.Errorf("claim after adoption %+v, want %+v", claim, want)
	}
	c.stored(heir, s)
	_, _, err := c.Claim(t.Context(), c.key, ours)
	c.refused(err, state.ErrForeign)
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
