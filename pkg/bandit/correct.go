package bandit

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// corrector is a core whose sums are linear in the rewards, so that one reward
// can be exchanged for another long after it was learned. What is corrected is
// the same as if the event had had the other reward from the beginning, but for rounding.
type corrector interface {
	// coordinates are the features of the event that was learned last, as they were then.
	coordinates() []pair
	// correct adds to the sums what an event of time t and weight h, which are those of its record, adds for the reward
	// r less what it adds for old, both on the scale [0, 1].
	correct(arm int, t int64, h float64, x []pair, old, r float64) *event.Rejection
}

// CanCorrect reports whether late rewards can correct what was learned: in ridge
// regression with the full matrix, and in counts of rewards.
func (m *Model) CanCorrect() bool {
	switch m.cfg.Policy {
	case Bag, Logistic, EXP3, EXP3IX: // weighted or clipped by what the state was at the time
		return false
	}
	_, ok := m.live.(corrector)
	return ok && (m.cfg.full() || m.fromCounts())
}

// fromCounts reports whether the policy has counts and no features.
func (m *Model) fromCounts() bool {
	_, ok := m.live.(*counts)
	return ok
}

// AppendReceipt appends what Correct needs of the event that was learned last:
// arm, time, weight, and the features, standardised as they were then. Call it right after Learn.
func (m *Model) AppendReceipt(b []byte) []byte {
	c, ok := m.live.(corrector)
	if !ok {
		return b
	}
	b = wire.AppendUvarint(b, uint64(m.last.arm))
	b = wire.AppendVarint(b, m.last.time)
	b = wire.AppendFloat64(b, m.last.weight)
	x := c.coordinates()
	b = wire.AppendUvarint(b, uint64(len(x)))
	for _, p := range x {
		b = wire.AppendUvarint(b, uint64(p.i))
		b = wire.AppendFloat64(b, p.v)
	}
	return b
}

// Correct exchanges the reward old of an event, of which the receipt tells, for another one.
func (m *Model) Correct(receipt []byte, old, reward float64) *event.Rejection {
	c, ok := m.live.(corrector)
	if !ok || !m.CanCorrect() {
		return &event.Rejection{Reason: event.RewardInvalid, Detail: fmt.Sprintf("policy %s cannot take a reward back", m.cfg.Policy)}
	}
	if rej := m.CheckLabel(reward); rej != nil {
		return rej
	}
	r := wire.NewReader(receipt)
	arm, t, h := int(r.Uvarint()), r.Varint(), r.Finite()
	m.receipt = m.receipt[:0]
	known := m.known()
	for range r.Count(9) {
		p := pair{int32(r.Uvarint()), r.Finite()}
		if p.i < 0 || int(p.i) >= known {
			r.Fail("feature %d of %d", p.i, known)
			break
		}
		m.receipt = append(m.receipt, p)
	}
	if arm < 0 || arm >= m.arms.len() || h < 0 {
		r.Fail("arm %d with weight %v", arm, h)
	}
	if err := r.Close(); err != nil {
		return &event.Rejection{Reason: event.Unstable, Detail: "receipt of an event: " + err.Error()}
	}
	a := &m.arms.list[arm]
	if a.Status == ArmRemoved || a.open() && a.Until != 0 && t <= a.Until { // what the arm learned then has gone
		return gone(a)
	}
	if rej := c.correct(arm, t, h, m.receipt, m.cfg.scale(old), m.cfg.scale(reward)); rej != nil {
		return rej
	}
	if sum := a.Reward + (reward - old); finite(sum) {
		a.Reward = sum
	}
	return nil
}

// known is how many features have a number.
func (m *Model) known() int {
	if l, ok := m.live.(*linear); ok {
		return l.features.len()
	}
	return 0
}

// learned is what a receipt needs of the event that was learned last.
type learned struct {
	arm    int
	time   int64
	weight float64
}

func (s *linear) coordinates() []pair { return s.features.pairs }

// correct: A stays as it is, b += h (r - old) x, so z += D^-1 L^-1 h (r - old) x.
func (s *linear) correct(arm int, t int64, h float64, x []pair, old, r float64) *event.Rejection {
	step, counts := s.aging.still(t)
	if counts == 0 {
		return nil // it counts nothing any more, with any reward
	}
	i := s.regression(0, arm)
	f, next := &s.full[i], &s.next[0]
	n := 0
	for _, p := range x {
		n = max(n, int(p.i)+1)
	}
	next.copyFrom(f)
	next.grow(n, s.cfg.Lambda)
	s.v = sized(s.v, next.n)
	scatter(s.v, x)
	next.forward(s.v)
	by := float64(float64(h*counts) * (r - old))
	for k, v := range s.v {
		next.z[k] += float64(by*v) / next.d[k]
	}
	next.solve()
	if !next.valid() {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v would make a parameter non-finite or larger than %v", h, float64(maxWeight))}
	}
	s.full[i], s.next[0] = s.next[0], s.full[i]
	if s.blocks != nil {
		b := &s.blocks[i][block(step)]
		b.grow(n)
		for _, p := range x {
			b.b[p.i] += float64(by * p.v)
		}
	}
	return nil
}

func (s *counts) coordinates() []pair { return nil }

func (s *counts) correct(arm int, t int64, h float64, _ []pair, old, r float64) *event.Rejection { //nolint:unparam // an interface wants it
	step, counts := s.aging.still(t)
	if counts == 0 {
		return nil
	}
	h = float64(h * counts)
	ds, dq := float64(h*(r-old)), float64(h*(float64(r*r)-float64(old*old)))
	all := []*armSums{&s.sums[arm]}
	if s.blocks != nil {
		all = append(all, &s.blocks[block(step)][arm])
	}
	for _, a := range all { // rounding may lead out of what rewards in [0, 1] add up to
		a.s, a.q = min(max(a.s+ds, 0), a.n), min(max(a.q+dq, 0), a.n)
		if s.cfg.Policy == Ladder {
			a.w = max(a.w+float64(ds*s.cfg.RewardMax)/s.margin(arm), 0)
		}
	}
	return nil
}

// still returns the step of an event that was learned and what it counts now.
func (a *aging) still(t int64) (step int64, counts float64) {
	if a.unit == 0 {
		return noStep, 1
	}
	step = t / a.unit
	if step > a.now {
		return step, 1 // not so in a state that learned it
	}
	return step, a.left(a.now - step)
}
