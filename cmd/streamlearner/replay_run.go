package main

import (
	"errors"
	"io"
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// replay is one pass over the events of a source.
type replay struct {
	source  *replaySource
	learner *learner.Learner
	weight  *weigher
	metrics *metric.Progressive

	alarms   []alarmReport
	freezes  []freezeReport
	examples []example
	served   float64 // sum of weight times loss of the served model
	armed    *int64  // event at which the guard was first armed
	elapsed  time.Duration
}

// weigher is a decoder that remembers the weight of the newest event.
type weigher struct {
	event.Decoder
	weight float64
}

func (w *weigher) Decode(value []byte, e *event.Event) error {
	err := w.Decoder.Decode(value, e)
	w.weight = e.Weight
	return err
}

func newReplay(s *replaySource) (*replay, error) {
	cfg, err := s.model.LearnerConfig(programVersion())
	if err != nil {
		return nil, err
	}
	w := &weigher{Decoder: cfg.Decoder}
	cfg.Decoder = w
	l, err := learner.New(cfg, state.Position{LeaderEpoch: -1})
	if err != nil {
		return nil, err
	}
	return &replay{
		source: s, learner: l, weight: w, metrics: metric.New(catalog.Task(s.model.Learner), true),
		alarms: []alarmReport{}, freezes: []freezeReport{}, examples: []example{},
	}, nil
}

// run learns from all files, with a progress bar when w is a terminal.
func (r *replay) run(w io.Writer) error {
	begin := time.Now()
	var offset int64
	for _, f := range r.source.files {
		bar := newProgress(w, f.Name, f.Size)
		err := r.learn(f, bar, &offset)
		bar.close()
		if err != nil {
			return err
		}
	}
	r.elapsed = time.Since(begin)
	return nil
}

func (r *replay) learn(f *dataset.File, bar *progress, offset *int64) error {
	for ; ; *offset++ {
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.take(r.learner.Feed(learner.Record{Offset: *offset, LeaderEpoch: -1, Value: record}), *offset)
		if *offset%256 == 0 {
			bar.set(f.Done())
		}
	}
}

// take notes what came of an event.
func (r *replay) take(o *learner.Outcome, event int64) {
	if o.Reject != nil {
		r.example(o.Reject, event)
	} else {
		r.metrics.Observe(&o.Step, r.weight.weight)
		r.served += r.weight.weight * o.Served
	}
	if r.armed == nil && r.learner.Armed() {
		r.armed = &event
	}
	if a := o.Alarm; a != nil {
		r.alarms = append(r.alarms, alarmReport{a.Event, a.Detector, a.Statistic, a.Threshold})
	}
	if c := o.Change; c != nil {
		r.change(c)
	}
}

// example keeps the first refusal of each reason.
func (r *replay) example(reject *event.Rejection, number int64) {
	for _, e := range r.examples {
		if e.Reason == reject.Reason.String() {
			return
		}
	}
	r.examples = append(r.examples, example{reject.Reason.String(), number, reject.Error()})
}

func (r *replay) change(c *learner.Transition) {
	switch {
	case c.To == learner.Frozen && c.From == learner.Learning:
		r.freezes = append(r.freezes, freezeReport{Event: c.Event, Restored: c.Restored, Cause: c.Cause})
	case len(r.freezes) == 0:
	case c.To == learner.Recovering:
		event := c.Event
		r.freezes[len(r.freezes)-1].Recovering = &event
	case c.To == learner.Learning:
		event := c.Event
		last := &r.freezes[len(r.freezes)-1]
		last.Resumed, last.By = &event, c.Cause
	}
}
