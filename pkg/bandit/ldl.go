package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// ldl is a ridge regression by the factors of its matrix:
//
//	A = lambda I + sum h x x' = L D L',  b = sum h r x,  theta = A^-1 b
//
// L has ones on its diagonal and is stored below it by columns, so that every
// loop runs along memory; D is diagonal; z = D^-1 L^-1 b is one more row of L. Working
// on the factors instead of on A or its inverse is stable without ever being
// computed anew. It knows the first n features; for those that came later
// its statistics are still lambda I and 0.
//
// For logistic regression A is the precision of the Laplace approximation and
// theta its mode; z is then unused.
type ldl struct {
	n     int
	l     []float64 // column j has rows j+1 to n-1
	d     []float64
	z     []float64
	theta []float64
}

// below is the number of elements below the diagonal of n x n.
func below(n int) int { return n * (n - 1) / 2 }

// resize makes room for n features; the content is arbitrary.
func (f *ldl) resize(n int) {
	f.n = n
	f.l = sized(f.l, below(n))
	f.d, f.z, f.theta = sized(f.d, n), sized(f.z, n), sized(f.theta, n)
}

// sized returns v with length n, in its own memory if it suffices.
func sized(v []float64, n int) []float64 {
	if cap(v) < n {
		return make([]float64, n)
	}
	return v[:n]
}

// grow extends A to n x n by a diagonal with value lambda.
func (f *ldl) grow(n int, lambda float64) {
	if n <= f.n {
		return
	}
	l := make([]float64, below(n))
	for j, from, to := 0, 0, 0; j < f.n; j++ {
		copy(l[to:], f.l[from:from+f.n-1-j])
		from, to = from+f.n-1-j, to+n-1-j
	}
	f.l = l
	for ; f.n < n; f.n++ {
		f.d, f.z, f.theta = append(f.d, lambda), append(f.z, 0), append(f.theta, 0)
	}
}

// copyFrom makes f a copy of g.
func (f *ldl) copyFrom(g *ldl) {
	f.n = g.n
	f.l, f.d = append(f.l[:0], g.l...), append(f.d[:0], g.d...)
	f.z, f.theta = append(f.z[:0], g.z...), append(f.theta[:0], g.theta...)
}

// update writes into f the factors of g with h x x' added to A and h r x to b,
// by method C1 of Gill, Golub, Murray and Saunders 1974, Methods for Modifying
// Matrix Factorizations, https://doi.org/10.2307/2005923. The residual of z's
// row at the end is that of the prediction. It overwrites x, len n; f and g differ.
func (f *ldl) update(g *ldl, x []float64, r, h float64) {
	n := g.n
	f.resize(n)
	alpha := h
	for j, at := 0, 0; j < n; j++ {
		p, m := x[j], n-1-j
		from, to := g.l[at:at+m], f.l[at:at+m]
		at += m
		if p == 0 || alpha == 0 {
			copy(to, from)
			f.d[j], f.z[j] = g.d[j], g.z[j]
			continue
		}
		pa := float64(p * alpha)
		d := g.d[j] + float64(p*pa)
		beta := pa / d
		alpha = float64(alpha * (g.d[j] / d))
		f.d[j] = d
		rest := x[j+1:][:len(from)]
		to = to[:len(from)]
		for i, l := range from {
			v := rest[i] - float64(p*l)
			rest[i] = v
			to[i] = l + float64(beta*v)
		}
		r -= float64(p * g.z[j])
		f.z[j] = g.z[j] + float64(beta*r)
	}
}

// solve computes theta = L'^-1 z.
func (f *ldl) solve() {
	copy(f.theta, f.z)
	f.backward(f.theta)
}

// backward replaces y, len n, by the solution x of L' x = y.
func (f *ldl) backward(y []float64) {
	at := len(f.l)
	for j := f.n - 1; j >= 0; j-- {
		m := f.n - 1 - j
		at -= m
		y[j] -= dot(f.l[at:at+m], y[j+1:])
	}
}

// forward replaces x, len n, by the solution y of L y = x.
func (f *ldl) forward(x []float64) {
	for j, at := 0, 0; j < f.n; j++ {
		p, m := x[j], f.n-1-j
		column := f.l[at : at+m]
		at += m
		if p == 0 {
			continue
		}
		rest := x[j+1:][:len(column)]
		for i, l := range column {
			rest[i] -= float64(p * l)
		}
	}
}

// dot returns the inner product of a and the beginning of b, by four sums.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		u, v := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += float64(u[0] * v[0])
		s1 += float64(u[1] * v[1])
		s2 += float64(u[2] * v[2])
		s3 += float64(u[3] * v[3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// predict returns x'theta. x may have more features than f knows.
func (f *ldl) predict(x []float64) float64 { return dot(f.theta, x) }

// whiten replaces x by D^-1/2 L^-1 x, whose squared norm is x'A^-1 x. x may
// have more features than f knows.
func (f *ldl) whiten(x []float64, lambda float64) {
	f.forward(x[:f.n])
	for i, d := range f.d {
		x[i] /= math.Sqrt(d)
	}
	root := math.Sqrt(lambda)
	for i := f.n; i < len(x); i++ {
		x[i] /= root
	}
}

// variance returns x'A^-1 x and overwrites x, which may have more features than f knows.
func (f *ldl) variance(x []float64, lambda float64) float64 {
	f.forward(x[:f.n])
	s, t := 0.0, 0.0
	for i, d := range f.d {
		s += float64(x[i]*x[i]) / d
	}
	for _, v := range x[f.n:] {
		t += float64(v * v)
	}
	return s + t/lambda
}

// maxWeight bounds the magnitude of theta: the prediction for any accepted event stays finite.
const maxWeight = 1e100

// valid reports whether all of f is usable. An element of L that is not finite
// would show in theta, which the back substitution takes through all of them.
func (f *ldl) valid() bool {
	for i, t := range f.theta {
		if !(math.Abs(t) <= maxWeight && math.Abs(f.z[i]) <= math.MaxFloat64 && f.d[i] > 0 && f.d[i] <= math.MaxFloat64) {
			return false
		}
	}
	return true
}

// append writes n, then L by columns, D, and z; z is replaced by theta for logistic regression.
func (f *ldl) append(b []byte, logistic bool) []byte {
	last := f.z
	if logistic {
		last = f.theta
	}
	b = wire.AppendUvarint(b, uint64(f.n))
	for _, part := range [...][]float64{f.l, f.d, last} {
		for _, v := range part {
			b = wire.AppendFloat64(b, v)
		}
	}
	return b
}

// decode reads a regression that knows at most limit features. Errors are left in r.
func (f *ldl) decode(r *wire.Reader, limit int, logistic bool) {
	n := r.Uvarint()
	if r.Err() == nil && (n > uint64(limit) || r.Len() < 8*(below(int(n))+2*int(n))) {
		r.Fail("a regression with %d features of %d, %d bytes left", n, limit, r.Len())
	}
	if r.Err() != nil {
		return
	}
	f.resize(int(n))
	last := f.z
	if logistic {
		last = f.theta
		clear(f.z)
	}
	for _, part := range [...][]float64{f.l, f.d, last} {
		for i := range part {
			part[i] = r.Finite()
		}
	}
	if !logistic {
		f.solve()
	}
	if !f.valid() {
		r.Fail("a regression with a number that is not finite, or no positive definite matrix")
	}
}
