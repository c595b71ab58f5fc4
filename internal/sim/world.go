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

// World runs one partition through faults that a seed chooses, on the real
// Learner and an in-memory store, and compares it with a run without faults.
// It proves two promises: no event is learned twice or lost (the final state is
// the same to the last byte), and nothing is published that an undisturbed run
// would not have proven.
type World struct {
	Config  learner.Config
	Records []learner.Record
	Command map[int]state.Command // operator's orders, by the record before which they take effect

	// Shell is how the faulty run drives the learner; nil means Honest. A
	// mutant that breaks a rule must be caught.
	Shell Shell
}

// Shell performs what a learner asks for.
type Shell interface {
	// Save stores a snapshot on top of the owner's base.
	Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error
	// Deliver reports whether a record at this offset is fed to the learner.
	Deliver(o *Owner, offset int64) bool
}

// Owner is one process that believes to own the partition.
type Owner struct {
	Learner *learner.Learner
	Claim   state.Claim
	Base    uint64 // number of the last save known to be stored

	commanded int64 // commands before this offset were given to this process
}

// Honest keeps all rules.
type Honest struct{}

// Save repairs a store that lost its last writes by writing in full on top of
// what is left, as the live owner may.
func (Honest) Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
	snap.Seq = o.Base + 1
	err := s.Save(ctx, k, o.Claim, o.Base, snap, 5)
	var base *state.BaseError
	if errors.As(err, &base) && base.Stored < o.Base {
		o.Base = base.Stored
		snap.Seq = o.Base + 1
		err = s.Save(ctx, k, o.Claim, o.Base, snap, 5)
	}
	return err
}

// Deliver drops records that the state has seen.
func (Honest) Deliver(o *Owner, offset int64) bool { return offset >= o.Learner.Next().Offset }

// Counts say what a run went through.
type Counts struct {
	Saves, Crashes, LostReplies, LostWrites, Zombies, Fenced, Duplicates int
	Published, Freezes                                                   int
	Chained                                                              int // saves that serve a base with changes
}

// Add adds other to c.
func (c *Counts) Add(o Counts) {
	c.Saves += o.Saves
	c.Crashes += o.Crashes
	c.LostReplies += o.LostReplies
	c.LostWrites += o.LostWrites
	c.Zombies += o.Zombies
	c.Fenced += o.Fenced
	c.Duplicates += o.Duplicates
	c.Published += o.Published
	c.Freezes += o.Freezes
	c.Chained += o.Chained
}

var key = state.Key{Model: "sim", Partition: 0}

// reference is the run without faults: its final state and all it published.
type reference struct {
	final    *state.Snapshot
	stats    learner.Stats
	versions map[uint64]state.Sum
}

func (w *World) undisturbed() (*reference, error) {
	l, err := learner.New(w.Config, state.Position{})
	if err != nil {
		return nil, err
	}
	ref := &reference{versions: map[uint64]state.Sum{}}
	for i, r := range w.Records {
		w.apply(l, i)
		if o := l.Feed(r); o.Proven {
			v := l.Snapshot().Current.Version
			ref.versions[v.Number] = v.Sum
		}
	}
	ref.final, ref.stats = l.Snapshot(), l.Stats()
	return ref, nil
}

// apply gives the learner the command that stands before record i, if any. A
// command that it has taken already is only answered again.
func (w *World) apply(l *learner.Learner, i int) {
	if c, ok := w.Command[i]; ok {
		l.Apply(c)
	}
}

// run is the state of a faulty run.
type run struct {
	*World
	ctx     context.Context
	rng     *rand.Rand
	store   *state.Mem
	backup  *state.Mem // an earlier store under the same claim; nil right after a claim
	gen     int32
	owner   *Owner
	zombies []*Owner
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
	r := &run{World: w, ctx: context.Background(), rng: rand.New(rand.NewPCG(seed, 0x5eed)), store: state.NewMem()}
	if err := r.takeOver(); err != nil {
		return r.counts, err
	}
	if err := r.toTheEnd(); err != nil {
		return r.counts, err
	}
	r.counts.Freezes = int(ref.stats.Freezes)
	return r.counts, r.check(ref)
}

// takeOver lets a new process claim the partition and restore what is stored.
func (r *run) takeOver() error {
	r.gen++
	r.backup = nil
	claim, snap, err := r.store.Claim(r.ctx, key, state.Owner{Group: "g", Generation: r.gen})
	if err != nil {
		return fmt.Errorf("claiming: %w", err)
	}
	o := &Owner{Claim: claim}
	if snap == nil {
		o.Learner, err = learner.New(r.Config, state.Position{})
	} else {
		o.Base = snap.Seq
		o.Learner, err = learner.Restore(r.Config, snap)
	}
	r.owner = o
	return err
}

func (r *run) toTheEnd() error {
	for {
		for r.owner.Learner.Next().Offset < int64(len(r.Records)) {
			if err := r.step(); err != nil {
				return err
			}
		}
		if err := r.save(r.owner); err == nil {
			return nil
		} else if !errors.Is(err, errCrash) {
			return err
		}
		if err := r.takeOver(); err != nil {
			return err
		}
	}
}

