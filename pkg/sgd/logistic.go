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
// sz of the label grows when its probability is p = 1-q and s is rate times
// weight times the squared norm of the example. It is the d >= 0 with
//
//	f(d) = d + p (exp(d) - 1 - d) - s q = 0,
//
// which is d + odds (exp(d)-1) = s with odds p/q, times q.
func invariantLogistic(p, q, s float64) float64 {
	sq := float64(s * q)
	if sq < smallStep { // the start of the series of the solution, and a step of Newton's method
		psq := float64(p * sq)
		d := float64(sq * (1 - float64(psq*(0.5-float64(0.5*psq)))))
		pe := float64(p * expm1(d))
		return d - float64((float64(d*q)+pe-sq)*(1-float64(pe*(1-float64(pe*(1-pe))))))
	}
	// With d^2/2 for exp(d)-1-d; never below the solution.
	d := 2 * sq / (1 + math.Sqrt(1+float64(2*p*sq)))
	if d < 0.5 { // with d^3/6 more
		pd := float64(p * d)
		d -= float64(float64(pd*d) * float64(d*(1.0/6)) * (1 - pd + float64(pd*pd)))
	} else {
		d = min(d, portable.Log(1+sq/p)) // nor is this one
	}
	// Chebyshev's method: the error after a step is below its cube.
	for range 50 {
		pe := float64(p * expm1(d))
		r := 1 / (1 + pe)
		newton := float64((float64(d*q) + pe - sq) * r)
		step := newton + float64(newton*float64(0.5*newton*float64((p+pe)*r)))
		d -= step
		if math.Abs(step) <= 1e-3*min(d, 1) {
			break
		}
	}
	return max(0, d)
}
