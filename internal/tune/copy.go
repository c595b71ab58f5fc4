package tune

import "github.com/streamlearner/streamlearner/pkg/event"

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

// player is the decoder of a learner: it hands out events that were decoded before.
type player struct {
	batch *batch
	next  int
}

// Decode copies the next event of the batch.
func (p *player) Decode(_ []byte, e *event.Event) error {
	i := p.next
	p.next++
	if r := p.batch.rejected[i]; r != nil {
		return r
	}
	copyEvent(e, &p.batch.events[i])
	return nil
}

// copyEvent makes dst equal to src in memory of its own.
func copyEvent(dst, src *event.Event) {
	own := *dst
	*dst = *src
	dst.Key = append(own.Key[:0], src.Key...)
	dst.ID = append(own.ID[:0], src.ID...)
	dst.Labels = append(own.Labels[:0], src.Labels...)
	dst.Costs = append(own.Costs[:0], src.Costs...)
	dst.Categories = append(own.Categories[:0], src.Categories...)
	copyVector(&dst.X, &own.X, &src.X)
	dst.Actions = own.Actions[:0]
	for i := range src.Actions {
		if len(dst.Actions) < cap(dst.Actions) {
			dst.Actions = dst.Actions[:i+1] // with the memory of an earlier event
		} else {
			dst.Actions = append(dst.Actions, event.Vector{})
		}
		a := &dst.Actions[i]
		memory := *a
		copyVector(a, &memory, &src.Actions[i])
	}
}

func copyVector(dst, memory, src *event.Vector) {
	*dst = *src
	dst.Dense = append(memory.Dense[:0], src.Dense...)
	dst.Sparse = append(memory.Sparse[:0], src.Sparse...)
}
