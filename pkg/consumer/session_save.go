package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/state"
)

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
