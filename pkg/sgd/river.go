package sgd

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// With compat: river a model does what River's
//
//	StandardScaler() | LogisticRegression()    or    StandardScaler() | LinearRegression()
//
// do (https://riverml.xyz, linear_model/base.py and preprocessing/scale.py): gradient descent at
// a constant rate, 0.01 for weights and intercept each unless it is given, on values that are standardised
// without bound, and on labels as they are. An event is predicted with the means and deviations
// from before it, and learned with those that have it in them; other models use the latter for both,
// so that the first events of a field are on its scale already.

// riverRate is the rate of the weights and of the intercept.
const riverRate = 0.01

// validateRiver checks what compat: river allows.
func (c Config) validateRiver() error {
	switch {
	case c.Optimizer != "auto" && c.Optimizer != "sgd":
		return fmt.Errorf("learner.optimizer: %q: must be auto or sgd with learner.compat river", c.Optimizer)
	case c.Loss != "squared" && c.Loss != "logistic":
		return fmt.Errorf("learner.loss: %q: must be squared or logistic with learner.compat river", c.Loss)
	case c.Tracking:
		return fmt.Errorf("learner.tracking: true: must be false with learner.compat river, whose rate is constant anyway")
	case !slices.Contains([]float64{0, Default().Clip}, c.Clip):
		return fmt.Errorf("learner.clip: %v: must be 0 or left out with learner.compat river, which has no bound", c.Clip)
	case c.ScaleLabel == "on":
		return fmt.Errorf("learner.scale_label: %q: must be auto or off with learner.compat river", c.ScaleLabel)
	}
	return nil
}

// asRiver resolves what compat: river implies.
func (p *plan) asRiver() {
	p.clip = 0
	if p.interceptRate == 0 {
		p.interceptRate = riverRate
	}
}

// learnAsRiver predicts an event, then takes it in.
func (m *Model) learnAsRiver(s *event.Step, e *event.Event, h float64) {
	served := m.Predict(e)
	if served.Reject != nil {
		*s = served
		return
	}
	m.take(s, e, h)
	if s.Reject == nil {
		s.Prediction, s.Margin, s.Loss = served.Prediction, served.Margin, served.Loss
		s.Class, s.Cost, s.Regret = served.Class, served.Cost, served.Regret
	}
}
