package sgd

import "math"

// adagradEpsilon keeps the first step finite; River's value.
const adagradEpsilon = 1e-8

// adagrad divides the rate of every weight by the root of its sum of squared
// gradients (Duchi, Hazan, Singer 2011, https://jmlr.org/papers/v12/duchi11a.html),
// as River does: G += g^2, w -= rate g / sqrt(G + 1e-8), g = h dl/dz x.
func (m *Model) adagrad(u *update) tally {
	g := float64(u.h * u.grad)
	t := m.intercept(bound(g, m.p.coordinateLimit()))
	slots, act, decay, limit := m.slots, m.act, m.p.decay, m.p.coordinateLimit()
	for i := range act {
		if i == 0 && m.p.interceptRate > 0 {
			continue
		}
		a := &act[i]
		s := &slots[a.idx]
		a.save(s)
		if a.x == 0 {
			continue
		}
		gx := bound(float64(g*a.x), limit)
		s.G = float64(decay*s.G) + float64(gx*gx)
		d := float64(u.rate*gx) / math.Sqrt(s.G+adagradEpsilon)
		s.W -= d
		t.change += float64(d * d)
		t.mass += math.Abs(s.W)
		t.sums += s.G
	}
	if m.penalised {
		t = m.penalise(u, u.rate, t)
	}
	return t
}
