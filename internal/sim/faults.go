package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

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
	r.counts = Counts{Seeds: 1, Records: len(w.Records), Freezes: int(ref.stats.Freezes)}
	r.counts.Recovered = int(ref.stats.Recoveries[learner.Quiet] + ref.stats.Recoveries[learner.Promoted])
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

// jump is how many milliseconds between two records are more than the passing of time.
const jump = 3_600_000

// The replay of what the store keeps is a tenth of the work, so it is made for
// the seeds of every rebuildEvery-th round alone. A round has rebuildRound seeds, so that all
// worlds have their turn.
const (
	rebuildRound = 128
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

// checkStored compares what is served and answered with the state beside it.
func (r *run) checkStored(snap *state.Snapshot, l *learner.Learner) error {
	again := l.Snapshot()
	if v := r.forced(); v != nil {
		if !snap.Current.Same(v) {
			return fmt.Errorf("the store serves %+v, readers were moved to version %d", snap.Current, v.Number)
		}
	} else if a, b := snap.Current, again.Current; (a == nil) != (b == nil) || a != nil && !a.Equal(*b) {
		return fmt.Errorf("the store serves %+v, the state beside it %+v: published before it was saved", a, b)
	}
	for offset, c := range r.Command {
		if _, err := r.store.Ack(r.ctx, key, c.ID); err == nil && snap.Next.Offset < offset {
			return fmt.Errorf("command %s of offset %d was answered, the state stands at %d without it", c.ID, offset, snap.Next.Offset)
		}
	}
	return nil
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
	switch n := r.rng.IntN(1000); {
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

// force moves readers by a rollback whose turn is to come.
func (r *run) force() error {
	for offset := r.owner.Learner.Next().Offset; offset < int64(len(r.Records)); offset++ {
		c, ok := r.Command[offset]
		f := r.ref.found[c.Args.Version]
		if !ok || !c.Args.Forced || f == nil || r.owner.commanded > offset {
			continue
		}
		err := r.store.Force(r.ctx, key, aboutFound(c, f), state.Pointer{Version: f.Version, Mode: state.ModeHeld})
		if errors.Is(err, state.ErrNotFound) { // not kept yet, or not any more
			return nil
		}
		if err == nil && r.forced() != nil {
			r.counts.Forced++
			return r.published(r.owner.Learner.Next().Offset)
		}
		return err
	}
	return nil
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
		return true, r.Shell.Take(r.ctx, r.store, key, o, c)
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

// save stores the owner's state, unless a crash before, within or after it
// interferes. An owner that is fenced claims again, and is refused if the group
// has a later one.
func (r *run) save(o *Owner) error {
	snap := o.Learner.Snapshot()
	fault := r.rng.IntN(100)
	if fault < 3 {
		r.counts.Crashes++
		return errCrash
	}
	if fault < 6 {
		return r.tear(o, snap)
	}
	if r.rng.IntN(4) == 0 {
		r.backup = r.store.Clone()
	}
	err := r.Shell.Save(r.ctx, r.store, key, o, snap)
	if errors.Is(err, state.ErrFenced) && r.revived {
		return r.open(o)
	}
	if err != nil {
		return fmt.Errorf("save by the owner at offset %d: %w", snap.Next.Offset, err)
	}
	r.counts.Saves++
	r.revived = false // the stored claim is the owner's
	if chained(snap) {
		r.counts.Chained++
	}
	if err := r.published(snap.Next.Offset); err != nil {
		return err
	}
	if fault < 9 { // stored, but the process dies before it hears so
		r.counts.Crashes++
		return errCrash
	}
	if fault < 15 { // stored, but the reply is lost: the same save again
		r.counts.LostReplies++
		if err := r.Shell.Save(r.ctx, r.store, key, o, snap); err != nil {
			return fmt.Errorf("repeated save at offset %d: %w", snap.Next.Offset, err)
		}
	}
	o.Base++
	o.Stored, o.known = snap.Next.Offset, snap.Refs
	o.Learner.Saved(snap)
	return nil
}

// chained reports whether readers of s are served a base with changes.
func chained(s *state.Snapshot) bool {
	return s.Current != nil && slices.ContainsFunc(s.Blobs, func(b state.Blob) bool { return b.Sum == s.Current.Sum && state.IsManifest(b.Data) })
}

// tear lets only some blobs arrive before the process dies. The store then
// refuses the save, or happens to have the others.
func (r *run) tear(o *Owner, snap *state.Snapshot) error {
	r.counts.Torn++
	torn := *snap
	torn.Seq = o.Base + 1
	torn.Blobs = torn.Blobs[:r.rng.IntN(len(torn.Blobs)+1)]
	err := r.store.Save(r.ctx, key, o.Claim, o.Base, &torn, keep)
	if err != nil && !errors.Is(err, state.ErrBlobs) && !errors.Is(err, state.ErrBase) && !errors.Is(err, state.ErrFenced) {
		return fmt.Errorf("torn save at offset %d: %w", snap.Next.Offset, err)
	}
	return errCrash
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
