package serve

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// scorer is a model that many goroutines may score with at once.
type scorer interface {
	Score(e *event.Event) float64
}

// openModel reads published parameters, whatever family they belong to.
func openModel(b []byte) (scorer, error) {
	const kindAt = 2 // the envelope's third byte
	if len(b) > kindAt && wire.Kind(b[kindAt]) != wire.KindSGD {
		return nil, fmt.Errorf("model of kind %d: this program scores only linear models (kind %d)", b[kindAt], wire.KindSGD)
	}
	return sgd.Open(b)
}
