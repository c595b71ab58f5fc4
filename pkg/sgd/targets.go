package sgd

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Multilabel is binary relevance (Tsoumakas, Katakis 2007,
// https://doi.org/10.4018/jdwm.2007070101): the label is a set of classes, and each
// class has a logistic model of its own, which says whether it is in the set. The
// probabilities are those of the rows and do not add up to 1; the prediction is how
// many are at least 0.5, and the loss the sum over the rows.
//
// Csoaa is cost-sensitive one against all by regression, as Vowpal Wabbit's --csoaa
// (Beygelzimer, Dani, Hayes, Langford, Zadrozny 2005, Error limiting reductions
// between classification tasks, https://doi.org/10.1145/1102351.1102358): an event
// has a cost for each class, each class has a row of squared loss for its cost, and
// the predicted class is that of the lowest. An event may name some classes only:
// then only their rows learn, and the class is chosen among them. The loss is the sum of
// the squared errors; costs are centred and scaled together.

// classLabel takes the targets of the rows from an event and returns its label,
// the index of a class (multilabel: the number of labels), or why it is refused.
func (m *Model) classLabel(e *event.Event) (float64, *event.Rejection) {
	switch m.p.several {
	case severalMultilabel:
		return m.setLabel(e)
	case severalCosts:
		return m.costLabel(e)
	case severalOVA, severalSoftmax:
	}
	y := e.Label
	if !(y >= 0 && y < float64(m.p.classes) && y == math.Trunc(y)) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: must be the index of a class, a whole number from 0 to %d (learner.classes %d)", e.Label, m.p.classes-1, m.p.classes)}
	}
	clear(m.class.target)
	m.class.target[int(y)] = 1
	return y, nil
}

// outOfRange refuses the index of a class.
func (m *Model) outOfRange(class uint32) *event.Rejection {
	return &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("class %d: must be a whole number from 0 to %d (learner.classes %d)", class, m.p.classes-1, m.p.classes)}
}

// setLabel is classLabel for a set of labels.
func (m *Model) setLabel(e *event.Event) (float64, *event.Rejection) {
	clear(m.class.target)
	for _, k := range e.Labels {
		if int64(k) >= int64(m.p.classes) {
			return 0, m.outOfRange(k)
		}
		m.class.target[k] = 1
	}
	m.class.labels = e.Labels
	return float64(len(e.Labels)), nil
}

// costLabel is classLabel for costs.
func (m *Model) costLabel(e *event.Event) (float64, *event.Rejection) {
	c := &m.class
	clear(c.listed)
	if len(e.Costs) == 0 {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: "no cost of any class: csoaa loss needs source.label_type costs"}
	}
	cheapest := math.Inf(1)
	label := 0.0
	for _, v := range e.Costs {
		if int64(v.Class) >= int64(m.p.classes) {
			return 0, m.outOfRange(v.Class)
		}
		if !finite(v.Cost) {
			return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("cost %v of class %d is not a finite number", v.Cost, v.Class)}
		}
		if rej := m.labels.Screen(v.Cost, m.p.extreme, m.events); rej != nil {
			return 0, rej
		}
		c.target[v.Class], c.listed[v.Class] = v.Cost, true
		if v.Cost < cheapest {
			cheapest, label = v.Cost, float64(v.Class)
		}
	}
	return label, nil
}

// labelsAfter returns the statistics of the labels after the event at hand.
func (m *Model) labelsAfter(h float64) labels {
	after := m.labels
	if m.p.several != severalCosts {
		return after
	}
	for k, listed := range m.class.listed {
		if listed {
			after = after.Add(m.class.target[k], h)
		}
	}
	return after
}
