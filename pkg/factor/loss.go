package factor

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// predict turns the score z into a prediction on the scale of the label, and
// into the margin on the scale in which Step has it.
func (p *plan) predict(z float64, f *frame) (prediction, margin float64) {
	if p.logistic {
		return portable.Sigmoid(z), z
	}
	return f.Predict(z)
}

// evaluate fills prediction, margin, label, loss and gradient of a step for the
// score z and label y: log(1+exp(-sz)) with s = 2y-1, or (p-y)^2.
func (p *plan) evaluate(s *event.Step, z, y float64, f *frame) {
	s.Label = y
	s.Prediction, s.Margin = p.predict(z, f)
	if !p.logistic {
		d := s.Prediction - y
		s.Loss, s.Grad = float64(d*d), 2*d
		return
	}
	s.Loss, s.Grad = portable.Log1p(portable.Exp(-math.Abs(z))), s.Prediction
	if z >= 0 != (y == 1) {
		s.Loss += math.Abs(z)
	}
	if y == 1 {
		s.Grad = -portable.Sigmoid(-z) // p-1 without cancellation
	}
}

// excess returns Reading.Excess of a step: of the logistic loss, whose natural
// parameter is the margin, the gradient times it.
func (p *plan) excess(s *event.Step) float64 {
	if p.logistic {
		return float64(s.Grad * s.Margin)
	}
	return min(s.Loss, math.MaxFloat64)
}

// gradient returns dl/dz on the scale of the parameters, in the frame that the
// label belongs to. With scaled labels that is in standard deviations.
func (p *plan) gradient(s *event.Step, after *frame) float64 {
	switch {
	case p.logistic || !p.scaleLabel:
		return s.Grad
	case after.SD == 0: // all labels were equal: there is nothing but the mean to learn
		return 0
	}
	return s.Grad / after.SD
}
