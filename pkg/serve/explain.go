package serve

import (
	"context"
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// explainer divides a score among the features.
type explainer interface {
	scorer
	Explain(e *event.Event) event.Explanation
}

// Explanation says where a score comes from: its margin is the intercept plus
// the contributions of the features, largest first. The prediction is made of
// the margin by the loss's link function and bounds.
type Explanation struct {
	Score
	event.Explanation
	// Names are the names of the features by their hashes, if the client
	// decoded the event itself; else nil.
	Names map[uint64]string
}

// Explain divides the score of an event, which Score would give, among its features.
func (c *Client) Explain(e *event.Event) (Explanation, error) {
	t := c.table.Load()
	p, err := c.partition(t, e)
	if err != nil {
		return Explanation{}, err
	}
	return c.explain(t, p, e)
}

// ExplainIn explains with the model of a given partition.
func (c *Client) ExplainIn(partition int32, e *event.Event) (Explanation, error) {
	return c.explain(c.table.Load(), partition, e)
}

// ExplainJSON decodes an event as ScoreJSON does, and names its features.
func (c *Client) ExplainJSON(b []byte) (Explanation, error) {
	t := c.table.Load()
	s, p, err := c.decode(t, b)
	defer s.free()
	if err != nil {
		return Explanation{}, err
	}
	x, err := c.explain(t, p, &s.event)
	if err != nil {
		return x, err
	}
	// Once more, with another decoder: keeping names would make those of scores slow.
	named, err := event.NewJSON(s.home.layout.Schema, false)
	if err != nil {
		return x, err
	}
	named.KeepNames()
	if err := named.Decode(b, &s.event); err != nil {
		return x, err
	}
	x.Names = named.Names()
	return x, nil
}

// Names returns the names of features that are known in a partition, by their
// hashes. The learner keeps them beside the model, from some of its records: a
// feature may have none. It asks the store.
func (c *Client) Names(ctx context.Context, partition int32) (map[uint64]string, error) {
	keeper, ok := c.store.(state.NameKeeper)
	if !ok {
		return nil, nil
	}
	b, err := keeper.Names(ctx, state.Key{Model: c.opts.Model, Partition: partition})
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return names.Read(b)
}

func (c *Client) explain(t *table, partition int32, e *event.Event) (Explanation, error) {
	score, err := c.score(t, partition, e)
	if err != nil {
		return Explanation{}, err
	}
	m, ok := t.at(partition).model.scorer.(explainer)
	if !ok {
		return Explanation{}, fmt.Errorf("%w: model %s does not explain its scores", ErrKind, c.opts.Model)
	}
	return Explanation{Score: score, Explanation: m.Explain(e)}, nil
}
