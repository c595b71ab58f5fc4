package sgd

import "math"

// ftrl is FTRL-Proximal (McMahan et al. 2013, https://doi.org/10.1145/2487575.2488200,
// algorithm 1), with alpha the rate, and penalties l1 and l2. A weight whose
// accumulated gradient z stays within l1 is exactly 0. N is z, G the sum n of squared gradients:
//
//	s = (sqrt(n + g^2) - sqrt(n)) / alpha, z += g - s w, n += g^2, g = h dl/dz x
//	w = 0 if |z| <= l1, else -(z - sign(z) l1) / ((beta + sqrt(n))/alpha + l2)
func (m *Model) ftrl(u *update) tally {
	g := float64(u.h * u.grad)
	if g == 0 {
		m.keep()
		return tally{}
	}
	alpha, beta, l1, l2 := m.p.rate, m.p.beta, m.p.l1, m.p.l2
	var t tally
	slots, act, limit := m.slots, m.act, m.p.coordinateLimit()
	for i := range act {
		a := &act[i]
		s := &slots[a.idx]
		a.save(s)
		gx := bound(float64(g*a.x), limit)
		n := s.G + float64(gx*gx)
		root := math.Sqrt(n)
		s.N += gx - float64((root-math.Sqrt(s.G))/alpha*s.W)
		s.G = n
		w := 0.0
		if z := math.Abs(s.N); z > l1 {
			w = -math.Copysign((z-l1)/((beta+root)/alpha+l2), s.N)
		}
		s.W = w
		d := w - a.w
		t.change += float64(d * d)
		t.mass += math.Abs(w)
		t.sums += n + math.Abs(s.N)
	}
	return t
}
