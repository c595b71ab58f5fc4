package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// The coordinates of a bandit's score vector, see event.Coordinates. The lower
// half pools the arms: coordinate 0 is the gradient by an intercept common to
// all, 1 + i by a common weight of numeric field i. The upper half is the
// sketch of the gradient by the parameters of the chosen arm, which are named
// by the hashes of arm and feature together.
const (
	pooled     = event.Coordinates / 2
	sketchMask = event.Coordinates/2 - 1
)

// addSketch adds the weight with hash h and feature value x to a reading.
func addSketch(r *event.Reading, h uint64, x float64) {
	if h>>63 == 1 {
		x = -x
	}
	r.J, r.X = append(r.J, uint16(pooled+h>>57&sketchMask)), append(r.X, x)
}

// evaluate fills the step of a predicted reward with margin z on the scale [0, 1]: squared error
// and gradient, or those of the log loss. norm is the Euclidean norm of the features as the arm sees them.
func (c *Config) evaluate(s *event.Step, z, norm, reward float64) {
	s.Margin, s.Label = z, reward
	s.Prediction = c.prediction(z)
	s.Loss, s.Grad = c.loss(z, reward)
	s.GradNorm = math.Abs(s.Grad) * norm
}

// read fills loss and gradient of a reading at a margin.
func (c *Config) read(r *event.Reading, z, reward float64) {
	r.Loss, r.Grad = c.loss(z, reward)
	r.Excess = r.Loss
	if c.Policy == Logistic { // a log likelihood: -log p(y) minus the entropy is (p - y)z
		r.Excess = float64(r.Grad * z)
	}
}

// prediction returns the expected reward of a margin.
func (c *Config) prediction(z float64) float64 {
	if c.Policy == Logistic {
		z = portable.Sigmoid(z)
	}
	return c.unscale(z)
}

// loss returns the loss of a margin on the scale [0, 1] and its derivative. The
// loss of a reference far from the reward is kept finite.
func (c *Config) loss(z, reward float64) (loss, grad float64) {
	y := c.scale(reward)
	if c.Policy == Logistic {
		loss = portable.Log1p(portable.Exp(-math.Abs(z))) + max(z, 0) - float64(y*z)
		return min(loss, math.MaxFloat64), portable.Sigmoid(z) - y
	}
	d := z - y
	return min(float64(d*d), math.MaxFloat64), 2 * d
}
