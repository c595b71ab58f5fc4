package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// linear is the state of the policies that regress rewards on features: a
// regression per arm with disjoint features, else one for all; of bag, Size times as many.
type linear struct {
	cfg      *Config
	arms     *arms
	key      Key
	rule     *rule
	features *features
	aging    aging
	slots    int     // regressions of a member
	prior    float64 // expected where nothing is known; regressions learn what rewards differ by
	full     []ldl
	diagonal []diagonal
	blocks   [][windowBlocks]sums // of full, with a window

	// The event at hand.
	taught []int // regressions that learn it
	next   []ldl // of those, as are weight and tau
	aged   ldl
	total  sums
	v      []float64
	weight []float64
	tau    []float64
	gains  []float64 // with diagonal ones, of one after the other
}

func newLinear(c *Config, t *arms) *linear {
	s := &linear{cfg: c, arms: t, key: NewKey(c.Salt), rule: newRule(), features: newFeatures(c, t), aging: newAging(c), slots: 1}
	if c.Policy != Logistic && c.Policy != Cats {
		s.prior = c.Optimism
	}
	if c.Features == Disjoint {
		s.slots = t.len()
	}
	n := s.slots * s.members()
	if c.full() {
		s.full, s.next = make([]ldl, n), make([]ldl, s.members())
		if s.aging.window {
			s.blocks = make([][windowBlocks]sums, n)
		}
	} else {
		s.diagonal = make([]diagonal, n)
	}
	return s
}

func (s *linear) members() int {
	if s.cfg.Policy == Bag {
		return s.cfg.Size
	}
	return 1
}

// regression returns the number of a member's regression for an arm.
func (s *linear) regression(member, arm int) int {
	if s.slots == 1 {
		return member
	}
	return member*s.slots + arm
}

func (s *linear) predict(e *event.Event) (z, norm float64, rej *event.Rejection) {
	if rej := s.features.gather(e, false); rej != nil {
		return 0, 0, rej
	}
	return s.margin(e.Arm), normOf(s.features.pairs), nil
}

// margin returns the mean margin of the members for the gathered event.
func (s *linear) margin(arm int) float64 {
	z := 0.0
	for b := range s.members() {
		z += s.expected(s.regression(b, arm), s.features.x, s.features.pairs)
	}
	return z / float64(s.members())
}

// expected returns the margin of a regression for features, dense with a full matrix.
func (s *linear) expected(regression int, x []float64, pairs []pair) float64 {
	if s.full != nil {
		return s.prior + s.full[regression].predict(x)
	}
	return s.prior + s.diagonal[regression].predict(pairs)
}

func (s *linear) learn(e *event.Event, step *event.Step) *event.Rejection {
	if rej := s.aging.check(e); rej != nil {
		return rej
	}
	known := s.features.len()
	rej := s.features.gather(e, true)
	if rej == nil {
		rej = s.update(e, step, s.of(e.Arm))
	}
	if rej != nil {
		s.features.index.truncate(known)
	}
	return rej
}

// of returns the regressions of an arm, one of each member.
func (s *linear) of(arm int) []int {
	s.taught = s.taught[:0]
	for b := range s.members() {
		s.taught = append(s.taught, s.regression(b, arm))
	}
	return s.taught
}

// update lets the regressions taught learn the gathered event; of bag one of each member.
func (s *linear) update(e *event.Event, step *event.Step, taught []int) *event.Rejection {
	s.cfg.evaluate(step, s.margin(e.Arm), normOf(s.features.pairs), e.Label)
	if rej := unstable(step); rej != nil {
		return rej
	}
	now, counts, before := s.aging.step(e)
	if counts == 0 {
		return tooOld(e)
	}
	s.weight, s.tau = sized(s.weight, len(taught)), sized(s.tau, len(taught))
	for b := range s.weight {
		s.weight[b] = float64(e.Weight * counts)
		if s.cfg.Policy == Bag {
			s.weight[b] *= poisson(s.features.events, b)
		}
	}
	var moved float64
	var ok bool
	if s.full != nil {
		moved, ok = s.updateFull(e, taught, now, before)
	} else {
		moved, ok = s.updateDiagonal(e, taught, before)
	}
	if !ok {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v and features of norm %v would make a parameter non-finite or larger than %v", e.Weight, normOf(s.features.pairs), float64(maxWeight))}
	}
	step.UpdateNorm = moved
	if s.aging.unit != 0 {
		s.aging.now = max(s.aging.now, now)
	}
	s.features.commit()
	return nil
}

// updateFull learns with full matrices. It stages the regressions, and commits when all are valid.
func (s *linear) updateFull(e *event.Event, taught []int, now int64, before float64) (moved float64, ok bool) {
	x, y := s.features.x, s.cfg.scale(e.Label)-s.prior
	s.v = sized(s.v, len(x))
	for len(s.next) < len(taught) {
		s.next = append(s.next, ldl{})
	}
	for b, h := range s.weight {
		i := taught[b]
		f := &s.full[i]
		ages := now > s.aging.now && s.aging.now != noStep
		switch {
		case ages && !s.age(i, now, before):
			return 0, false
		case !ages && f.n < len(x):
			s.aged.copyFrom(f)
		}
		if ages || f.n < len(x) {
			s.aged.grow(len(x), s.cfg.Lambda)
			f = &s.aged
		}
		s.learnFull(&s.next[b], f, x, y, h)
		if !s.next[b].valid() {
			return 0, false
		}
		moved += distance(s.next[b].theta, s.full[i].theta)
	}
	if now > s.aging.now && s.aging.now != noStep {
		s.ageAll(now, before)
	}
	for b, h := range s.weight {
		i := taught[b]
		s.full[i], s.next[b] = s.next[b], s.full[i]
		if s.blocks != nil {
			s.blocks[i][block(now)].learn(x, y, h)
		}
	}
	return moved / float64(len(s.weight)), true
}

