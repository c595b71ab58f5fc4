package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// maxMargin bounds the argument of exp in the logistic loss. A probability is
// 0 or 1 long before; the loss is exact beyond it.
const maxMargin = 700

// sigmoid returns 1/(1+exp(-z)), and exp(-|z|), for |z| bounded by maxMargin.
func sigmoid(z float64) (p, t float64) {
	t = portable.Exp(-min(math.Abs(z), maxMargin))
	large := 1 / (1 + t)
	if z >= 0 {
		return large, t
	}
	return float64(t * large), t
}

// logistic returns the probability p of y = 1, the loss log(1+exp(-sz)), its
// derivative in z, and exp(-|z|), for the linear score z and label y in {0, 1}, s = 2y-1.
func logistic(z, y float64) (p, loss, grad, t float64) {
	p, t = sigmoid(z)
	loss, grad = portable.Log1p(t), p
	right := z >= 0 == (y == 1)
	if !right {
		loss += math.Abs(z)
	}
	if y == 1 {
		grad = -float64(t * p) // 1-p without cancellation, for z >= 0
		if !right {
			grad = p - 1
		}
	}
	return p, loss, grad, t
}

// invariantLogistic solves the ordinary differential equation of the
// importance-weight-invariant update (Karampatziakis, Langford 2011,
// https://arxiv.org/abs/1011.1576) for logistic loss: by how much the margin
// sz grows when its odds are exp(sz) and s is rate times weight times the
// squared norm of the example. It is the d >= 0 with d + odds (exp(d)-1) = s.
func invariantLogistic(odds, s float64) float64 {
	d := s / (1 + odds) // Newton's first step from 0; never below the solution
	if d > 0.5 {
		d = min(d, portable.Log(1+s/odds)) // nor is this one
	}
	// The function is convex and increasing: from above Newton falls monotonically,
	// and the error after a step is at most half its square.
	for range 50 {
		em1 := expm1(d)
		step := (d + float64(odds*em1) - s) / (1 + float64(odds*(em1+1)))
		d -= step
		if step <= 1e-6*min(d, 1) {
			break
		}
	}
	return max(0, d)
}
