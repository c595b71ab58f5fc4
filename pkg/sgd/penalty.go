package sgd

import "math"

// penalised reports whether l1 or l2 is on for an optimizer that takes steps.
func (p *plan) penalised() bool {
	return (p.l1 > 0 || p.l2 > 0) && (p.optimizer == optNAG || p.optimizer == optSGD || p.optimizer == optAdaGrad)
}

// penalise shrinks the weights that the event moved, the intercept apart. The
// companion has as W the sum of the weights learned up to the last penalty, as
// G the l1 penalty u that the weight could have had so far, and as N the one q that it had, with its
// sign. With r the rate of the weight and n what was learned since its last penalty, at the
// first what is learned now,
//
//	l1: u += r n l1; w > 0: w' = max(0, w-(u+q)); w < 0: w' = min(0, w+(u-q)); q += w'-w
//	l2: w = w' / (1 + r n l2)
//
// The first is the cumulative penalty of Tsuruoka, Tsujii, Ananiadou 2009
// (https://aclanthology.org/P09-1054): what a weight was spared at 0 holds it
// there against the noise of gradients. The second is the proximal step of Duchi, Singer 2009
// (https://jmlr.org/papers/v10/duchi09a.html). Both are lazy: they cost nothing
// for features that an event does not have, and reach a weight when its feature is next learned.
func (m *Model) penalise(u *update, rate float64, t tally) tally {
	now := m.weight + u.h
	change, sums := 0.0, t.sums+now
	for i := range m.act {
		a := &m.act[i]
		s := &m.slots[a.idx]
		if i > 0 && a.x != 0 {
			c := &m.slots[a.idx+1]
			n := u.h
			if c.W > 0 { // not the first time
				n = max(0, now-c.W)
			}
			c.W = now
			r := float64(n * m.rateOf(a, s, rate))
			c.G += float64(r * m.p.l1)
			w := truncate(s.W, c.G, c.N)
			c.N += w - s.W
			s.W = w / (1 + float64(r*m.p.l2))
			sums += c.G + math.Abs(c.N)
		}
		d := s.W - a.w
		change += float64(d * d)
	}
	return tally{change: change, mass: t.mass, sums: sums}
}

// truncate moves a weight towards 0, by what is left of the penalty total u after q.
func truncate(w, u, q float64) float64 {
	if w > 0 {
		return max(0, w-max(0, u+q))
	}
	return min(0, w+max(0, u-q))
}

// rateOf is the rate of one weight: that of the optimizer by what it knows of the feature.
func (m *Model) rateOf(a *active, s *slot, rate float64) float64 {
	switch m.p.optimizer {
	case optNAG:
		return float64(rate * a.r)
	case optAdaGrad:
		return rate / math.Sqrt(s.G+adagradEpsilon)
	default:
		return rate
	}
}

// saveCompanions remembers the companions of the event's slots before they are written.
func (m *Model) saveCompanions() {
	for i := range m.act {
		m.companions[i] = m.slots[m.act[i].idx+1]
	}
}
