package sgd

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// vwMargin bounds the margin of the logistic loss with compat: vw. Vowpal
// Wabbit's conventions, where they differ from ours: features and labels are
// used as they are; the margin of the logistic loss is clipped to [-50, 50] and the prediction
// of the squared loss to the label range seen with the current label and 0.
// Loss, gradient and update are those of the clipped prediction, here and there.
// Source: https://github.com/VowpalWabbit/vowpal_wabbit gd.cc, loss_functions.cc.
const vwMargin = 50

// maxCount bounds the labels of the Poisson loss, below exp(poissonMargin).
const maxCount = 1e13

// labels are the statistics of the labels learned, unless they are classes.
type labels = scale.Labels

// frame turns a linear score into a prediction.
type frame = scale.Frame

// frame returns the frame after the labels in l, the one that predicts next.
func (p *plan) frame(l *labels) frame {
	f := scale.Raw()
	switch {
	case p.loss == lossLogistic && p.vw:
		f.Lo, f.Hi = -vwMargin, vwMargin
	case p.loss == lossPoisson:
		f.Lo, f.Hi = -poissonMargin, poissonMargin
	case p.binary():
	case p.vw: // the range starts as [0, 0]
		f.Lo, f.Hi = min(0, l.Lo), max(0, l.Hi)
	case p.scaleLabel:
		return l.Frame()
	}
	return f
}

// CheckLabel says why a label is refused whatever the event, if it is.
func (m *Model) CheckLabel(y float64) *event.Rejection {
	_, rej := m.label(&event.Event{Label: y})
	return rej
}

// label returns the label as the loss sees it, or why it is refused.
func (m *Model) label(e *event.Event) (float64, *event.Rejection) {
	if m.p.classes > 0 {
		return m.classLabel(e)
	}
	y := e.Label
	if !finite(y) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v is not a finite number", y)}
	}
	if m.p.binary() {
		if class, ok := scale.Sign(y); ok {
			return class, nil
		}
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: %s loss accepts 0 and 1, or -1 and 1; name the positive class by source.positive, or set learner.loss to squared for a number, or to ova or softmax with learner.classes for one of several classes", y, losses[m.p.loss])}
	}
	if m.p.loss == lossPoisson && !(y >= 0 && y <= maxCount) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: poisson loss accepts numbers between 0 and 1e13; set learner.loss to squared", y)}
	}
	return y, m.labels.Screen(y, m.p.extreme, m.events)
}
