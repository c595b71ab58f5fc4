package factor

import "slices"

// maxFieldAware bounds the features of an event for ffm, whose time grows with
// their square.
const maxFieldAware = 256

// ffm fills factors and derivatives of a field-aware factorization machine
// (Juan, Zhuang, Chin, Lin 2016, https://doi.org/10.1145/2959100.2959134,
// equation 4) and returns the sum over all pairs:
//
//	sum_{i<j} <v_{i,F(j)}, v_{j,F(i)}> x_i x_j, F(i) the field of feature i
//
// Row i*m + f is that of feature i against field f of the m fields of the
// event. A row that no pair needs has derivatives 0 and is not stored.
func (w *workspace) ffm(p *plan, t *params) float64 {
	k := p.k
	w.enumerateFields()
	m := len(w.fields)
	w.resize(len(w.act)*m, k)
	clear(w.dv)
	for i := range w.act {
		for f, field := range w.fields {
			n := i*m + f
			w.rows[n] = factorRow{active: unneeded}
			if own := int(w.place[i]) == f; own && w.count[f] == 1 {
				continue // no other feature is of its own field
			}
			key := p.pairKey(w.act[i].hash, field)
			w.rows[n] = factorRow{key: key, active: int32(i), row: p.factorsOf(t, key, w.v[n*k:(n+1)*k])}
		}
	}
	z := 0.0
	for i := range w.act {
		for j := i + 1; j < len(w.act); j++ {
			a, b := i*m+int(w.place[j]), j*m+int(w.place[i])
			x := float64(w.act[i].x * w.act[j].x)
			z += float64(x * pull(x, w.v[a*k:(a+1)*k], w.v[b*k:(b+1)*k], w.dv[a*k:(a+1)*k], w.dv[b*k:(b+1)*k]))
		}
	}
	return z
}

// unneeded marks a row that belongs to no pair of the event.
const unneeded = -1

// pull returns <v, u> and adds x u and x v to their derivatives.
func pull(x float64, v, u, dv, du []float64) float64 {
	u, dv, du = u[:len(v)], dv[:len(v)], du[:len(v)]
	dot := 0.0
	for f, vf := range v {
		dot += float64(vf * u[f])
		dv[f] += float64(x * u[f])
		du[f] += float64(x * vf)
	}
	return dot
}

// enumerateFields fills fields, count and place.
func (w *workspace) enumerateFields() {
	w.fields, w.count = w.fields[:0], w.count[:0]
	w.place = slices.Grow(w.place[:0], len(w.act))[:len(w.act)]
	for i := range w.act {
		f := slices.Index(w.fields, w.act[i].field)
		if f < 0 {
			f = len(w.fields)
			w.fields, w.count = append(w.fields, w.act[i].field), append(w.count, 0)
		}
		w.count[f]++
		w.place[i] = int32(f)
	}
}

// scoreFFM returns what ffm returns, with no scratch.
func (p *plan) scoreFFM(t *params, act []active) float64 {
	var v, u [maxFactors]float64
	k, z := p.k, 0.0
	for i := range act {
		for j := i + 1; j < len(act); j++ {
			a, b := &act[i], &act[j]
			p.factorsOf(t, p.pairKey(a.hash, b.field), v[:k])
			p.factorsOf(t, p.pairKey(b.hash, a.field), u[:k])
			dot := 0.0
			for f, vf := range v[:k] {
				dot += float64(vf * u[f])
			}
			z += float64(float64(a.x*b.x) * dot)
		}
	}
	return z
}
