package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// loss is a loss function. Each has its formulas in a file of its own.
type loss byte

const (
	lossLogistic loss = iota
	lossSquared
	lossHinge
	lossQuantile
	lossHuber
	lossPoisson
)

var losses = [...]string{
	lossLogistic: "logistic", lossSquared: "squared", lossHinge: "hinge",
	lossQuantile: "quantile", lossHuber: "huber", lossPoisson: "poisson",
}

// binary reports whether labels are two classes.
func (p *plan) binary() bool { return p.loss == lossLogistic || p.loss == lossHinge }

// link reports whether a link function stands between margin and prediction.
// The other losses depend on prediction minus label alone.
func (p *plan) link() bool { return p.binary() || p.loss == lossPoisson }

// predict turns the linear score z into a prediction on the scale of the
// label, and into the margin on the scale in which Step has it.
func (p *plan) predict(z float64, f *frame) (prediction, margin float64) {
	switch {
	case p.binary():
		margin = max(f.Lo, min(f.Hi, z))
		prediction, _ = sigmoid(margin)
	case p.loss == lossPoisson:
		margin = max(f.Lo, min(f.Hi, z))
		prediction = portable.Exp(margin)
	default:
		return f.Predict(z)
	}
	return prediction, margin
}

// lossAt returns the loss and its derivative at the linear score z, as evaluate has them.
func (p *plan) lossAt(z, y float64, f *frame) (loss, grad float64) {
	var s event.Step
	p.evaluate(&s, z, y, f)
	return s.Loss, s.Grad
}

// excess returns Reading.Excess of a loss and its derivative at the linear
// score z. Of a log likelihood with natural parameter z the loss is a(z) - yz
// and its expectation a(z) - a'(z)z, so that the difference is (a'(z) - y)z.
func (p *plan) excess(z, loss, grad float64, f *frame) float64 {
	if p.loss == lossLogistic || p.loss == lossPoisson {
		return float64(grad * clamp(z, f.Lo, f.Hi))
	}
	return loss
}

// clamp returns x within [lo, hi]; NaN stays what it is.
func clamp(x, lo, hi float64) float64 {
	if x > hi {
		return hi
	}
	if x < lo {
		return lo
	}
	return x
}

// evaluate fills prediction, margin, label, loss and gradient of a step for
// the linear score z. It returns exp(-|z|) for the logistic loss.
func (p *plan) evaluate(s *event.Step, z, y float64, f *frame) (t float64) {
	s.Label = y
	if p.loss == lossLogistic {
		s.Margin = clamp(z, f.Lo, f.Hi)
		s.Prediction, s.Loss, s.Grad, t = logistic(s.Margin, y)
		return t
	}
	s.Prediction, s.Margin = p.predict(z, f)
	switch p.loss {
	case lossHinge:
		s.Loss, s.Grad = hinge(s.Margin, y)
	case lossPoisson:
		s.Loss, s.Grad = poisson(s.Margin, s.Prediction, y)
	default:
		s.Loss, s.Grad = p.distance(s.Prediction-y, 1)
	}
	return 0
}

// distance returns the loss and its derivative for prediction minus label d,
// for the losses without a link function. unit is the label's unit on the scale of d.
func (p *plan) distance(d, unit float64) (loss, grad float64) {
	if p.loss == lossQuantile {
		return quantile(d, p.tau)
	}
	if p.loss == lossHuber {
		return huber(d, float64(p.delta*unit))
	}
	return float64(d * d), 2 * d
}

// step returns the scalar by which x is multiplied in the importance-weight-invariant
// update (Karampatziakis, Langford 2011, https://arxiv.org/abs/1011.1576), for the squared
// norm ppu of the example under the rates: the solution at time rate h of the
// differential equation by which a gradient step of infinitely small rate
// moves the score. It never passes the label.
func (p *plan) step(u *update, rate, ppu float64) float64 {
	h := float64(rate * u.h)
	s := float64(h * ppu)
	switch p.loss {
	case lossLogistic:
		q := 1 / (1 + u.t) // probability of the other label, when the margin has its sign
		p := float64(u.t * q)
		if u.right {
			p, q = q, p
		}
		d := invariantLogistic(p, q, s) / ppu
		if u.y == 0 {
			return -d
		}
		return d
	case lossHinge:
		return invariantHinge(u.z, u.y, h, ppu)
	case lossQuantile:
		return invariantQuantile(u.z-u.y, p.tau, h, ppu)
	case lossHuber:
		return invariantHuber(u.z-u.y, float64(p.delta*u.unit), h, ppu)
	case lossPoisson:
		return invariantPoisson(u.z, u.y, h, ppu)
	case lossSquared:
	}
	return float64((u.y-u.z)*-expm1(-2*s)) / ppu
}

// smallStep is below what expm1 needs no exp.
const smallStep = 0.03

// expm1 returns exp(d)-1 with a relative error below 1e-13, for d well below the
// overflow of exp. Most steps are small.
func expm1(d float64) float64 {
	const c2, c3, c4, c5, c6 = 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720
	if math.Abs(d) < smallStep {
		d2 := float64(d * d)
		return d + float64(d2*(c2+float64(d*c3)+float64(d2*(c4+float64(d*c5)+float64(d2*c6)))))
	}
	return portable.Exp(d) - 1
}
