package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// diagonal is a regression that keeps the diagonal q of the precision matrix
// only: the Kalman filter of a constant theta whose covariance is cut to its
// diagonal after every event, as in Chapelle and Li 2011, An Empirical
// Evaluation of Thompson Sampling, algorithm 3,
// https://papers.nips.cc/paper/4321-an-empirical-evaluation-of-thompson-sampling.
// It serves many features; it is not a sum over events, so two of them cannot be merged.
type diagonal struct {
	q     []float64 // lambda + sum h x^2
	theta []float64
}

// pair is a feature by its number.
type pair struct {
	i int32
	v float64
}

func (g *diagonal) grow(n int, lambda float64) {
	for len(g.q) < n {
		g.q, g.theta = append(g.q, lambda), append(g.theta, 0)
	}
}

// predict returns x'theta, by two sums, so that additions need not wait for each other.
func (g *diagonal) predict(x []pair) float64 {
	var s0, s1 float64
	theta := g.theta
	for len(x) >= 2 {
		if p := x[0]; int(p.i) < len(theta) {
			s0 += float64(theta[p.i] * p.v)
		}
		if p := x[1]; int(p.i) < len(theta) {
			s1 += float64(theta[p.i] * p.v)
		}
		x = x[2:]
	}
	if len(x) == 1 && int(x[0].i) < len(theta) {
		s0 += float64(theta[x[0].i] * x[0].v)
	}
	return s0 + s1
}

// precision returns element i of Q once what was learned counts by times as much.
func (g *diagonal) precision(i int32, by, lambda float64) float64 {
	switch {
	case int(i) >= len(g.q):
		return lambda
	case by == 1:
		return g.q[i]
	}
	return lambda + float64(by*(g.q[i]-lambda))
}

// variance returns x'Q^-1 x with Q aged.
func (g *diagonal) variance(x []pair, by, lambda float64) float64 {
	s := 0.0
	for _, p := range x {
		s += float64(p.v*p.v) / g.precision(p.i, by, lambda)
	}
	return s
}

// gain appends Q^-1 x with Q aged to dst, an element for each pair, and returns x'Q^-1 x.
func (g *diagonal) gain(x []pair, by, lambda float64, dst []float64) (gain []float64, variance float64) {
	for _, p := range x {
		v := p.v / g.precision(p.i, by, lambda)
		dst = append(dst, v)
		variance += float64(p.v * v)
	}
	return dst, variance
}

// moves returns the norm of the move that learn would make once Q is aged, and
// whether all numbers stay within their bounds.
func (g *diagonal) moves(x []pair, gain []float64, tau, w, by, lambda float64) (norm float64, ok bool) {
	// The bounds hold even if a feature stands in x many times.
	often := float64(len(x))
	gain = gain[:len(x)]
	for k, p := range x {
		theta := 0.0
		if int(p.i) < len(g.theta) {
			theta = g.theta[p.i]
		}
		step := float64(tau * gain[k])
		norm += float64(step * step)
		if !(math.Abs(theta)+float64(math.Abs(step)*often) <= maxWeight) ||
			!(g.precision(p.i, by, lambda)+float64(float64(float64(w*p.v)*p.v)*often) <= math.MaxFloat64) {
			return 0, false
		}
	}
	return math.Sqrt(norm), norm <= math.MaxFloat64
}

// learn moves theta by tau Q^-1 x, of which gain is Q^-1 x, and adds w x x' to Q.
func (g *diagonal) learn(x []pair, gain []float64, tau, w float64) {
	gain = gain[:len(x)]
	for k, p := range x {
		g.theta[p.i] += float64(tau * gain[k])
	}
	g.sharpen(x, w)
}

// sharpen adds w x x' to Q.
func (g *diagonal) sharpen(x []pair, w float64) {
	for _, p := range x {
		g.q[p.i] += float64(float64(w*p.v) * p.v)
	}
}

// age lets what was learned count g times as much; lambda stays.
func (g *diagonal) age(by, lambda float64) {
	for i, q := range g.q {
		g.q[i] = lambda + float64(by*(q-lambda))
	}
}

// append writes n, then q and theta.
func (g *diagonal) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(g.q)))
	for i, q := range g.q {
		b = wire.AppendFloat64(wire.AppendFloat64(b, q), g.theta[i])
	}
	return b
}

func (g *diagonal) decode(r *wire.Reader, limit int) {
	n := r.Count(16)
	if n > limit {
		r.Fail("a regression with %d features of %d", n, limit)
		return
	}
	g.q, g.theta = make([]float64, n), make([]float64, n)
	for i := range n {
		g.q[i], g.theta[i] = r.Finite(), r.Finite()
		if r.Err() == nil && !(g.q[i] > 0 && math.Abs(g.theta[i]) <= maxWeight) {
			r.Fail("precision %v and weight %v of feature %d", g.q[i], g.theta[i], i)
		}
	}
}
