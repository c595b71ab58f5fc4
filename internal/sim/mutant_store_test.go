package sim

import (
	"context"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// hoarder is a model that keeps a part of its optimizer state when parameters
// are restored into it: it learns the last event again.
type hoarder struct {
	*sgd.Model
	last *event.Event
}

func (h hoarder) Learn(e *event.Event) event.Step {
	*h.last = *e
	return h.Model.Learn(e)
}

func (h hoarder) UnmarshalBinary(b []byte) error {
	err := h.Model.UnmarshalBinary(b)
	if err == nil && h.last.Labelled {
		h.Model.Learn(h.last)
	}
	return err
}

// brokenStores break what is stored, read again and published.
func brokenStores() map[string]broken {
	ctx := context.Background()
	clock := int64(1_800_000_000_000)
	return map[string]broken{
		"learns duplicates": {shell: func() *mutant { return &mutant{deliver: func() bool { return true }} }},
		"saves though it is fenced": {shell: func() *mutant {
			return &mutant{save: func(s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
				if stored, claim, err := s.State(ctx, k); err == nil && claim != o.Claim {
					o.Claim, o.Base, o.known = claim, stored.Seq, nil
				}
				return Honest{}.Save(ctx, s, k, o, snap)
			}}
		}, want: "zombie"},
		"takes a refusal for success": {shell: func() *mutant { return forgiving(state.ErrFenced) }},
		"gives up after a failover":   {shell: func() *mutant { return forgiving(state.ErrBase) }},
		"claims late": {shell: func() *mutant {
			return &mutant{claim: func(s *state.Mem, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error) {
				_ = s.Adopt(ctx, k) // refused for a partition that nobody has claimed
				return s.Claim(ctx, k, o)
			}}
		}, want: "late claim"},
		"tells owners by their generation alone": {shell: func() *mutant {
			return &mutant{claim: func(s *state.Mem, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error) {
				o.Member, o.Assignment = "", 0
				return s.Claim(ctx, k, o)
			}}
		}},
		"publishes what is unproven": {shell: func() *mutant {
			return saving(func(snap *state.Snapshot) {
				if p := snap.Current; p != nil {
					newest := *p
					newest.Number, newest.Sum = p.Number+1000, snap.Refs[0]
					snap.Current = &newest
				}
			})
		}, want: "was published"},
		"publishes before it saves": {shell: func() *mutant {
			n := 0
			return remembers(func(s *state.Mem, k state.Key, o *Owner, old, snap *state.Snapshot) error {
				if snap.Current != nil && (old.Current == nil || !old.Current.Equal(*snap.Current)) {
					early := *old
					early.Current, early.Parts = snap.Current, snap.Parts
					early.Blobs = append(early.Blobs[:len(early.Blobs):len(early.Blobs)], snap.Blobs...)
					err := Honest{}.Save(ctx, s, k, o, &early)
					if n++; n%3 == 0 && err == nil {
						return errCrash
					}
					o.Base++
				}
				return Honest{}.Save(ctx, s, k, o, snap)
			})
		}, want: "an undisturbed run serves"},
		"ends a hold by itself": {shell: func() *mutant {
			return saving(func(snap *state.Snapshot) {
				if p := snap.Current; p != nil && p.Mode == state.ModeHeld && len(snap.Also) > 0 {
					snap.Current = &state.Pointer{Version: snap.Also[0].Version, Mode: "learning"}
				}
			})
		}, want: "an operator holds them"},
		"drops what is held": {shell: func() *mutant {
			return saving(func(snap *state.Snapshot) {
				if p := snap.Current; p != nil && p.Mode == state.ModeHeld {
					q := *p
					q.Mode = "frozen"
					snap.Current = &q
				}
			})
		}, want: "an operator holds them"},
		"cuts the quarantine short": {world: func(w *World) { w.Config.Snapshot.Quarantine /= 2 }, want: "was published"},
		"saves offset without state": {shell: func() *mutant {
			return remembers(func(s *state.Mem, k state.Key, o *Owner, old, snap *state.Snapshot) error {
				torn := *old
				torn.Next = snap.Next
				return Honest{}.Save(ctx, s, k, o, &torn)
			})
		}},
		"saves state without offset": {shell: func() *mutant {
			return remembers(func(s *state.Mem, k state.Key, o *Owner, old, snap *state.Snapshot) error {
				torn := *snap
				torn.Next = old.Next
				return Honest{}.Save(ctx, s, k, o, &torn)
			})
		}},
		"saves an offset too low":  {shell: func() *mutant { return saving(func(s *state.Snapshot) { s.Next.Offset = max(0, s.Next.Offset-1) }) }},
		"saves an offset too high": {shell: func() *mutant { return saving(func(s *state.Snapshot) { s.Next.Offset++ }) }},
		"skips a record after a crash": {shell: func() *mutant {
			return &mutant{restore: func(c learner.Config, snap *state.Snapshot) (*learner.Learner, error) {
				ahead := *snap
				ahead.Next.Offset++
				return learner.Restore(c, &ahead)
			}}
		}},
		"loses a command": {shell: func() *mutant {
			return &mutant{take: func(*state.Mem, state.Key, *Owner, state.Command) error { return nil }}
		}},
		"applies a command without its journal": {shell: func() *mutant {
			n := 0
			return &mutant{take: func(_ *state.Mem, _ state.Key, o *Owner, c state.Command) error {
				n++ // the journal knows a command by its id: this one is not found there again
				c.ID += strings.Repeat("'", n)
				o.Learner.Apply(c)
				return nil
			}}
		}},
		"answers a command before the save": {shell: func() *mutant {
			return &mutant{take: func(s *state.Mem, k state.Key, o *Owner, c state.Command) error {
				stored, _, _ := s.State(ctx, k)
				if stored == nil || stored.Next.Offset == o.Learner.Next().Offset {
					return Honest{}.Take(ctx, s, k, o, c)
				}
				early := *stored
				early.Done = []state.Ack{{ID: c.ID, Offset: o.Learner.Next().Offset}}
				_ = Honest{}.Save(ctx, s, k, o, &early) // it may be a zombie's
				return errCrash
			}}
		}, want: "was answered"},
		"reads a clock for the time of records": {shell: func() *mutant {
			return &mutant{record: func(r learner.Record) learner.Record { clock++; r.Time = clock; return r }}
		}},
		"reads a clock when it publishes": {shell: func() *mutant {
			return saving(func(s *state.Snapshot) {
				if s.Current != nil {
					p := *s.Current
					clock++
					p.Created, s.Current = clock, &p
				}
			})
		}, want: "was published"},
		"leaves no audit records": {shell: func() *mutant { return saving(func(s *state.Snapshot) { s.Audit = nil }) }, want: "audit chain of 0 records"},
		"keeps optimizer state of after the freeze": {world: func(w *World) {
			honest := w.Config.Model
			last := new(event.Event)
			w.Config.Model = func() (learner.Model, error) {
				m, err := honest()
				return hoarder{m.(*sgd.Model), last}, err
			}
		}},
	}
}