var errCrash = errors.New("crash")

// step delivers one record, or lets something go wrong.
func (r *run) step() error {
	switch n := r.rng.IntN(1000); {
	case n < 4: // kill -9
		r.counts.Crashes++
		return r.takeOver()
	case n < 6: // the group gives the partition to another process; the old one does not know
		r.counts.Zombies++
		r.zombies = append(r.zombies, r.owner)
		return r.takeOver()
	case n < 9: // a failover loses the last writes
		if r.backup != nil {
			r.counts.LostWrites++
			r.store, r.backup = r.backup, nil
		}
	case n < 14: // a broker delivers again
		back := r.owner.Learner.Next().Offset - 1 - r.rng.Int64N(3)
		if back >= 0 && r.Shell.Deliver(r.owner, back) {
			r.owner.Learner.Feed(r.Records[back])
		}
		r.counts.Duplicates++
	case n < 24:
		if err := r.wakeZombies(); err != nil {
			return err
		}
	case n < 40: // a save because time has passed: it may leave no trace
		return r.saveOrTakeOver()
	}
	next := r.owner.Learner.Next().Offset
	if _, ok := r.Command[int(next)]; ok && r.owner.commanded <= next {
		r.apply(r.owner.Learner, int(next))
		r.owner.commanded = next + 1
		return r.saveOrTakeOver()
	}
	if r.owner.Learner.Feed(r.Records[next]).Save {
		return r.saveOrTakeOver()
	}
	return nil
}

func (r *run) saveOrTakeOver() error {
	err := r.save(r.owner)
	if errors.Is(err, errCrash) {
		return r.takeOver()
	}
	return err
}

// save stores the owner's state, unless a crash before or after it interferes.
func (r *run) save(o *Owner) error {
	snap := o.Learner.Snapshot()
	fault := r.rng.IntN(100)
	if fault < 3 {
		r.counts.Crashes++
		return errCrash
	}
	if r.rng.IntN(4) == 0 {
		r.backup = r.store.Clone()
	}
	if err := r.Shell.Save(r.ctx, r.store, key, o, snap); err != nil {
		return fmt.Errorf("save by the owner at offset %d: %w", snap.Next.Offset, err)
	}
	r.counts.Saves++
	if chained(snap) {
		r.counts.Chained++
	}
	if fault < 6 { // stored, but the process dies before it hears so
		r.counts.Crashes++
		return errCrash
	}
	if fault < 12 { // stored, but the reply is lost: the same save again
		r.counts.LostReplies++
		if err := r.Shell.Save(r.ctx, r.store, key, o, snap); err != nil {
			return fmt.Errorf("repeated save at offset %d: %w", snap.Next.Offset, err)
		}
	}
	o.Base = snap.Seq
	o.Learner.Saved(snap)
	return r.published()
}

// chained reports whether readers of s are served a base with changes.
func chained(s *state.Snapshot) bool {
	return s.Current != nil && slices.ContainsFunc(s.Blobs, func(b state.Blob) bool { return b.Sum == s.Current.Sum && state.IsManifest(b.Data) })
}

// wakeZombies lets former owners go on and try to save.
func (r *run) wakeZombies() error {
	for _, z := range r.zombies {
		for range r.rng.IntN(5) {
			if next := z.Learner.Next().Offset; next < int64(len(r.Records)) {
				z.Learner.Feed(r.Records[next])
			}
		}
		if err := r.Shell.Save(r.ctx, r.store, key, z, z.Learner.Snapshot()); !errors.Is(err, state.ErrFenced) {
			return fmt.Errorf("a zombie of claim %+v saved: %w", z.Claim, err)
		}
		r.counts.Fenced++
	}
	r.zombies = r.zombies[:0]
	return nil
}

func (r *run) published() error {
	if _, err := r.store.Current(r.ctx, key); err == nil {
		r.counts.Published++
	} else if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	return nil
}

// check compares what is stored with the undisturbed run.
func (r *run) check(ref *reference) error {
	got, _, err := r.store.State(r.ctx, key)
	if err != nil {
		return err
	}
	if got.Next != ref.final.Next {
		return fmt.Errorf("stored next %v, undisturbed %v", got.Next, ref.final.Next)
	}
	if a, b := state.SumOf(got.Head), state.SumOf(ref.final.Head); a != b {
		return fmt.Errorf("stored state %s (%d bytes), undisturbed %s (%d bytes): an event was lost or learned twice", a, len(got.Head), b, len(ref.final.Head))
	}
	versions, err := r.store.Versions(r.ctx, key)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if want, ok := ref.versions[v.Number]; !ok || want != v.Sum {
			return fmt.Errorf("version %d with parameters %s was published; an undisturbed run proves %s", v.Number, v.Sum, want)
		}
	}
	return nil
}
