package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
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

// predict turns the linear score z into a prediction on the scale of the
// label, and into the margin on the scale in which Step has it.
func (p *plan) predict(z float64, f *frame) (prediction, margin float64) {
	if p.loss == lossLogistic {
		margin = max(f.lo, min(f.hi, z))
		p, _ := sigmoid(margin)
		return p, margin
	}
	margin = f.mean + float64(f.sd*z)
	return max(f.lo, min(f.hi, margin)), margin
}

// evaluate fills prediction, margin, label, loss and gradient of a step for
// the linear score z. It returns exp(-|z|) for the logistic loss.
func (p *plan) evaluate(s *event.Step, z, y float64, f *frame) (t float64) {
	s.Label = y
	if p.loss == lossLogistic {
		s.Margin = max(f.lo, min(f.hi, z))
		s.Prediction, s.Loss, s.Grad, t = logistic(s.Margin, y)
		return t
	}
	s.Prediction, s.Margin = p.predict(z, f)
	d := s.Prediction - y
	s.Loss, s.Grad = float64(d*d), 2*d
	return 0
}

// expm1 returns exp(d)-1 with a relative error below 1e-13, for d well below the
// overflow of exp. Most steps are small: they need no exp.
func expm1(d float64) float64 {
	if math.Abs(d) < 0.01 {
		return float64(d * (1 + float64(d/2*(1+float64(d/3*(1+float64(d/4*(1+float64(d/5*(1+d/6))))))))))
	}
	return portable.Exp(d) - 1
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
