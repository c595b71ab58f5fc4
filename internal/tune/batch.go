package tune

import (
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// batch is a run of events as one group of configurations sees them.
type batch struct {
	events   []event.Event
	rejected []*event.Rejection // nil where the event is good
}

// grow makes room for n events.
func (b *batch) grow(n int) {
	for len(b.events) < n {
		b.events, b.rejected = append(b.events, event.Event{}), append(b.rejected, nil)
	}
}

// decode decodes records into the events that begin with the one at from.
func (b *batch) decode(d event.Decoder, records [][]byte, from int) {
	for i, record := range records {
		b.rejected[from+i] = nil
		if err := d.Decode(record, &b.events[from+i]); err != nil {
			b.rejected[from+i] = rejection(err)
		}
	}
}

// rejection returns a copy of its own of what a decoder found.
func rejection(err error) *event.Rejection {
	if r, ok := err.(*event.Rejection); ok { // not wrapped, as learner.Feed reads it
		own := *r
		return &own
	}
	return &event.Rejection{Reason: event.Syntax, Detail: err.Error()}
}

// player is the decoder of a learner: it lends it events that were decoded before.
type player struct {
	batch *batch
	next  int
}

// Decode lends the next event of the batch. Other learners read it at the same time, so
// its slices have no room: what a model appends for itself goes into memory of its own.
func (p *player) Decode(_ []byte, e *event.Event) error {
	i := p.next
	p.next++
	if r := p.batch.rejected[i]; r != nil {
		return r
	}
	*e = p.batch.events[i]
	e.Key, e.ID, e.Source, e.Logged = slices.Clip(e.Key), slices.Clip(e.ID), slices.Clip(e.Source), slices.Clip(e.Logged)
	e.X.Dense, e.X.Sparse = slices.Clip(e.X.Dense), slices.Clip(e.X.Sparse)
	e.Categories, e.Actions, e.Eligible = slices.Clip(e.Categories), slices.Clip(e.Actions), slices.Clip(e.Eligible)
	e.Labels, e.Costs, e.Metrics = slices.Clip(e.Labels), slices.Clip(e.Costs), slices.Clip(e.Metrics)
	return nil
}
