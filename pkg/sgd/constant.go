package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// constant is stochastic gradient descent w -= rate h g x (Robbins, Monro 1951,
// https://doi.org/10.1214/aoms/1177729586), with the rate constant, or divided by t^power. With
// compat: vw the step is importance-weight-invariant.
func (m *Model) constant(u *update) tally {
	rate := m.p.rate
	if m.p.power > 0 {
		t := m.weight + u.h
		if m.p.vw { // t is 1 before the first event, and that of the events before
			t = m.weight + 1
		}
		rate = float64(rate * portable.Exp(-float64(m.p.power*portable.Log(t))))
	}
	g := float64(u.h * u.grad)
	step := float64(rate * g)
	if m.p.vw {
		step = -m.p.step(u, rate, u.norm2)
	}
	t := m.intercept(g)
	change, mass := t.change, t.mass
	slots, act := m.slots, m.act
	for i := range act {
		if i == 0 && m.p.interceptRate > 0 {
			continue
		}
		a := &act[i]
		s := &slots[a.idx]
		a.save(s)
		d := float64(step * a.x)
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
