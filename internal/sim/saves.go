package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/state"
)

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
