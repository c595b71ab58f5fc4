package sgd

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// validateCosts checks the costs of wrong decisions between two classes.
func (c Config) validateCosts() error {
	key, cost := "false_positive_cost", c.FalsePositiveCost
	if cost == 1 {
		key, cost = "false_negative_cost", c.FalseNegativeCost
	}
	switch {
	case cost == 1:
	case c.Loss == "hinge" && c.Calibrate == "none":
		return fmt.Errorf("learner.%s: %v: must be 1 with learner.loss hinge unless learner.calibrate is platt or isotonic: a decision by costs needs probabilities", key, cost)
	case c.Loss != "logistic" && c.Loss != "hinge":
		return fmt.Errorf("learner.%s: %v: must be 1 unless learner.loss is logistic or hinge; the loss csoaa learns the cost of each class", key, cost)
	}
	return nil
}

// Threshold is the probability from which the decision is positive: there the
// expected costs of both decisions are equal, those of right ones being 0 (Elkan
// 2001, The foundations of cost-sensitive learning, theorem 1,
// https://www.ijcai.org/Proceedings/01/IJCAI-2001-k.pdf).
func (c Config) Threshold() float64 {
	return c.FalsePositiveCost / (c.FalsePositiveCost + c.FalseNegativeCost)
}

// costly reports whether wrong decisions have costs of their own.
func (p *plan) costly() bool { return p.falsePositive != 1 || p.falseNegative != 1 }

// Several reports whether the model is one of several classes, with ScoreClasses.
func (m *Model) Several() bool { return m.p.classes > 0 }

// Classifies reports whether the label is one class.
func (m *Model) Classifies() bool {
	if m.Several() {
		return m.p.several != severalMultilabel
	}
	return m.p.binary()
}

// Decide returns the class, 1 or 0, of a prediction of a model of two classes, and 0
// for other models.
func (m *Model) Decide(prediction float64) int {
	if m.p.binary() && m.p.classes == 0 && prediction >= m.threshold {
		return 1
	}
	return 0
}

// decide sets the class of a step of two classes, and what it costs if it has a label.
func (m *Model) decide(s *event.Step, labelled bool) {
	if !m.p.binary() {
		return
	}
	s.Class = m.Decide(s.Prediction)
	if !labelled || !m.costly || float64(s.Class) == s.Label {
		return
	}
	s.Cost = m.p.falseNegative
	if s.Class == 1 {
		s.Cost = m.p.falsePositive
	}
	s.Regret = s.Cost
}
