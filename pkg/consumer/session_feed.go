package consumer

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// feed gives a batch to the learner.
func (s *session) feed(batch []*kgo.Record) error {
	defer s.flush()
	for len(batch) > 0 {
		n := min(len(batch), chunk)
		for _, r := range batch[:n] {
			if err := s.feedOne(r); err != nil {
				return err
			}
		}
		batch = batch[n:]
		if err := s.lookUp(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) feedOne(r *kgo.Record) error {
	if r.Offset < s.next {
		s.repeated++
		return nil
	}
	var began time.Time
	if s.learner.AtCheckpoint() {
		began = time.Now()
	}
	if s.p.c.cfg.Headers {
		s.headers = appendHeaders(s.headers[:0], r)
	}
	o := s.learner.Feed(newRecord(r, s.headers))
	if !began.IsZero() {
		s.p.c.metrics.pause.Observe(time.Since(began).Seconds())
	}
	s.next = r.Offset + 1
	s.namer.offer(r.Value)
	if o.Alarm != nil || o.Change != nil || o.Proven || o.Overdue || o.Harm != "" {
		s.notable(o)
	}
	if len(o.Inputs) > 0 {
		s.warn(o.Inputs)
	}
	save := o.Save
	if s.progress != nil {
		o.Each(func(step *event.Step, weight, _ float64) { s.progress.Observe(step, weight) })
	}
	if o.Reject != nil {
		if err := s.refuse(r, o.Reject); err != nil {
			return err
		}
	}
	for i := range o.Refused {
		if err := s.refuse(decisionRecord(r, &o.Refused[i]), o.Refused[i].Reject); err != nil {
			return err
		}
	}
	if save {
		s.due = true
		s.trySave()
	}
	return nil
}

// feedWaiting feeds what a held queue still has: these records are not lost.
func (s *session) feedWaiting() error {
	for batch := s.p.queue.pop(); batch != nil; batch = s.p.queue.pop() {
		if err := s.feed(batch); err != nil {
			return err
		}
	}
	return nil
}

// flush ends a batch.
func (s *session) flush() {
	if s.repeated > 0 {
		s.p.c.metrics.duplicates.add(s.p.id, float64(s.repeated))
		s.repeated = 0
	}
	s.publish()
}

// notable logs what an operator should know of and passes it on.
func (s *session) notable(o *learner.Outcome) {
	var findings []string
	if a := o.Alarm; a != nil {
		findings = a.Evidence.Findings(s.namer.name)
		log := s.p.log
		if e := a.Evidence; e != nil {
			log = log.With("suspect_from", e.From, "moved", strings.Join(e.What(), ","), "findings", strings.Join(findings, "; "))
		}
		log.Warn("alarm", "detector", a.Detector, "event", a.Event, "offset", a.Offset,
			"statistic", a.Statistic, "threshold", a.Threshold)
	}
	if c := o.Change; c != nil {
		s.p.log.Warn("mode changed", "from", c.From, "to", c.To, "cause", c.Cause, "detail", c.Detail,
			"event", c.Event, "offset", c.Offset, "restored", c.Restored)
		if r := c.Suspect; r != nil {
			s.p.log.Warn("records are suspect", "first", r.First, "last", r.Last, "learned_by_restored", c.Tainted)
		}
	}
	if o.Harm != "" {
		s.p.log.Warn("arm taken out", "why", o.Harm, "offset", s.next-1)
	}
	if o.Overdue {
		s.p.log.Error("frozen for too long: automation finds no way back, look at the stream and unfreeze, or wait",
			"records", s.learner.Stats().Way.Frozen)
	}
	if fn := s.p.c.deps.OnOutcome; fn != nil && (o.Alarm != nil || o.Change != nil || o.Proven) {
		fn(s.p.id, o, findings)
	}
}
