package sgd

import "math"

// constant is stochastic gradient descent w -= rate h g x (Robbins, Monro 1951,
// https://doi.org/10.1214/aoms/1177729586). With
// compat: vw the step is importance-weight-invariant.
func (m *Model) constant(u *update) tally {
	rate := u.rate
	g := float64(u.h * u.grad)
	step := float64(rate * g)
	if m.p.vw {
		step = -m.p.step(u, rate, u.norm2)
	}
	t := m.intercept(bound(g, m.p.coordinateLimit()))
	change, mass := t.change, t.mass
	slots, act, limit := m.slots, m.act, float64(rate*m.p.coordinateLimit())
	for i := range act {
		if i == 0 && m.p.interceptRate > 0 {
			continue
		}
		a := &act[i]
		s := &slots[a.idx]
		a.save(s)
		d := bound(float64(step*a.x), limit)
		s.W -= d
		change += float64(d * d)
		mass += math.Abs(s.W)
	}
	t = tally{change: change, mass: mass}
	if m.penalised {
		t = m.penalise(u, rate, t)
	}
	return t
}

// intercept takes the intercept's own step, if it has a rate of its own.
func (m *Model) intercept(g float64) tally {
	if m.p.interceptRate == 0 {
		return tally{}
	}
	a := &m.act[0]
	s := &m.slots[a.idx]
	a.save(s)
	d := float64(m.p.interceptRate * g)
	s.W -= d
	return tally{change: float64(d * d), mass: math.Abs(s.W)}
}
