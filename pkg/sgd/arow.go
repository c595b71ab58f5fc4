package sgd

import "math"

// confidence holds what arow and scw know of a weight's variance: G is 0 for
// the initial variance 1, and the variance afterwards.
func (s *slot) variance() float64 {
	if s.G == 0 {
		return 1
	}
	return s.G
}

// minVariance keeps a variance from becoming 0, which would mean 1.
const minVariance = 1e-100

// spread returns the variance of the margin, the sum of variance times x^2, and saves the slots.
func (m *Model) spread() (v float64) {
	slots, act := m.slots, m.act
	for i := range act {
		a := &act[i]
		s := &slots[a.idx]
		a.save(s)
		v += float64(float64(a.x*a.x) * s.variance())
	}
	return v
}

// confide moves the weights by alpha S x and shrinks the variances by beta (S x)^2.
func (m *Model) confide(alpha, beta float64) tally {
	t := tally{sums: beta}
	slots, act := m.slots, m.act
	for i := range act {
		a := &act[i]
		s := &slots[a.idx]
		v := s.variance()
		d := float64(alpha * float64(v*a.x))
		s.W += d
		s.G = max(minVariance, v-float64(beta*float64(float64(v*a.x)*float64(v*a.x))))
		t.change += float64(d * d)
		t.mass += math.Abs(s.W)
		t.sums += s.G
	}
	return t
}

// arow is adaptive regularisation of weights with diagonal covariance
// (Crammer, Kulesza, Dredze 2009, https://papers.nips.cc/paper/3848), for labels of two
// classes. With v the variance of the margin m = s z, and 1/r the rate times the weight of the event:
//
//	beta = 1/(v + r), alpha = max(0, 1-m) beta, w += alpha s S x, S -= beta (S x)^2
func (m *Model) arow(u *update) tally {
	v := m.spread()
	s := 2*u.y - 1
	gap := 1 - float64(s*u.z)
	if !(gap > 0) {
		return tally{sums: v}
	}
	beta := 1 / (v + 1/float64(m.p.rate*u.h))
	return m.confide(float64(s*float64(gap*beta)), beta)
}
