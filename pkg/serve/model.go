package serve

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// scorer predicts the label of an event.
type scorer interface {
	Score(e *event.Event) float64
}

// model is a published model of any family. Many goroutines may use it at once.
type model struct {
	scorer  scorer        // nil for a bandit
	encoder *encode.Model // encodes events for the linear model; nil for none
	linear  *sgd.Model    // nil for models of other families
	// classifies is true for a linear model whose prediction is one class, or the
	// probability of one.
	classifies bool
	bandit     *bandit.Policy
}

// openModel reads published parameters, whatever family they belong to: a
// whole model and the changes to it.
func openModel(parts [][]byte) (model, error) {
	m, err := openWhole(parts[0])
	if err != nil || len(parts) == 1 {
		return m, err
	}
	return m.after(parts[1:])
}

// after returns the model that m becomes by changes. m stays, since it is scored with.
func (m *model) after(changes [][]byte) (model, error) {
	linear, ok := m.scorer.(*sgd.Model)
	if !ok {
		return model{}, errors.New("changes to a kind of model that knows none: a newer version of streamlearner wrote them")
	}
	next, err := linear.After(changes...)
	if err != nil {
		return model{}, err
	}
	return model{scorer: next, linear: next, classifies: next.Classifies()}, nil
}

func openWhole(b []byte) (model, error) {
	switch wire.KindOf(b) {
	case wire.KindBandit:
		return openBandit(b)
	case wire.KindEncode:
		m, err := encode.Open(b, openInner)
		if err != nil {
			return model{}, err
		}
		out := model{scorer: m, encoder: m}
		if linear, ok := m.Inner().(*sgd.Model); ok {
			out.linear, out.classifies = linear, linear.Classifies()
		}
		return out, nil
	case wire.KindFactor:
		m, err := factor.Open(b)
		if err != nil {
			return model{}, err
		}
		return model{scorer: m}, nil
	default:
		m, err := sgd.Open(b)
		if err != nil {
			return model{}, fmt.Errorf("as a linear model: %w", err)
		}
		return model{scorer: m, linear: m, classifies: m.Classifies()}, nil
	}
}

// openInner opens the model behind encodings.
func openInner(b []byte) (encode.Inner, error) {
	m, err := openWhole(b)
	if err != nil {
		return nil, err
	}
	inner, ok := m.scorer.(encode.Inner)
	if !ok {
		return nil, fmt.Errorf("%w: a model of this kind has no encodings", wire.ErrCorrupt)
	}
	return inner, nil
}

// scoreClasses is ScoreClasses of the linear model.
func (m *model) scoreClasses(e *event.Event, dst []float64) (class int, probs []float64) {
	if m.encoder == nil {
		return m.linear.ScoreClasses(e, dst)
	}
	undo := m.encoder.Encode(e)
	defer undo.Undo(e)
	return m.linear.ScoreClasses(e, dst)
}

// class returns the decision of a classifier for what Score gave; 0 for other models.
func (m *model) class(prediction float64) int {
	switch {
	case !m.classifies:
		return 0
	case m.linear.Several():
		return int(prediction)
	}
	return m.linear.Decide(prediction)
}

func openBandit(b []byte) (model, error) {
	p, err := bandit.OpenPolicy(b)
	if err != nil {
		return model{}, err
	}
	return model{bandit: p}, nil
}
