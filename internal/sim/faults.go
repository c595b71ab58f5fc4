package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// run is the state of a faulty run.
type run struct {
	*World
	ctx     context.Context
	rng     *rand.Rand
	ref     *reference
	store   *state.Mem
	rebuild bool       // replay what the store keeps, in the end
	backup  *state.Mem // an earlier store, which a failover puts in its place; nil for none
	gen     int32
	claims  uint64 // assignments so far
	owner   *Owner
	zombies []*Owner
	revived bool // a failover may have brought back an older claim
	counts  Counts
}

// Run drives the world through the faults of a seed. The error says which
// promise was broken.
func (w *World) Run(seed uint64) (Counts, error) {
	ref, err := w.undisturbed()
	if err != nil {
		return Counts{}, err
	}
	if w.Shell == nil {
		w.Shell = Honest{}
	}
	r := &run{World: w, ctx: context.Background(), rng: rand.New(rand.NewPCG(seed, 0x5eed)), ref: ref, store: state.NewMem()}
	r.rebuild = seed/rebuildRound%rebuildEvery == 0
	r.counts = ref.counts
	r.counts.Seeds, r.counts.Records = 1, len(w.Records)
	for i := 1; i < len(w.Records); i++ {
		if d := w.Records[i].Time - w.Records[i-1].Time; d < 0 || d > jump {
			r.counts.ClockJumps++
		}
	}
	err = r.takeOver()
	if err == nil {
		err = r.toTheEnd()
	}
	if err == nil {
		err = r.check()
	}
	return r.counts, err
}

// calm is from how many records on a stream has fewer faults a record: its seeds would take too long.
const calm = 200

// jump is how many milliseconds between two records are more than the passing of time.
const jump = 3_600_000

// The replay of what the store keeps is a tenth of the work, so it is made for
// the seeds of every rebuildEvery-th round alone. A round has rebuildRound seeds, so that all
// worlds have their turn.
const (
	rebuildRound = 256
	rebuildEvery = 4
)

// takeOver lets a new process claim the partition and restore what is stored.
func (r *run) takeOver() error {
	r.claims++
	if r.claims%3 != 0 { // else the member rejoins in place, and keeps its generation
		r.gen++
	}
	r.owner = &Owner{Group: state.Owner{Group: "g", Generation: r.gen, Member: "m", Assignment: r.claims}, Stored: -1}
	return r.open(r.owner)
}

// open claims the partition for o. A live owner that stands beyond what is
// stored keeps its learner: the store has lost what it saved.
func (r *run) open(o *Owner) error {
	claim, snap, err := r.Shell.Claim(r.ctx, r.store, key, o.Group)
	if err != nil {
		return fmt.Errorf("claiming: %w", err)
	}
	o.Claim, o.Base, o.known, o.found, r.revived = claim, 0, nil, r.ref.found, false
	if snap != nil {
		o.Base, o.known = snap.Seq, snap.Refs
	}
	switch {
	case o.Stored >= 0 && (snap == nil || snap.Next.Offset < o.Stored):
		r.counts.Forward++
		return nil
	case snap == nil:
		o.commanded = 0
		o.Learner, err = learner.New(r.Config, state.Position{})
		return err
	}
	o.Stored, o.commanded = snap.Next.Offset, 0
	if o.Learner, err = r.Shell.Restore(r.config(snap.Next.Offset), snap); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	return r.checkStored(snap, o.Learner)
}

func (r *run) toTheEnd() error {
	steps, limit := 0, 100*len(r.Records) // most seeds take less than three a record
	for {
		for r.owner.Learner.Next().Offset < int64(len(r.Records)) {
			if steps++; steps > limit {
				return fmt.Errorf("stands at offset %d after %d steps: it comes to no end", r.owner.Learner.Next().Offset, steps)
			}
			if err := r.step(); err != nil {
				return err
			}
		}
		if steps++; steps > limit {
			return fmt.Errorf("the last save does not succeed within %d steps", steps)
		}
		err := r.save(r.owner)
		if err == nil && r.owner.Stored == int64(len(r.Records)) {
			return nil
		}
		if errors.Is(err, errCrash) {
			err = r.takeOver()
		}
		if err != nil {
			return err
		}
	}
}

var errCrash = errors.New("crash")

