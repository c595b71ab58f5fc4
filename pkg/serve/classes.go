package serve

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// Classes is what a model of several classes says of an event: of the losses ova,
// softmax, multilabel and csoaa.
type Classes struct {
	Class  int       // the predicted class: the most probable one, or that of the lowest cost
	Probs  []float64 // of each class; of label sets each for itself, so that they do not add up to 1
	Costs  bool      // Probs are costs, of csoaa
	Labels bool      // the label is a set of classes, of multilabel: those with a probability of at least 0.5
	Names  []string  // of the classes; empty when they have none. Not to be changed
	Provenance
}

// ScoreClasses scores a decoded event with the model of its key, which must be one
// of several classes. It appends the probabilities to dst, and allocates nothing
// when that has room.
func (c *Client) ScoreClasses(e *event.Event, dst []float64) (Classes, error) {
	t := c.table.Load()
	p, err := c.partition(t, e)
	if err != nil {
		return Classes{}, err
	}
	return c.scoreClasses(t, p, e, dst)
}

// ScoreClassesIn is ScoreClasses with the model of a given partition.
func (c *Client) ScoreClassesIn(partition int32, e *event.Event, dst []float64) (Classes, error) {
	return c.scoreClasses(c.table.Load(), partition, e, dst)
}

// ScoreClassesJSON decodes an event as ScoreJSON does and scores its classes.
func (c *Client) ScoreClassesJSON(b []byte, dst []float64) (Classes, error) {
	t := c.table.Load()
	s, p, err := c.decode(t, b)
	defer s.free()
	if err != nil {
		return Classes{}, err
	}
	return c.scoreClasses(t, p, &s.event, dst)
}

func (c *Client) scoreClasses(t *table, partition int32, e *event.Event, dst []float64) (Classes, error) {
	s, err := c.at(t, partition)
	if err != nil {
		return Classes{}, err
	}
	m := s.model.linear
	if m == nil || !m.Several() {
		return Classes{}, fmt.Errorf("%w: model %s is not one of several classes: ask it by Score", ErrKind, c.opts.Model)
	}
	class, probs := s.model.scoreClasses(e, dst[:0])
	for _, p := range probs {
		if p-p != 0 {
			return Classes{}, &event.Rejection{Reason: event.NonFinite, Detail: fmt.Sprintf("score %v: the event's values must be finite", p)}
		}
	}
	loss := m.Config().Loss
	out := Classes{Class: class, Probs: probs, Costs: loss == sgd.CostLoss, Labels: loss == sgd.SetLoss, Provenance: s.provenance(partition)}
	if s.reading != nil {
		out.Names = s.reading.layout.Classes
	}
	return out, nil
}
