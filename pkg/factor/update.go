package factor

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// maxParameter bounds the magnitude of a parameter: the score of any accepted event stays finite.
const maxParameter = 1e30

// normWindow is over how many events the mean norm of the gradient is taken.
const normWindow = 1000

// tally is what an update found while it wrote rows.
type tally struct {
	change float64 // squared norm of the change of the parameters
	mass   float64 // sum of the magnitudes of the parameters written
	sums   float64 // sum of the magnitudes of the optimizer's numbers written
}

// ok reports whether all that was written is finite and within bounds: a sum
// of magnitudes is finite only if all of them are.
func (t *tally) ok() bool {
	return t.mass <= maxParameter && finite(t.sums) && finite(t.change)
}

// clipped returns the factor that brings the norm of a gradient within its
// bound, and the norm that is left.
func (m *Model) clipped(norm float64) (factor, left float64) {
	bound := float64(m.p.clipGradient * m.norm)
	if bound > 0 && scale.Seasoned(m.events) && norm > bound {
		return bound / norm, bound
	}
	return 1, norm
}

// observeNorm takes the norm of a gradient into its running mean: the plain one
// over the first 1000 events, an exponential one after. Zeros do not count.
func (m *Model) observeNorm(norm float64) {
	if norm > 0 {
		m.norm += (norm - m.norm) / float64(min(m.events+1, normWindow))
	}
}

// move moves every parameter of the event at hand against its gradient, g by z
// and h the weight of the event. It returns the norm of the change. When
// anything becomes non-finite it puts all back and refuses.
func (m *Model) move(g, h float64) (float64, *event.Rejection) {
	if g == 0 {
		return 0, nil
	}
	var t tally
	p, w := &m.p, &m.work
	linear, factors := m.live.linear.len(), m.live.factors.len()
	saved := m.room()

	saved = save(saved, m.live.intercept[:p.linearStride()])
	p.moveLinear(m.live.intercept[:], g, 0, 0, &t)
	l2 := float64(h * p.l2)
	for i := range w.act {
		a := &w.act[i]
		a.linear = m.live.linear.ensure(p.key(a.hash), a.linear)
		row := m.live.linear.row(int(a.linear))
		saved = save(saved, row)
		p.moveLinear(row, float64(g*a.x), p.l1, l2, &t)
	}
	l2 = float64(h * p.l2Factors)
	for i := range w.rows {
		r := &w.rows[i]
		if r.active == unneeded {
			continue
		}
		v, dv := w.v[i*p.k:(i+1)*p.k], w.dv[i*p.k:(i+1)*p.k]
		row := m.factorRow(r, v)
		saved = save(saved, row)
		p.moveFactors(row, dv, g, l2, &t)
	}
	if !t.ok() {
		m.undo(saved, linear, factors)
		return 0, &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("learning it with gradient %v would make a parameter non-finite or larger than %v; lower learner.factor.rate and rate_factors", g, float64(maxParameter))}
	}
	return math.Sqrt(t.change), nil
}

// moveLinear moves one linear weight by its gradient g. AdaGrad (Duchi, Hazan,
// Singer 2011, https://jmlr.org/papers/v12/duchi11a.html):
//
//	G += g^2, w -= rate g / (beta + sqrt(G))
//
// or FTRL-Proximal (McMahan et al. 2013, https://doi.org/10.1145/2487575.2488200, algorithm 1):
//
//	s = (sqrt(G + g^2) - sqrt(G)) / rate, z += g - s w, G += g^2
//	w = 0 if |z| <= l1, else -(z - sign(z) l1) / ((beta + sqrt(G))/rate + l2)
func (p *plan) moveLinear(row []float64, g, l1, l2 float64, t *tally) {
	before := row[0]
	if !p.ftrl {
		g += float64(l2 * before)
	}
	sum := row[1] + float64(g*g)
	root := math.Sqrt(sum)
	if p.ftrl {
		row[2] += g - float64((root-math.Sqrt(row[1]))/p.rate*before)
		row[0] = 0
		if z := math.Abs(row[2]); z > l1 {
			row[0] = -math.Copysign((z-l1)/((p.beta+root)/p.rate+l2), row[2])
		}
		t.sums += math.Abs(row[2])
	} else {
		row[0] -= float64(p.rate*g) / (p.beta + root)
	}
	row[1] = sum
	d := row[0] - before
	t.change += float64(d * d)
	t.mass += math.Abs(row[0])
	t.sums += sum
}

// moveFactors moves a row of factors by AdaGrad, as moveLinear does. g dv is
// the gradient, dv at the factors before the event.
func (p *plan) moveFactors(row, dv []float64, g, l2 float64, t *tally) {
	v, sums := row[:len(dv)], row[len(dv):2*len(dv)]
	for f, d := range dv {
		gf := float64(g*d) + float64(l2*v[f])
		sums[f] += float64(gf * gf)
		step := float64(p.rateFactors*gf) / (p.beta + math.Sqrt(sums[f]))
		v[f] -= step
		t.change += float64(step * step)
		t.mass += math.Abs(v[f])
		t.sums += sums[f]
	}
}

// ensure returns the row of a key, which it adds if need be. row is what find
// returned before the event: another of its features may have added it since.
func (t *table) ensure(key uint32, row int32) int32 {
	if row < 0 {
		row = int32(t.find(key))
	}
	if row < 0 {
		row = int32(t.add(key))
	}
	return row
}

// factorRow returns the numbers of a row of factors; a new one begins with v.
func (m *Model) factorRow(r *factorRow, v []float64) []float64 {
	t := &m.live.factors
	known := t.len()
	r.row = t.ensure(r.key, r.row)
	row := t.row(int(r.row))
	if t.len() > known {
		copy(row, v)
	}
	return row
}

// room returns memory for the rows of the event at hand as they are.
func (m *Model) room() []float64 {
	n := (1+len(m.work.act))*m.p.linearStride() + len(m.work.rows)*2*m.p.k
	m.saved = slices.Grow(m.saved[:0], n)
	return m.saved
}

// save appends a row before it is written.
func save(saved, row []float64) []float64 { return append(saved, row...) }

// undo restores the rows, the last written first, since features may share
// one, and removes those that are new.
func (m *Model) undo(saved []float64, linear, factors int) {
	take := func(row []float64) {
		at := len(saved) - len(row)
		copy(row, saved[at:])
		saved = saved[:at]
	}
	w := &m.work
	for i := len(w.rows) - 1; i >= 0; i-- {
		if r := &w.rows[i]; r.active != unneeded {
			take(m.live.factors.row(int(r.row)))
		}
	}
	for i := len(w.act) - 1; i >= 0; i-- {
		take(m.live.linear.row(int(w.act[i].linear)))
	}
	take(m.live.intercept[:m.p.linearStride()])
	m.live.linear.truncate(linear)
	m.live.factors.truncate(factors)
}
