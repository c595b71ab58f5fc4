package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// force moves readers by an order whose turn is to come.
func (r *run) force() error {
	if r.forced() != nil {
		return nil
	}
	for offset := r.owner.Learner.Next().Offset; offset < int64(len(r.Records)); offset++ {
		c, ok := r.Command[offset]
		if !ok || !c.Args.Forced || r.owner.commanded > offset {
			continue
		}
		f := r.ref.found[c.Args.Version]
		to, err := r.store.Current(r.ctx, key)
		switch {
		case errors.Is(err, state.ErrNotFound): // nothing is served yet
			return nil
		case err != nil:
			return err
		case c.Kind == learner.CommandPolicy:
			to = to.WithPolicy(c.Args.Policy)
		case f != nil:
			to.Version, to.Mode = f.Version, state.ModeHeld
			if refused, err := r.refuses(f); refused || err != nil {
				return err
			}
		default:
			continue
		}
		c = aboutFound(c, f)
		err = r.store.Force(r.ctx, key, c, to)
		if errors.Is(err, state.ErrNotFound) { // not kept yet, or not any more
			return nil
		}
		if err == nil && r.forced() != nil {
			r.counts.Forced++
			if c.Kind == learner.CommandRollback {
				if err := r.checkOpened(f); err != nil {
					return err
				}
			}
			return r.published(r.owner.Learner.Next().Offset)
		}
		return err
	}
	return nil
}

// refuses reports whether a version would let readers choose arms that are out by what is stored, so that nobody is moved to it by force.
func (r *run) refuses(f *state.Found) (bool, error) {
	if r.opens == nil {
		return false, nil
	}
	snap, _, err := r.store.State(r.ctx, key)
	if err != nil {
		return false, err
	}
	d, err := learner.Describe(snap.Head)
	if err != nil {
		return false, err
	}
	now, err := r.store.Blob(r.ctx, key, d.Live)
	if err != nil {
		return false, err
	}
	names, err := r.opens(parametersOf(f), now)
	if len(names) > 0 {
		r.counts.Refused++
	}
	return len(names) > 0, err
}

// checkOpened fails when readers were moved to a version that does not keep to what was ordered of the arms.
func (r *run) checkOpened(f *state.Found) (err error) {
	if r.serves == nil {
		return nil
	}
	snap, _, err := r.store.State(r.ctx, key)
	if err != nil {
		return err
	}
	for i := range r.ref.at[snap.Next.Offset] { // it may stand before a command or after it
		if err = r.serves(&r.ref.at[snap.Next.Offset][i].orders, parametersOf(f)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("moved by force to version %d: %w", f.Version.Number, err)
}

// parametersOf is the model of a version.
func parametersOf(f *state.Found) []byte {
	i := slices.IndexFunc(f.Blobs, func(b state.Blob) bool { return b.Sum == f.Version.Sum })
	return f.Blobs[i].Data
}
