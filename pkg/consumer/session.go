package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// chunk is how many records are fed before the goroutine looks up: for the end
// of the assignment, finished saves and a failing dead-letter topic.
const chunk = 256

// errClosed ends a session whose assignment has ended.
var errClosed = errors.New("partition closed")

// session is the work on a partition under one claim. It belongs to the
// partition's goroutine, which alone touches the learner.
type session struct {
	p       *partition
	learner Learner
	saver   *saver
	letters *letters
	mirror  *mirror
	// progress is the progressive validation since the session began; nil for none.
	progress *metric.Progressive
	namer    *namer           // nil for none
	headers  []learner.Header // of the newest record, where the learner needs them

	next     int64          // offset of the next record
	captured state.Position // position of the newest snapshot taken
	stored   int64          // offset at which the stored state stands; -1 for none
	due      bool           // a save is due
	inFlight bool           // the saver works on one
	mute     bool           // a dead letter was not handed over: nothing may be saved any more
	waiting  []order        // for the end of the batch: a seek drops what is left of none
	refused  uint64
	repeated int // records dropped as learned already, not counted yet
	saves    int
}

func newSession(p *partition, l Learner, claim state.Claim, snap *state.Snapshot) *session {
	next := l.Next()
	s := &session{p: p, learner: l, next: next.Offset, captured: next, due: true, stored: -1}
	s.letters, s.namer = newLetters(p), newNamer(p)
	if fn := p.c.deps.Progress; fn != nil {
		s.progress = fn()
	}
	s.mirror = newMirror(p, snap)
	s.saver = newSaver(p, claim, snap, s.letters, s.mirror)
	p.mu.Lock()
	p.view.running, p.view.claim, p.view.name = true, claim, s.namer.name
	p.view.fed, p.view.publishedAt = time.Now(), time.Now()
	if snap != nil {
		s.stored = snap.Next.Offset
		p.view.published = snap.Current
	}
	p.mu.Unlock()
	s.publish()
	p.recovered(troubleClaim)
	p.log.Info("partition claimed", "claim", claim.Number, "generation", claim.Generation, "offset", s.next, "fresh", snap == nil)
	return s
}

// run works until the assignment ends or the store refuses a save for good.
func (s *session) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.letters.run(ctx) })
	wg.Go(func() { s.mirror.run(ctx) })
	wg.Go(func() { s.namer.run(ctx) })
	defer wg.Wait()
	defer cancel()
	s.saver.readInbox(s.p.ctx) // what was ordered while nobody ran comes before the next record
	wg.Go(func() { s.saver.run(ctx) })
	err := s.loop()
	if errors.Is(err, errClosed) {
		err = s.finish(cancel)
	}
	return err
}

func (s *session) loop() error {
	tick := time.NewTicker(s.p.c.cfg.SaveInterval)
	defer tick.Stop()
	select {
	case orders := <-s.saver.orders:
		if err := s.apply(orders); err != nil {
			return err
		}
	default:
	}
	s.trySave() // where a new learner begins, or what a changed configuration did, is part of the state
	for {
		var err error
		select {
		case <-s.p.ctx.Done():
			err = errClosed
		case <-s.p.queue.ready:
			err = s.feed(s.p.queue.pop())
		case r := <-s.saver.results:
			err = s.saved(r)
		case orders := <-s.saver.orders:
			err = s.apply(orders)
		case <-tick.C:
			s.report()
			s.due = s.due || s.learner.Next() != s.captured
			s.trySave()
		}
		if err == nil && len(s.waiting) > 0 {
			orders := s.waiting
			s.waiting = nil
			err = s.apply(orders)
		}
		if err != nil {
			return err
		}
	}
}

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

// lookUp runs between two chunks.
func (s *session) lookUp() error {
	for {
		failing, changed := s.letters.failing()
		if !failing {
			select {
			case <-s.p.ctx.Done():
				return errClosed
			case r := <-s.saver.results:
				return s.saved(r)
			case orders := <-s.saver.orders: // a rollback does not wait for the end of a batch
				if slices.ContainsFunc(orders, order.isSeek) {
					s.waiting = append(s.waiting, orders...)
					return nil
				}
				return s.apply(orders)
			default:
				return nil
			}
		}
		s.publish()
		select {
		case <-s.p.ctx.Done():
			return errClosed
		case r := <-s.saver.results:
			if err := s.saved(r); err != nil {
				return err
			}
		case <-changed:
		}
	}
}

