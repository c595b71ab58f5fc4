package bandit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// ErrNotMergeable is returned for policies whose state is no sum over events.
var ErrNotMergeable = errors.New("the state is no sum over events and cannot be merged")

// Merge adds to m what other bandits of the same configuration have learned from other
// events, as of the newest event of all. Policies without context and ridge regressions with a full matrix are sums over
// events: merging the learners of all partitions gives the one learner of all records, to rounding, however
// the records were distributed; exp3ix and bag also use the number of events, and so come close. With standardisation each partition standardises by what it has seen, so that
// the result is that of the learners and not of one learner. gradient, reinforce, logistic, cover and diagonal matrices give
// ErrNotMergeable. An error changes nothing; references stay.
func (m *Model) Merge(others ...*Model) error {
	sum := m.copyOf(m)
	for _, o := range others {
		if err := m.cfg.same(&o.cfg); err != nil {
			return fmt.Errorf("bandit: merge: %w", err)
		}
		if !slices.Equal(m.arms.names(), o.arms.names()) {
			return fmt.Errorf("bandit: merge: arms %q and %q differ", m.arms.names(), o.arms.names())
		}
		if err := sum.merge(m.copyOf(o)); err != nil {
			return fmt.Errorf("bandit: merge policy %s: %w", m.cfg.Policy, err)
		}
		t := sum.table()
		t.newest = max(t.newest, o.arms.newest)
		for i := range t.list {
			t.list[i].Events += o.arms.list[i].Events
			if r := t.list[i].Reward + o.arms.list[i].Reward; finite(r) {
				t.list[i].Reward = r
			}
			t.list[i].addWatched(&o.arms.list[i])
		}
	}
	m.live, m.arms = sum, sum.table()
	return nil
}

// copyOf returns a copy of the live parameters of o, which has the configuration of m.
func (m *Model) copyOf(o *Model) core {
	c := fresh(&m.cfg, o.arms.clone())
	c.decode(wire.NewReader(o.live.append(nil)))
	return c
}

// meet returns the newest step of the two.
func meet(a, b *aging) int64 { return max(a.now, b.now) }

func (s *counts) merge(other core) error {
	o := other.(*counts)
	now := meet(&s.aging, &o.aging)
	for _, c := range [...]*counts{s, o} {
		if c.aging.now != noStep {
			c.age(now, c.aging.left(now-c.aging.now))
		}
	}
	s.aging.now = now
	for a := range s.sums {
		s.sums[a].add(&o.sums[a])
		for k := range s.blocks {
			s.blocks[k][a].add(&o.blocks[k][a])
		}
	}
	s.events += o.events
	return nil
}

func (s *linear) merge(other core) error {
	o := other.(*linear)
	if s.full == nil || s.cfg.Policy == Logistic {
		return ErrNotMergeable
	}
	now := meet(&s.aging, &o.aging)
	for _, c := range [...]*linear{s, o} {
		if c.aging.now != noStep && c.aging.now < now {
			c.ageAll(now, c.aging.left(now-c.aging.now))
		}
		c.aging.now = now
	}
	to, err := s.features.merge(o.features)
	if err != nil {
		return err
	}
	for i := range s.full {
		var total, more sums
		s.full[i].expand(&total, s.cfg.Lambda)
		o.full[i].expand(&more, s.cfg.Lambda)
		total.add(&more, to)
		if !s.full[i].factorise(&total, s.cfg.Lambda) {
			return fmt.Errorf("the merged matrix of regression %d is not positive definite or not finite", i)
		}
		for k := range s.windowed(i) {
			s.blocks[i][k].add(&o.blocks[i][k], to)
		}
	}
	return nil
}

// windowed returns the blocks of regression i, none without a window.
func (s *linear) windowed(i int) []sums {
	if s.blocks == nil {
		return nil
	}
	return s.blocks[i][:]
}
