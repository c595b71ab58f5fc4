package serve

import (
	"fmt"
	"math"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Provenance says which version was asked. Log it with the decision.
type Provenance struct {
	Version   uint64        // number of the published version
	Partition int32         // partition whose model it is
	Age       time.Duration // time since the last record that the version has learned
	Mode      string        // of the learner: learning, frozen or recovering
	Stale     bool          // Age is above what the model's owner allows
}

// Score is what a model of labels says of an event: any model but a bandit.
type Score struct {
	Prediction float64 // on the scale of the label; a probability for a classifier of two classes, the class of several, or the number of labels
	Classifier bool    // the model is linear, and its label a class
	Class      int     // the decision of a classifier: of two classes by the costs of the model
	Provenance
}

// Score scores a decoded event with the model of its key. The event's values
// must be finite. It allocates nothing.
func (c *Client) Score(e *event.Event) (Score, error) {
	t := c.table.Load()
	p, err := c.partition(t, e)
	if err != nil {
		return Score{}, err
	}
	return c.score(t, p, e)
}

// ScoreIn scores with the model of a given partition, for producers that
// place their records by another rule.
func (c *Client) ScoreIn(partition int32, e *event.Event) (Score, error) {
	return c.score(c.table.Load(), partition, e)
}

// ScoreJSON decodes an event, which needs no label, by Options.Schema or else
// by the schema that was published with the version, and scores it. Beyond what
// the decoder needs for fields it has not seen before, it allocates nothing.
func (c *Client) ScoreJSON(b []byte) (Score, error) {
	t := c.table.Load()
	s, p, err := c.decode(t, b)
	defer s.free()
	if err != nil {
		return Score{}, err
	}
	return c.score(t, p, &s.event)
}

func (c *Client) score(t *table, partition int32, e *event.Event) (Score, error) {
	s, err := c.at(t, partition)
	if err != nil {
		return Score{}, err
	}
	if s.model.scorer == nil {
		return Score{}, fmt.Errorf("%w: model %s is a bandit: ask it by Choose", ErrKind, c.opts.Model)
	}
	prediction := s.model.scorer.Score(e)
	if math.IsNaN(prediction) || math.IsInf(prediction, 0) {
		return Score{}, &event.Rejection{Reason: event.NonFinite, Detail: fmt.Sprintf("score %v: the event's values must be finite", prediction)}
	}
	return Score{Prediction: prediction, Classifier: s.model.classifies, Class: s.model.class(prediction), Provenance: s.provenance(partition)}, nil
}

// partition returns the partition that the event's key belongs to.
func (c *Client) partition(t *table, e *event.Event) (int32, error) {
	n := int32(len(t.served))
	switch {
	case n == 1:
		return 0, nil
	case n == 0:
		return 0, fmt.Errorf("%w: no partition of model %s has a state", ErrNoModel, c.opts.Model)
	case len(e.Key) == 0:
		return 0, fmt.Errorf("%w: the topic has %d partitions; source.key (or Options.Schema.Key) must name the field that the producer takes as key, or use ScoreIn", ErrNoKey, n)
	}
	return PartitionOf(e.Key, n), nil
}

// at returns what a partition serves.
func (c *Client) at(t *table, partition int32) (*served, error) {
	if s := t.at(partition); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w for partition %d of model %s", ErrNoModel, partition, c.opts.Model)
}

func (s *served) provenance(partition int32) Provenance {
	age := s.age(time.Now())
	return Provenance{Version: s.pointer.Number, Partition: partition, Age: age, Mode: s.pointer.Mode, Stale: s.stale(age)}
}