// step delivers one record, or lets something go wrong.
func (r *run) step() error {
	switch n := r.rng.IntN(1000 * max(1, len(r.Records)/calm)); {
	case n < 10: // kill -9
		r.counts.Crashes++
		return r.takeOver()
	case n < 18: // the group gives the partition to another process; the old one does not know
		r.counts.Zombies++
		r.zombies = append(r.zombies, r.owner)
		return r.takeOver()
	case n < 28: // a failover loses the last writes
		r.failOver()
	case n < 40: // a broker delivers again
		back := r.owner.Learner.Next().Offset - 1 - r.rng.Int64N(3)
		if back >= 0 && r.Shell.Deliver(r.owner, back) {
			r.owner.Learner.Feed(r.Shell.Record(r.Records[back]))
		}
		r.counts.Duplicates++
	case n < 80:
		if err := r.wakeZombies(); err != nil {
			return err
		}
	case n < 86: // a deploy
		r.counts.Reloads++
		if err := r.saveOrTakeOver(); err != nil {
			return err
		}
		return r.takeOver()
	case n < 100: // an operator moves readers without the owner
		return r.force()
	case n < 124: // a save because time has passed: it may leave no trace
		r.counts.Timed++
		return r.saveOrTakeOver()
	}
	save, err := r.advance(r.owner)
	if err == nil && save {
		err = r.save(r.owner)
	}
	if errors.Is(err, errCrash) {
		return r.takeOver()
	}
	return err
}

// advance gives o its next input: a changed configuration, a command, or a
// record. It reports whether a save is due.
func (r *run) advance(o *Owner) (save bool, err error) {
	next := o.Learner.Next().Offset
	if next >= int64(len(r.Records)) {
		return false, nil
	}
	if r.ChangeAt == next && next > 0 && o.commanded <= next {
		r.counts.Reloads++
		if o.Learner, err = learner.Restore(r.Changed, o.Learner.Snapshot()); err != nil {
			return false, err
		}
	}
	if c, ok := r.Command[next]; ok && o.commanded <= next {
		r.counts.Commands++
		o.commanded = next + 1
		if err := r.Shell.Take(r.ctx, r.store, key, o, c); err != nil {
			return false, err
		}
		if r.rng.IntN(8) == 0 { // nothing of the command is stored yet
			r.counts.Unsaved++
			return false, errCrash
		}
		return true, nil
	}
	o.commanded = next + 1
	return o.Learner.Feed(r.Shell.Record(r.Records[next])).Save, nil
}

// failOver puts an earlier store in the place of the one that the owner wrote to.
func (r *run) failOver() {
	if r.backup == nil {
		return
	}
	r.counts.LostWrites++
	r.store, r.backup = r.backup, nil
	if _, claim, _ := r.store.State(r.ctx, key); claim != r.owner.Claim {
		r.counts.LostClaims++
		r.revived = true
	}
}

func (r *run) saveOrTakeOver() error {
	err := r.save(r.owner)
	if errors.Is(err, errCrash) {
		return r.takeOver()
	}
	return err
}

// wakeZombies lets former owners go on, try to save, and claim late.
func (r *run) wakeZombies() error {
	for _, z := range r.zombies {
		for range r.rng.IntN(5) {
			if _, err := r.advance(z); err != nil && !errors.Is(err, errCrash) {
				return err
			}
		}
		err := r.Shell.Save(r.ctx, r.store, key, z, z.Learner.Snapshot())
		switch {
		case errors.Is(err, state.ErrFenced):
			r.counts.Fenced++
		case err == nil && r.revived:
			r.counts.Revived++
		default:
			return fmt.Errorf("a zombie of claim %+v saved: %w", z.Claim, err)
		}
		if r.revived {
			continue
		}
		if _, _, err := r.Shell.Claim(r.ctx, r.store, key, z.Group); !errors.Is(err, state.ErrFenced) {
			return fmt.Errorf("a late claim by generation %d, after one by %d, got %w", z.Group.Generation, r.gen, err)
		}
		tied := r.owner.Group
		tied.Member = "another"
		if _, _, err := r.Shell.Claim(r.ctx, r.store, key, tied); !errors.Is(err, state.ErrFenced) {
			return fmt.Errorf("a late claim by another member of generation %d got %w", r.gen, err)
		}
		r.counts.LateClaims++
	}
	r.zombies = r.zombies[:0]
	return nil
}
