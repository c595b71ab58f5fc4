package sgd

import "math"

// Below these magnitudes a value or a squared gradient counts as 0: its square
// or reciprocal would leave the range of float64.
const (
	tinyValue = 1e-50
	tinyGrad  = 1e-100
)

// nag is the normalised adaptive gradient (Ross, Mineiro, Langford 2013,
// https://arxiv.org/abs/1305.6646) with importance-weight-invariant steps
// (Karampatziakis, Langford 2011, https://arxiv.org/abs/1011.1576). It scales
// with every feature's largest magnitude, never overshoots the label, and
// learning an event with weight 2 is learning it twice. With decay below 1 the
// sums of squared gradients forget, so that the rates do not go to 0 and the
// model follows its stream.
func (m *Model) nag(u *update) tally {
	q := float64(float64(u.h*u.grad) * u.grad)
	if !(q >= tinyGrad) {
		m.keep()
		return tally{sums: q} // NaN is not ok
	}
	ppu, norm, sums := 0.0, 0.0, 0.0 // sums of x^2 r, of (x/N)^2, of G
	slots, act, decay := m.slots, m.act, m.p.decay
	for i := range act {
		a := &act[i]
		s := &slots[a.idx]
		x, g, largest := a.x, s.G, s.N
		a.w, a.g, a.n = s.W, g, largest
		ax := math.Abs(x)
		if ax < tinyValue {
			a.x = 0
			continue
		}
		x2 := float64(x * x)
		g = float64(decay*g) + float64(q*x2)
		if ax > largest {
			if largest > 0 {
				s.W *= largest / ax
			}
			s.N, largest = ax, ax
		}
		r := 1 / float64(largest*math.Sqrt(g))
		s.G, a.r = g, r
		x2r := float64(x2 * r)
		ppu += x2r
		norm += float64(x2r * float64(r*g)) // G r^2 is 1/N^2
		sums += g
	}
	sum := m.row.nagS + float64(u.h*norm)
	total := m.row.nagT + u.h
	mult := math.Sqrt(total / sum)
	step := float64(mult * m.p.step(u, u.rate, float64(mult*ppu)))
	change, mass := 0.0, 0.0
	sums += sum
	for i := range act {
		a := &act[i]
		x := a.x
		if x == 0 {
			continue
		}
		s := &slots[a.idx]
		w := s.W + float64(float64(step*x)*a.r)
		s.W = w
		d := w - a.w
		change += float64(d * d)
		mass += math.Abs(w)
	}
	t := tally{change, mass, sums}
	if m.penalised {
		t = m.penalise(u, float64(u.rate*mult), t)
	}
	if t.ok() {
		m.row.nagS, m.row.nagT = sum, total
	}
	return t
}

// keep saves the slots of an event that moves no weight.
func (m *Model) keep() {
	for i := range m.act {
		m.act[i].save(&m.slots[m.act[i].idx])
	}
}
