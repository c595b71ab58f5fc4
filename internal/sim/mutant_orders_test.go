package sim

import (
	"context"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// silent is a bandit that tells nobody when its guard rail takes an arm out.
type silent struct{ *bandit.Model }

func (silent) Harm() (arm, why string) { return "", "" }

// restoring returns a mutant whose restarts are under another configuration.
func restoring(edit func(c *learner.Config)) *mutant {
	return &mutant{restore: func(c learner.Config, snap *state.Snapshot) (*learner.Learner, error) {
		edit(&c)
		return learner.Restore(c, snap)
	}}
}

// restored returns a mutant that does something to the learner after each restart.
func restored(then func(l *learner.Learner)) *mutant {
	return &mutant{restore: func(c learner.Config, snap *state.Snapshot) (*learner.Learner, error) {
		l, err := learner.Restore(c, snap)
		if err == nil {
			then(l)
		}
		return l, err
	}}
}

// switching returns a mutant that tells readers to follow the policy of a bandit, whatever was ordered.
func switching(when func(p *state.Pointer) bool) *mutant {
	return saving(func(snap *state.Snapshot) {
		if snap.Current != nil && when(snap.Current) {
			p := snap.Current.WithPolicy(state.PolicyOnline)
			snap.Current = &p
		}
	})
}

// brokenOrders break what operators ordered, and what joins, guards of inputs, guard rails and evaluations remember.
func brokenOrders() map[string]broken {
	ctx := context.Background()
	return map[string]broken{
		"forgets open decisions": {shell: func() *mutant { return restored(func(l *learner.Learner) { l.Finish() }) }},
		"lets a source flood after a restart": {shell: func() *mutant {
			return restoring(func(c *learner.Config) { c.Guard.Inputs.MaxSourceShare = 1 })
		}},
		"bounds gradients elsewhere after a restart": {shell: func() *mutant {
			return restoring(func(c *learner.Config) {
				if c.Guard.Inputs.Watch { // the long world, in which there is a bound
					c.Guard.Inputs.ClipQuantile = 0.95
				}
			})
		}},
		"evaluates anew after a restart": {shell: func() *mutant {
			return restoring(func(c *learner.Config) {
				names := slices.Clone(c.Evaluate.Identities)
				for i := range names {
					names[i] += " anew"
				}
				c.Evaluate.Identities = names
			})
		}},
		"hides that the guard rail took an arm out": {world: func(w *World) {
			honest := w.Config.Model
			if w.serves == nil || w.Config.Evaluate.Ask != nil {
				return
			}
			w.Config.Model = func() (learner.Model, error) {
				m, err := honest()
				return silent{m.(*bandit.Model)}, err
			}
		}},
		"moves readers by force to arms that are out": {world: func(w *World) {
			w.opens = nil
		}, want: "moved by force to version"},
		"serves the arms of before": {shell: func() *mutant {
			return remembers(func(s *state.Mem, k state.Key, o *Owner, old, snap *state.Snapshot) error {
				late := *snap
				if snap.Current != nil && snap.Current.State.IsZero() && old.Current != nil {
					late.Current, late.Parts = old.Current, old.Parts
					late.Blobs = append(slices.Clone(snap.Blobs), old.Blobs...)
				}
				return Honest{}.Save(ctx, s, k, o, &late)
			})
		}, want: "an undisturbed run serves"},
		"forgets the kill switch": {shell: func() *mutant {
			return switching(func(*state.Pointer) bool { return true })
		}},
		"lets a freeze end the kill switch": {shell: func() *mutant {
			return switching(func(p *state.Pointer) bool { return p.Mode == learner.Frozen.String() })
		}, want: "follow the policy"},
		"lets a hold end the kill switch": {shell: func() *mutant {
			return switching(func(p *state.Pointer) bool { return p.Mode == state.ModeHeld })
		}},
		"thaws after a restart": {shell: func() *mutant {
			return restored(func(l *learner.Learner) {
				if l.Mode() == learner.Frozen {
					l.Apply(state.Command{ID: "thaw", Kind: learner.CommandUnfreeze, Who: state.Automation})
				}
			})
		}},
		"takes no order while it is frozen": {shell: func() *mutant {
			return &mutant{take: func(s *state.Mem, k state.Key, o *Owner, c state.Command) error {
				if o.Learner.Mode() != learner.Learning {
					return nil
				}
				return Honest{}.Take(ctx, s, k, o, c)
			}}
		}},
		"answers an order that it has not taken": {shell: func() *mutant {
			return &mutant{save: func(s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
				answered := *snap
				if inbox, err := s.Inbox(ctx, k); err == nil {
					for _, c := range inbox {
						answered.Done = append(slices.Clone(answered.Done), state.Ack{ID: c.ID, Offset: snap.Next.Offset})
					}
				}
				return Honest{}.Save(ctx, s, k, o, &answered)
			}}
		}},
		"forgets pins and labels": {shell: func() *mutant {
			return saving(func(snap *state.Snapshot) { snap.Marks = nil })
		}, want: "have the marks"},
	}
}