// apply takes operator commands between two records.
func (s *session) apply(orders []order) error {
	for _, order := range orders {
		c := order.command
		if order.isSeek() {
			g := s.p.missed()
			c.Args.Lost = g != nil && g.other // by now a seek before this one may have ended the gap
			if g != nil {
				if err := s.feedWaiting(); err != nil {
					return err
				}
			}
		}
		before := s.learner.Next()
		o := s.learner.ApplyTo(c, order.found)
		s.p.log.Info("command taken", "id", c.ID, "kind", c.Kind, "who", c.Who, "why", c.Why, "offset", s.next)
		s.notable(o)
		if next := s.learner.Next(); next != before {
			s.p.log.Warn("the partition goes on at another offset", "from", before.Offset, "to", next.Offset)
			s.next = next.Offset
			s.p.sought(next)
		}
	}
	s.due = true
	s.trySave()
	s.publish()
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

// trySave takes a snapshot when one is due and the saver is free. While it is
// busy the due save waits, and then takes in what was learned meanwhile.
func (s *session) trySave() {
	if s.due && !s.inFlight && !s.mute {
		s.capture()
	}
}

func (s *session) capture() {
	began := time.Now()
	seal := s.learner.Capture()
	s.p.c.metrics.pause.Observe(time.Since(began).Seconds())
	s.due, s.inFlight, s.captured = false, true, s.learner.Next()
	s.saver.jobs <- job{seal: seal, letters: s.letters.sent, log: s.p.sourceLog()}
}

// saved takes the result of a save.
func (s *session) saved(r result) error {
	s.inFlight = false
	if r.err != nil {
		return r.err
	}
	s.saves++
	s.stored = r.snapshot.Next.Offset
	s.learner.Saved(r.snapshot)
	p := s.p
	p.mu.Lock()
	if was, is := p.view.published, r.snapshot.Current; is != nil && (was == nil || was.Version != is.Version) {
		p.view.publishedAt = time.Now()
	}
	p.view.saved, p.view.savedNext, p.view.published = time.Now(), r.snapshot.Next, r.snapshot.Current
	p.mu.Unlock()
	p.cl.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{
		p.c.cfg.Topic: {p.id: {Offset: r.snapshot.Next.Offset, Epoch: r.snapshot.Next.LeaderEpoch}},
	})
	s.trySave()
	return nil
}

// finish makes the last save of an assignment that ended, within the time that
// its end allows.
func (s *session) finish(cancel context.CancelFunc) error {
	s.p.mu.Lock()
	drain := s.p.drain
	s.p.mu.Unlock()
	if errors.Is(context.Cause(drain), errWriteNothing) {
		return nil
	}
	defer context.AfterFunc(drain, cancel)()
	if s.inFlight {
		if err := s.await(drain); err != nil {
			return err
		}
	}
	if s.mute {
		return fmt.Errorf("last save of %s given up: the dead-letter topic %s takes no records; the stored state stands at offset %d",
			s.p.key, s.p.c.cfg.DeadLetter, s.stored)
	}
	if !s.inFlight && (s.due || s.learner.Next() != s.captured) {
		s.capture()
	}
	if s.inFlight {
		return s.await(drain)
	}
	return nil
}

func (s *session) await(drain context.Context) error {
	var r result
	select {
	case r = <-s.saver.results:
	case <-drain.Done():
	}
	if drain.Err() == nil || r.snapshot != nil && r.err == nil {
		return s.saved(r)
	}
	return fmt.Errorf("last save of %s given up after %v: the stored state stands at offset %d",
		s.p.key, s.p.c.cfg.SaveTimeout, s.stored)
}

// ahead reports whether a session that has ended stands beyond what the store
// holds, with nothing left to do for the records in between.
func (s *session) ahead(stored *state.Snapshot) bool {
	return s.stored >= 0 && !s.mute && s.letters.settled(s.letters.sent) &&
		(stored == nil || stored.Next.Offset < s.stored)
}

// flush ends a batch.
func (s *session) flush() {
	if s.repeated > 0 {
		s.p.c.metrics.duplicates.add(s.p.id, float64(s.repeated))
		s.repeated = 0
	}
	s.publish()
}

// publish shows the state of the learner to Status and the metrics.
func (s *session) publish() {
	stats, next := s.learner.Stats(), s.learner.Next()
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if stats.Fed != s.p.view.stats.Fed {
		s.p.view.fed = time.Now()
	}
	s.p.view.stats, s.p.view.next = stats, next
}

// report shows the progressive validation, how full the model is, and what candidates would have earned. It
// walks over all bins and over the weights in use, and computes quantiles, so it is made every now and then only.
func (s *session) report() {
	occupancy, ok := s.learner.Occupancy()
	evaluations := s.learner.Evaluations()
	var r metric.Report
	if s.progress != nil {
		r = s.progress.Report()
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.view.progress, s.p.view.evaluations = r, evaluations
	if ok {
		s.p.view.occupancy = &occupancy
	}
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
