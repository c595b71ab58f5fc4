package sim

import (
	"context"
	"errors"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// World runs one partition through faults that a seed chooses, on the real
// Learner and an in-memory store, and compares it with a run without faults.
// It proves two promises: no event is learned twice or lost (the final state is
// the same to the last byte), and beside each stored state readers are served what the
// undisturbed run serves there, which is proven. What an operator orders is followed by the
// commands alone: whoever overrules it is noticed in both runs.
//
// A World may be run with any number of seeds, one after the other: its
// decoder is not for two goroutines.
type World struct {
	Config  learner.Config
	Records []learner.Record
	// Command are operator's orders, by the offset at which they take effect. Of a rollback, a pin and
	// a label Args.Version is how many proven versions to go back from the newest, until Run has found which one that is.
	Command map[int64]state.Command

	// ChangeAt is the offset from which on the configuration is Changed, by a
	// restart of whoever owns the partition there; 0 for never.
	ChangeAt int64
	Changed  learner.Config

	// Shell is how the faulty run drives the learner; nil means Honest. A
	// mutant that breaks a rule must be caught.
	Shell Shell

	serves func(o *orders, parameters []byte) error // checks what readers make of a version under some orders; nil for nothing
	// opens lists arms that parameters of then let readers choose although those of now do not; nil for models without arms.
	opens func(then, now []byte) ([]string, error)
	ref   *reference
}

// Shell performs what a learner asks for.
type Shell interface {
	// Claim makes a process the owner of a partition.
	Claim(ctx context.Context, s *state.Mem, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error)
	// Restore continues from a stored snapshot.
	Restore(c learner.Config, snap *state.Snapshot) (*learner.Learner, error)
	// Deliver reports whether a record at this offset is fed to the learner.
	Deliver(o *Owner, offset int64) bool
	// Record gives a record that was read the form in which it is fed.
	Record(r learner.Record) learner.Record
	// Take gives an operator's command to the learner. What it decides is answered by the save that follows.
	Take(ctx context.Context, s *state.Mem, k state.Key, o *Owner, c state.Command) error
	// Save stores a snapshot on top of the owner's base.
	Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error
}

// Owner is one process that believes to own the partition.
type Owner struct {
	Learner *learner.Learner
	Group   state.Owner
	Claim   state.Claim
	Base    uint64 // number of the last save known to be stored
	Stored  int64  // offset at which that save stands; -1 for none

	found     map[uint64]*state.Found // versions that commands are about
	known     []state.Sum             // blobs that it refers to
	commanded int64                   // commands before this offset were given to this process
}

// Honest keeps all rules, those of the consumer's shell.
type Honest struct{}

// Claim asks the store.
func (Honest) Claim(ctx context.Context, s *state.Mem, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error) {
	return s.Claim(ctx, k, o)
}

// Restore restores all of it.
func (Honest) Restore(c learner.Config, snap *state.Snapshot) (*learner.Learner, error) {
	return learner.Restore(c, snap)
}

// Deliver drops records that the state has seen.
func (Honest) Deliver(o *Owner, offset int64) bool { return offset >= o.Learner.Next().Offset }

// Record changes nothing.
func (Honest) Record(r learner.Record) learner.Record { return r }

// Take applies the command; the learner puts it into its journal.
func (Honest) Take(_ context.Context, _ *state.Mem, _ state.Key, o *Owner, c state.Command) error {
	f := o.found[c.Args.Version]
	o.Learner.ApplyTo(aboutFound(c, f), f)
	return nil
}

// aboutFound completes a command by what was found.
func aboutFound(c state.Command, f *state.Found) state.Command {
	if f != nil {
		c.Args.Sum = f.Version.Sum
	}
	return c
}

// Save leaves out blobs that the last save has stored. It repairs a store that
// lost its last writes by writing in full on top of what is left, as the live
// owner may.
func (Honest) Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
	const tries = 3 // the base may be wrong, then blobs may be missing
	var err error
	for full, n := false, 0; n < tries; n++ {
		out := *snap
		out.Seq = o.Base + 1
		if !full {
			out.Blobs = slices.DeleteFunc(slices.Clone(snap.Blobs), func(b state.Blob) bool { return slices.Contains(o.known, b.Sum) })
		}
		err = s.Save(ctx, k, o.Claim, o.Base, &out, keep)
		var base *state.BaseError
		switch {
		case errors.As(err, &base) && base.Stored != o.Base:
			o.Base, full = base.Stored, true
		case errors.Is(err, state.ErrBlobs):
			full = true
		default:
			return err
		}
	}
	return err
}

// keep is how many published versions stay in the store.
const keep = 5

var key = state.Key{Model: "sim", Partition: 0}

// chainOf is the chain that a store makes of a whole trail.
func chainOf(t *state.Trail) *state.Chain {
	c := &state.Chain{}
	c.Length, c.Sum = t.End()
	for i := range t.Entries {
		c.Records = append(c.Records, t.Entries[i].Data)
	}
	return c
}

// config is the configuration with which a process starts whose state stands at offset.
func (w *World) config(offset int64) learner.Config {
	if w.ChangeAt > 0 && offset > w.ChangeAt {
		return w.Changed
	}
	return w.Config
}
