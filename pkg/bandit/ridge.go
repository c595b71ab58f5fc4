package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// ridge is the ridge regression of the reward on the context for one arm:
//
//	A = lambda I + sum h x x',  b = sum h r x,  theta = A^-1 b
//
// It knows the first n features of the context; for those that came later
// its statistics are still lambda I and 0. A and b are sums over the events, so
// those of two partitions add up to those of both (less one lambda I).
type ridge struct {
	a     factor
	b     []float64
	theta []float64
}

// dot returns x'theta. x may have more features than the arm knows.
func (m *ridge) dot(x []float64) float64 {
	z := 0.0
	for i, t := range m.theta {
		z += float64(x[i] * t)
	}
	return z
}

// variance returns x'A^-1 x. x may have more features than the arm knows. It
// overwrites x.
func (m *ridge) variance(x []float64, lambda float64) float64 {
	known := x[:m.a.n]
	m.a.forward(known)
	s := 0.0
	for _, y := range known {
		s += float64(y * y)
	}
	t := 0.0
	for _, y := range x[m.a.n:] {
		t += float64(y * y)
	}
	return s + t/lambda
}

// copyFrom makes m a copy of o and keeps m's memory.
func (m *ridge) copyFrom(o *ridge) {
	m.a.copyFrom(&o.a)
	m.b, m.theta = append(m.b[:0], o.b...), append(m.theta[:0], o.theta...)
}

// learn adds an event with context x, reward r and weight h. v is scratch of the length of x.
func (m *ridge) learn(x []float64, r, h, lambda float64, v []float64) {
	m.a.grow(len(x), lambda)
	for len(m.b) < len(x) {
		m.b = append(m.b, 0)
	}
	root := math.Sqrt(h)
	for i, xi := range x {
		v[i] = float64(root * xi)
		m.b[i] += float64(float64(h*r) * xi)
	}
	m.a.update(v)
	m.solve()
}

// solve computes theta.
func (m *ridge) solve() {
	m.theta = append(m.theta[:0], m.b...)
	m.a.forward(m.theta)
	m.a.backward(m.theta)
}

// maxWeight bounds the magnitude of theta: the prediction for any accepted event stays finite.
const maxWeight = 1e100

// valid reports whether all of the arm is finite and theta within its bound.
func (m *ridge) valid() bool {
	for i := range m.theta {
		if !(math.Abs(m.theta[i]) <= maxWeight && math.Abs(m.b[i]) <= math.MaxFloat64) {
			return false
		}
	}
	return m.a.valid()
}

// append writes n, the lower triangle of the factor by rows, and b. theta follows from them.
func (m *ridge) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(m.a.n))
	for _, v := range m.a.l {
		b = wire.AppendFloat64(b, v)
	}
	for _, v := range m.b {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

// readRidge reads an arm that knows at most features features. Errors are left in r.
func readRidge(r *wire.Reader, features int) ridge {
	var m ridge
	n := r.Uvarint()
	if r.Err() == nil && (n > uint64(features) || r.Len() < 8*(triangle(int(n))+int(n))) {
		r.Fail("an arm with %d features of %d, %d bytes left", n, features, r.Len())
	}
	if r.Err() != nil {
		return m
	}
	m.a.n, m.a.l = int(n), make([]float64, triangle(int(n)))
	for i := range m.a.l {
		m.a.l[i] = r.Float64()
	}
	m.b = make([]float64, n)
	for i := range m.b {
		m.b[i] = r.Float64()
	}
	m.solve()
	if !m.valid() {
		r.Fail("an arm with a number that is not finite, or no positive definite matrix")
	}
	return m
}
