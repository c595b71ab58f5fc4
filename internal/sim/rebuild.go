package sim

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// checkRebuild replays the records between the oldest and the newest version
// that the store keeps: what it serves must be what its records come to,
// whatever processes and the store went through.
func (r *run) checkRebuild(kept []state.Version) error {
	var made []state.Version
	for i := range kept {
		if kept[i].State.IsZero() { // made of another one by a change of the arms
			continue
		}
		_, err := r.store.Blob(r.ctx, key, kept[i].State)
		switch {
		case err == nil:
			made = append(made, kept[i])
		case r.counts.LostWrites == 0: // else an owner has written a held version forward, without its state
			return fmt.Errorf("state of version %d: %w", kept[i].Number, err)
		}
	}
	if len(made) < 2 {
		return nil
	}
	last := len(made) - 1
	rebuild, err := learner.NewRebuild(learner.RebuildConfig{
		Config: func(settings string) (learner.Config, error) {
			if settings == r.Changed.Settings {
				return r.Changed, nil
			}
			return r.Config, nil
		},
		Blob: func(s state.Sum) ([]byte, error) { return r.store.Blob(r.ctx, key, s) },
		Find: func(a state.Args) (*state.Found, error) { return state.Find(r.ctx, r.store, key, a) },
		From: &made[0], To: made[last], Between: made,
	})
	for err == nil && rebuild.Next() < rebuild.End() {
		err = rebuild.Feed(r.Records[rebuild.Next()])
	}
	if err == nil {
		err = rebuild.Finish()
	}
	if errors.Is(err, learner.ErrJournal) {
		return nil // a rollback put a version back that is gone since
	}
	if err != nil {
		return fmt.Errorf("rebuild of version %d from version %d: %w", made[last].Number, made[0].Number, err)
	}
	if rebuild.Same() != last {
		return fmt.Errorf("rebuild of version %d from version %d compared %d versions of %d", made[last].Number, made[0].Number, rebuild.Same(), last)
	}
	r.counts.Rebuilt += last
	return nil
}
