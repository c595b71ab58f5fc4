package sgd

import "github.com/streamlearner/streamlearner/internal/portable"

// constant is stochastic gradient descent w -= rate h g x (Robbins, Monro 1951,
// https://doi.org/10.1214/aoms/1177729586), with the rate constant, or divided by t^power.
func (m *Model) constant(u *update) tally {
	rate := m.p.rate
	if m.p.power > 0 {
		rate = float64(rate * portable.Exp(-float64(m.p.power*portable.Log(m.weight+u.h))))
	}
	g := float64(u.h * u.grad)
	step := float64(rate * g)
	t := m.intercept(g)
	for i := range m.act {
		a := &m.act[i]
		s := &m.slots[a.idx]
		if i == 0 && m.p.interceptRate > 0 {
			continue
		}
		a.save(s)
		s.W -= float64(step * a.x)
		t.add(a.w, s.W)
	}
	return t
}

// intercept takes the intercept's own step, if it has a rate of its own.
func (m *Model) intercept(g float64) tally {
	var t tally
	if m.p.interceptRate > 0 {
		a := &m.act[0]
		s := &m.slots[a.idx]
		a.save(s)
		s.W -= float64(m.p.interceptRate * g)
		t.add(a.w, s.W)
	}
	return t
}
