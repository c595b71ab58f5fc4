package factor

// mf fills factors and derivatives of biased matrix factorization (Koren, Bell,
// Volinsky 2009, https://doi.org/10.1109/MC.2009.263, equation 3) and returns
// <p, q>, p the sum of the rows of the user's features times their values, q
// that of the item's. An event usually has one of each, of value 1. The biases
// b_u and b_i are linear weights; so are those of all other features.
func (w *workspace) mf(p *plan, t *params) float64 {
	k := p.k
	w.resize(len(w.act), k)
	user, item := w.sums(k)
	n := 0
	for i := range w.act {
		a := &w.act[i]
		side := user
		switch a.field {
		case p.user:
		case p.item:
			side = item
		default:
			continue
		}
		key, v := p.key(a.hash), w.v[n*k:(n+1)*k]
		w.rows[n] = factorRow{key: key, active: int32(i), row: p.factorsOf(t, key, v)}
		addScaled(side, v, a.x)
		n++
	}
	w.resize(n, k)
	for i := range w.rows {
		a := &w.act[w.rows[i].active]
		side := item
		if a.field == p.item {
			side = user
		}
		dv := w.dv[i*k : (i+1)*k]
		for f := range dv {
			dv[f] = float64(a.x * side[f])
		}
	}
	return dot(user, item)
}

// scoreMF returns what mf returns, with no scratch.
func (p *plan) scoreMF(t *params, act []active) float64 {
	var v, user, item [maxFactors]float64
	k := p.k
	for i := range act {
		a := &act[i]
		side := user[:k]
		switch a.field {
		case p.user:
		case p.item:
			side = item[:k]
		default:
			continue
		}
		p.factorsOf(t, p.key(a.hash), v[:k])
		addScaled(side, v[:k], a.x)
	}
	return dot(user[:k], item[:k])
}

// addScaled adds v x to sum.
func addScaled(sum, v []float64, x float64) {
	sum = sum[:len(v)]
	for f, vf := range v {
		sum[f] += float64(vf * x)
	}
}

func dot(a, b []float64) float64 {
	z := 0.0
	for f, v := range a {
		z += float64(v * b[f])
	}
	return z
}
