package factor

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// labels are the statistics of the labels learned, unless they are classes.
type labels = scale.Labels

// frame turns a score into a prediction.
type frame = scale.Frame

// frame returns the frame after the labels in l, the one that predicts next.
func (p *plan) frame(l *labels) frame {
	if p.logistic || !p.scaleLabel {
		return scale.Raw()
	}
	return l.Frame()
}

// CheckLabel says why a label is refused whatever the event, if it is.
func (m *Model) CheckLabel(y float64) *event.Rejection {
	_, rej := m.label(&event.Event{Label: y})
	return rej
}

// label returns the label as the loss sees it, or why it is refused.
func (m *Model) label(e *event.Event) (float64, *event.Rejection) {
	y := e.Label
	if !finite(y) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v is not a finite number", y)}
	}
	if m.p.logistic {
		if class, ok := scale.Sign(y); ok {
			return class, nil
		}
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: logistic loss accepts 0 and 1, or -1 and 1; name the positive class by source.positive, or set learner.factor.loss to squared", y)}
	}
	return y, m.labels.Screen(y, m.p.extreme, m.events)
}

func finite(x float64) bool { return x-x == 0 }
