package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

const (
	maxLetters    = 256              // dead letters on their way before the partition waits
	letterTimeout = 10 * time.Second // of one attempt to write them
)

// The headers of a dead letter, beside those of the refused record. Letters
// are written at least once; topic, partition and offset identify one.
const (
	headerTopic     = "sl-topic"
	headerPartition = "sl-partition"
	headerOffset    = "sl-offset"
	headerModel     = "sl-model"
	headerReason    = "sl-reason"
	headerField     = "sl-field"
	headerDetail    = "sl-detail"
)

// letters writes the refused records of a session, in order, to the dead-letter topic.
type letters struct {
	p    *partition
	out  chan *kgo.Record
	sent uint64 // handed over; belongs to the partition's goroutine

	mu      sync.Mutex
	acked   uint64        // the first acked of those sent are stored
	broken  bool          // the last attempt failed
	changed chan struct{} // closed at the next change
}

func newLetters(p *partition) *letters {
	return &letters{p: p, out: make(chan *kgo.Record, maxLetters), changed: make(chan struct{})}
}

// refuse hands a refused record over. It waits while too many are on their way.
func (s *session) refuse(r *kgo.Record, why *event.Rejection) error {
	s.refused++
	if s.refused&(s.refused-1) == 0 { // the 1st, 2nd, 4th, 8th, ...
		s.p.log.Warn("record refused", "offset", r.Offset, "reason", why.Reason, "field", why.Field, "detail", why.Detail, "refused", s.refused)
	}
	letter := s.p.letter(r, why)
	select {
	case s.letters.out <- letter: // also when the assignment has just ended: then its last save can cover the record
		s.letters.sent++
		return nil
	default:
	}
	for {
		select {
		case s.letters.out <- letter:
			s.letters.sent++
			return nil
		case <-s.p.ctx.Done():
			s.mute = true // the record counts as fed, its letter is not on its way
			return errClosed
		case res := <-s.saver.results:
			s.mute = true
			err := s.saved(res)
			if err != nil {
				return err
			}
			s.mute = false
		}
	}
}

// decisionRecord is the record of a decision that was refused when r let its window pass.
func decisionRecord(r *kgo.Record, d *learner.Refused) *kgo.Record {
	return &kgo.Record{Topic: r.Topic, Partition: r.Partition, Offset: d.Offset, Value: d.Value, Timestamp: time.UnixMilli(d.Time)}
}

func (p *partition) letter(r *kgo.Record, why *event.Rejection) *kgo.Record {
	headers := append(r.Headers[:len(r.Headers):len(r.Headers)],
		kgo.RecordHeader{Key: headerTopic, Value: []byte(r.Topic)},
		kgo.RecordHeader{Key: headerPartition, Value: strconv.AppendInt(nil, int64(r.Partition), 10)},
		kgo.RecordHeader{Key: headerOffset, Value: strconv.AppendInt(nil, r.Offset, 10)},
		kgo.RecordHeader{Key: headerModel, Value: []byte(p.c.cfg.Model)},
		kgo.RecordHeader{Key: headerReason, Value: []byte(why.Reason.String())},
		kgo.RecordHeader{Key: headerDetail, Value: []byte(why.Detail)},
	)
	if why.Field != "" {
		headers = append(headers, kgo.RecordHeader{Key: headerField, Value: []byte(why.Field)})
	}
	return &kgo.Record{Topic: p.c.cfg.DeadLetter, Key: r.Key, Value: r.Value, Headers: headers}
}

// run writes what is handed over, each bundle until it is stored.
func (l *letters) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-l.out:
			bundle := []*kgo.Record{r}
			for len(l.out) > 0 {
				bundle = append(bundle, <-l.out)
			}
			if l.write(ctx, bundle) != nil {
				return
			}
		}
	}
}

func (l *letters) write(ctx context.Context, bundle []*kgo.Record) error {
	n := uint64(len(bundle))
	b := backoff{first: 100 * time.Millisecond, most: 10 * time.Second}
	for {
		failed, err := l.attempt(ctx, bundle)
		if err == nil {
			l.settle(n)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.fail(err)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			l.p.c.prepareDeadLetters(ctx, l.p.cl)
		}
		if err := b.wait(ctx); err != nil {
			return err
		}
		bundle = failed
	}
}

// attempt writes the bundle once and returns the records that were not stored.
func (l *letters) attempt(ctx context.Context, bundle []*kgo.Record) (failed []*kgo.Record, err error) {
	ctx, cancel := context.WithTimeout(ctx, letterTimeout)
	defer cancel()
	for _, r := range bundle {
		r.Context = ctx //nolint:fatcontext // not nested: the record keeps the context of an attempt that has ended
	}
	for _, r := range l.p.cl.ProduceSync(ctx, bundle...) {
		if r.Err != nil {
			failed, err = append(failed, r.Record), r.Err
		}
	}
	return failed, err
}

func (l *letters) settle(n uint64) {
	l.p.c.metrics.letters.add(l.p.id, float64(n))
	l.p.recovered(troubleLetters)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked += n
	l.broken = false
	l.signal()
}

func (l *letters) fail(err error) {
	l.p.c.metrics.letterErrors.inc(l.p.id)
	l.p.troubled(troubleLetters, fmt.Errorf("dead-letter topic %s takes no records: %w; the partition waits until it does", l.p.c.cfg.DeadLetter, err))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	l.signal()
}

func (l *letters) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// failing reports whether the last attempt failed; changed is closed when that may have changed.
func (l *letters) failing() (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken, l.changed
}

// settled reports whether the first n letters are stored.
func (l *letters) settled(n uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked >= n
}

// wait returns once the first n letters are stored.
func (l *letters) wait(ctx context.Context, n uint64) error {
	for {
		l.mu.Lock()
		acked, changed := l.acked, l.changed
		l.mu.Unlock()
		if acked >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
