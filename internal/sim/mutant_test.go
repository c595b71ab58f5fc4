package sim

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// mutant is a shell that breaks one rule: the hooks that are set replace the honest ones.
type mutant struct {
	Honest
	claim   func(s *state.Mem, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error)
	restore func(c learner.Config, snap *state.Snapshot) (*learner.Learner, error)
	deliver func() bool
	record  func(r learner.Record) learner.Record
	take    func(s *state.Mem, k state.Key, o *Owner, c state.Command) error
	save    func(s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error
}

func (m *mutant) Claim(ctx context.Context, s *state.Mem, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error) {
	if m.claim != nil {
		return m.claim(s, k, o)
	}
	return m.Honest.Claim(ctx, s, k, o)
}

func (m *mutant) Restore(c learner.Config, snap *state.Snapshot) (*learner.Learner, error) {
	if m.restore != nil {
		return m.restore(c, snap)
	}
	return m.Honest.Restore(c, snap)
}

func (m *mutant) Deliver(o *Owner, offset int64) bool {
	if m.deliver != nil {
		return m.deliver()
	}
	return m.Honest.Deliver(o, offset)
}

func (m *mutant) Record(r learner.Record) learner.Record {
	if m.record != nil {
		return m.record(r)
	}
	return r
}

func (m *mutant) Take(ctx context.Context, s *state.Mem, k state.Key, o *Owner, c state.Command) error {
	if m.take != nil {
		return m.take(s, k, o, c)
	}
	return m.Honest.Take(ctx, s, k, o, c)
}

func (m *mutant) Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
	if m.save != nil {
		return m.save(s, k, o, snap)
	}
	return m.Honest.Save(ctx, s, k, o, snap)
}

// saving returns a mutant that changes what is saved.
func saving(edit func(snap *state.Snapshot)) *mutant {
	return &mutant{save: func(s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
		changed := *snap
		edit(&changed)
		return Honest{}.Save(context.Background(), s, k, o, &changed)
	}}
}

// remembers returns a mutant with the snapshot that was saved before.
func remembers(save func(s *state.Mem, k state.Key, o *Owner, old, snap *state.Snapshot) error) *mutant {
	var old *state.Snapshot
	return &mutant{save: func(s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
		was := old
		old = snap
		if was == nil || was.Next.Offset >= snap.Next.Offset {
			was = snap
		}
		return save(s, k, o, was, snap)
	}}
}

// forgiving returns a mutant that takes an error for success.
func forgiving(target error) *mutant {
	return &mutant{save: func(s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
		out := *snap
		out.Seq = o.Base + 1
		err := s.Save(context.Background(), k, o.Claim, o.Base, &out, keep)
		if errors.Is(err, target) {
			return nil
		}
		return err
	}}
}

// broken is a run in which one rule is broken.
type broken struct {
	shell func() *mutant
	world func(*World) // changes the faulty run alone
	want  string       // by which it is noticed; empty for anything
}

// Each rule that the shell, the store or the model keeps is broken by one
// mutant, and the simulation notices.
func TestMutantsAreCaught(t *testing.T) {
	shared := paymentStreams()
	all := brokenStores()
	maps.Copy(all, brokenOrders())
	p := &pool{tb: t, streams: &shared}
	for name, c := range all {
		t.Run(name, func(t *testing.T) { c.caught(t, p) })
	}
}

func (c *broken) caught(t *testing.T, p *pool) {
	for seed := uint64(1); seed <= 2000; seed++ {
		if _, err := p.world(seed).undisturbed(); err != nil {
			t.Fatal(err)
		}
		w := *p.world(seed)
		if c.shell != nil {
			w.Shell = c.shell()
		}
		if c.world != nil {
			c.world(&w)
		}
		if _, err := w.Run(seed); err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("caught by %q, expected %q", err, c.want)
			}
			t.Logf("seed %d: %v", seed, err)
			return
		}
	}
	t.Error("2,000 seeds did not catch it")
}
