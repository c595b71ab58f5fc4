package sim

import (
	"errors"

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
			return r.published(r.owner.Learner.Next().Offset)
		}
		return err
	}
	return nil
}
