package factor

// fm fills factors and derivatives of a factorization machine (Rendle 2010,
// https://doi.org/10.1109/ICDM.2010.127, equation 5) and returns the sum over
// all pairs, in time linear in the number of features:
//
//	sum_{i<j} <v_i, v_j> x_i x_j = 1/2 sum_f ((sum_i v_if x_i)^2 - sum_i v_if^2 x_i^2)
//	dz/dv_if = x_i (sum_j v_jf x_j - v_if x_i)
func (w *workspace) fm(p *plan, t *params) float64 {
	k := p.k
	w.resize(len(w.act), k)
	sum, squares := w.sums(k)
	for i := range w.act {
		a := &w.act[i]
		key, v := p.key(a.hash), w.v[i*k:(i+1)*k]
		w.rows[i] = factorRow{key: key, active: int32(i), row: p.factorsOf(t, key, v)}
		accumulate(v, a.x, sum, squares)
	}
	for i := range w.act {
		x, v, dv := w.act[i].x, w.v[i*k:(i+1)*k], w.dv[i*k:(i+1)*k]
		for f := range dv {
			dv[f] = float64(x * (sum[f] - float64(v[f]*x)))
		}
	}
	return pairs(sum, squares)
}

// scoreFM returns what fm returns, with no scratch.
func (p *plan) scoreFM(t *params, act []active) float64 {
	var v, sum, squares [maxFactors]float64
	k := p.k
	for i := range act {
		p.factorsOf(t, p.key(act[i].hash), v[:k])
		accumulate(v[:k], act[i].x, sum[:k], squares[:k])
	}
	return pairs(sum[:k], squares[:k])
}

// accumulate adds v x to sum and its square to squares.
func accumulate(v []float64, x float64, sum, squares []float64) {
	sum, squares = sum[:len(v)], squares[:len(v)]
	for f, vf := range v {
		vx := float64(vf * x)
		sum[f] += vx
		squares[f] += float64(vx * vx)
	}
}

func pairs(sum, squares []float64) float64 {
	z := 0.0
	for f, s := range sum {
		z += float64(s*s) - squares[f]
	}
	return z / 2
}