// learnFull writes f with an event added into next.
func (s *linear) learnFull(next, f *ldl, x []float64, y, h float64) {
	copy(s.v, x)
	if s.cfg.Policy != Logistic {
		next.update(f, s.v, y, h)
		next.solve()
		return
	}
	z := f.predict(x)
	f.forward(s.v)
	variance := 0.0
	for i, d := range f.d {
		variance += float64(s.v[i]*s.v[i]) / d
		s.v[i] /= d
	}
	f.backward(s.v) // A^-1 x
	tau, w := laplace(z, variance, y, h)
	next.theta = append(next.theta[:0], f.theta...)
	for i, v := range s.v {
		next.theta[i] += float64(tau * v)
	}
	copy(s.v, x)
	next.update(f, s.v, 0, w)
}

// updateDiagonal learns with diagonal ones.
func (s *linear) updateDiagonal(e *event.Event, taught []int, before float64) (moved float64, ok bool) {
	x, y := s.features.pairs, s.cfg.scale(e.Label)-s.prior
	s.gains = s.gains[:0]
	for b, h := range s.weight {
		g := &s.diagonal[taught[b]]
		from, z := len(s.gains), g.predict(x)
		var v float64
		s.gains, v = g.gain(x, before, s.cfg.Lambda, s.gains)
		if s.cfg.Policy == Logistic {
			s.tau[b], s.weight[b] = laplace(z, v, y, h)
		} else {
			s.tau[b] = float64(h*(y-z)) / (1 + float64(h*v))
		}
		m, ok := g.moves(x, s.gains[from:], s.tau[b], s.weight[b], before, s.cfg.Lambda)
		if !ok {
			return 0, false
		}
		moved += m
	}
	if before != 1 {
		for i := range s.diagonal {
			s.diagonal[i].age(before, s.cfg.Lambda)
		}
	}
	for b := range s.weight {
		g := &s.diagonal[taught[b]]
		g.grow(s.features.len(), s.cfg.Lambda)
		g.learn(x, s.gains[b*len(x):], s.tau[b], s.weight[b])
	}
	return moved / float64(len(s.weight)), true
}

// age writes regression i as of step now into s.aged.
func (s *linear) age(i int, now int64, before float64) bool {
	s.total.clear()
	s.total.grow(s.full[i].n)
	if s.blocks == nil {
		s.full[i].expand(&s.total, s.cfg.Lambda)
		s.total.scale(before)
	} else {
		for age := int64(0); age < windowBlocks; age++ {
			if at := now - age; at <= s.aging.now && at > s.aging.now-windowBlocks && at >= 0 {
				s.total.add(&s.blocks[i][block(at)], nil)
			}
		}
	}
	s.total.a, s.total.b = s.total.a[:triangle(s.full[i].n)], s.total.b[:s.full[i].n]
	return s.aged.factorise(&s.total, s.cfg.Lambda)
}

// ageAll moves every regression to step now; one whose aged matrix is no longer
// positive definite by rounding stays as it is.
func (s *linear) ageAll(now int64, before float64) {
	for i := range s.full {
		if s.age(i, now, before) {
			s.full[i], s.aged = s.aged, s.full[i]
		}
		if s.blocks != nil {
			s.aging.expire(now, func(k int) { s.blocks[i][k].clear() })
		}
	}
}

// distance returns the Euclidean distance of two vectors, b padded with zeros.
func distance(a, b []float64) float64 {
	d := 0.0
	for i, v := range a {
		if i < len(b) {
			v -= b[i]
		}
		d += float64(v * v)
	}
	return math.Sqrt(d)
}

func (s *linear) read(e *event.Event, r *event.Reading) {
	f := s.features
	f.context = f.scored(e, f.context[:0])
	f.pairs, _, _ = f.place(f.context, e, e.Arm, false, f.pairs[:0])
	if s.full != nil {
		f.x = sized(f.x, f.len())
		scatter(f.x, f.pairs)
	}
	r.J, r.X = append(r.J[:0], 0), append(r.X[:0], 1)
	for i := range e.X.Dense {
		if j := 1 + f.scaler.Lookup(e.X.Dense[i].Hash); 0 < j && j < pooled {
			r.J, r.X = append(r.J, uint16(j)), append(r.X, f.context[i].v)
		}
	}
	for _, p := range f.pairs {
		h := f.index.hashes[p.i]
		if s.cfg.Features == Disjoint {
			h = cross(s.arms.hashes[e.Arm], h)
		}
		addSketch(r, h, p.v)
	}
	s.cfg.read(r, s.margin(e.Arm), e.Label)
}

// append writes the features, the newest step, and every regression, with a
// window after each its blocks.
func (s *linear) append(b []byte) []byte {
	b = s.features.append(b)
	b = s.aging.append(b)
	for i := range s.full {
		b = s.full[i].append(b, s.cfg.Policy == Logistic)
		if s.blocks != nil {
			for k := range s.blocks[i] {
				b = s.blocks[i][k].append(b)
			}
		}
	}
	for i := range s.diagonal {
		b = s.diagonal[i].append(b)
	}
	return b
}

func (s *linear) decode(r *wire.Reader) {
	s.features.decode(r)
	s.aging.decode(r)
	for i := range s.full {
		s.full[i].decode(r, s.features.len(), s.cfg.Policy == Logistic)
		if s.blocks != nil {
			for k := range s.blocks[i] {
				s.blocks[i][k].decode(r, s.full[i].n)
			}
		}
	}
	for i := range s.diagonal {
		s.diagonal[i].decode(r, s.features.len())
	}
}
