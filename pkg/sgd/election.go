package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// several says what the rows of a model of several classes are.
type several byte

const (
	severalOVA        several = iota // logistic, each class against all others
	severalSoftmax                   // logistic, each class against the sum of the others
	severalMultilabel                // logistic, one for each label that an event may have
	severalCosts                     // squared, the cost of each class
)

// The losses of labels that are not one class.
const (
	SetLoss  = "multilabel"
	CostLoss = "csoaa"
)

// severals are the losses of several classes.
var severals = [...]string{severalOVA: ova, severalSoftmax: "softmax", severalMultilabel: SetLoss, severalCosts: CostLoss}

// softmax reports whether rows are compared with each other.
func (p *plan) softmax() bool { return p.several == severalSoftmax }

// election gathers what the rows say of an event.
type election struct {
	step     event.Step
	labelled bool
	label    float64 // index of the right class; of costs the cheapest
	best     float64 // the most that a row said for its class
	margin   float64 // its margin
	chosen   bool    // Class is set
	sum      float64 // of the probabilities
	labels   float64 // multilabel: how many labels the event probably has
	grad2    float64 // sum of the squared derivatives
}

// vote counts the step of row k.
func (v *election) vote(m *Model, k int, s *event.Step) {
	c := &m.class
	c.probs[k], c.margins[k] = s.Prediction, s.Margin
	if v.labelled && !c.listed[k] {
		return // a class that the event could not have
	}
	z, said := s.Margin, s.Margin
	switch {
	case m.p.softmax():
		z, said = c.z[k], c.z[k]
	case m.p.several == severalCosts:
		said = -s.Margin
	case m.calibration != nil:
		c.probs[k] = m.probability(k, s.Prediction, s.Margin)
		said = c.probs[k]
	}
	if !v.chosen || said > v.best || said == v.best && z > v.margin && m.calibration != nil {
		v.best, v.margin, v.step.Class, v.chosen = said, z, k, true
		if !v.labelled || m.p.several == severalMultilabel {
			v.step.Margin, v.step.Grad = s.Margin, s.Grad
		}
	}
	if v.labelled && float64(k) == v.label && m.p.several != severalMultilabel {
		v.step.Margin, v.step.Grad = s.Margin, s.Grad
	}
	v.sum += c.probs[k]
	if c.probs[k] >= 0.5 {
		v.labels++
	}
	if !m.p.softmax() || float64(k) == v.label {
		v.step.Loss += s.Loss
	}
	v.grad2 += float64(s.Grad * s.Grad)
}

// result is the step of all rows.
func (v *election) result(m *Model, norm2 float64) event.Step {
	c := &m.class
	switch m.p.several {
	case severalOVA:
		for k := range c.probs {
			c.probs[k] /= v.sum
		}
	case severalSoftmax:
		copy(c.probs, c.z)
		softmax(c.probs)
	case severalMultilabel, severalCosts:
	}
	s := v.step
	s.Prediction, s.Probs = float64(s.Class), c.probs
	if m.p.several == severalMultilabel {
		s.Prediction = v.labels
	}
	if v.labelled {
		s.Label = v.label
		s.GradNorm = math.Sqrt(float64(v.grad2 * norm2))
		switch m.p.several {
		case severalMultilabel:
			s.Labels = c.labels
		case severalCosts:
			s.Cost = c.target[s.Class]
			s.Regret = s.Cost - c.target[int(v.label)]
		case severalOVA, severalSoftmax:
		}
	}
	return s
}
