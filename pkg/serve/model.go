package serve

import (
	"fmt"

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
	scorer scorer // nil for a bandit
	bandit *bandit.Model
	arms   []string // names of the bandit's arms
	// fixed is the bandit's distribution over its arms when it does not depend
	// on the event; computing it takes long.
	fixed []float64
}

// openModel reads published parameters, whatever family they belong to.
func openModel(b []byte) (model, error) {
	const kindAt = 2 // the envelope's third byte
	var kind wire.Kind
	if len(b) > kindAt {
		kind = wire.Kind(b[kindAt])
	}
	switch kind {
	case wire.KindBandit:
		return openBandit(b)
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
		return model{scorer: m}, nil
	}
}

func openBandit(b []byte) (model, error) {
	m, err := bandit.Open(b)
	if err != nil {
		return model{}, err
	}
	out := model{bandit: m, arms: m.Config().Arms}
	if m.Config().Policy == bandit.Thompson {
		out.fixed = m.Distribution(&event.Event{}, nil)
	}
	return out, nil
}

// distribution appends the probabilities of the bandit's arms to dst.
func (m *model) distribution(e *event.Event, dst []float64) []float64 {
	if m.fixed != nil {
		return append(dst, m.fixed...)
	}
	return m.bandit.Distribution(e, dst)
}
