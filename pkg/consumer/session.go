package consumer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/streamlearner/streamlearner/internal/metric"
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

// report shows the progressive validation, how full the model is, what candidates would have earned, and what
// guard rails say. It walks over all bins and over the weights in use, and computes quantiles and intervals, so it is made every now and then only.
func (s *session) report() {
	occupancy, ok := s.learner.Occupancy()
	evaluations, rails := s.learner.Evaluations(), s.learner.Judge()
	var r metric.Report
	if s.progress != nil {
		r = s.progress.Report()
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.view.progress, s.p.view.evaluations, s.p.view.rails = r, evaluations, rails
	if ok {
		s.p.view.occupancy = &occupancy
	}
}
