package consumer

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxBatches is how many batches wait at most. A batch is what one fetch
// brought of the partition, 1 MiB by default, so that it bounds the memory of
// large records as limit bounds that of small ones.
const maxBatches = 64

// queue carries batches from the poll loop to one partition's goroutine. The
// poll loop never waits: once the queue holds limit records or maxBatches the
// client stops fetching the partition, until half of them are gone. A held
// queue takes nothing and keeps the partition paused.
type queue struct {
	limit  int
	pause  func() // stops fetching the partition
	resume func() // fetches it again
	ready  chan struct{}

	mu      sync.Mutex
	batches [][]*kgo.Record
	records int
	next    int64 // offset after the last record taken in
	full    bool
	held    bool
}

func newQueue(limit int, pause, resume func()) *queue {
	return &queue{limit: limit, pause: pause, resume: resume, ready: make(chan struct{}, 1)}
}

// push takes a batch of at least one record.
func (q *queue) push(batch []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held {
		return
	}
	q.batches = append(q.batches, batch)
	q.records += len(batch)
	q.next = batch[len(batch)-1].Offset + 1
	if !q.full && (q.records >= q.limit || len(q.batches) >= maxBatches) {
		q.full = true
		q.pause()
	}
	q.signal()
}

// pop returns the oldest batch, nil when there is none. ready is signalled
// again while more wait.
func (q *queue) pop() []*kgo.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 {
		return nil
	}
	batch := q.batches[0]
	q.batches[0] = nil
	q.batches = q.batches[1:]
	q.records -= len(batch)
	if q.full && q.records <= q.limit/2 && len(q.batches) <= maxBatches/2 {
		q.full = false
		if !q.held {
			q.resume()
		}
	}
	if len(q.batches) > 0 {
		q.signal()
	}
	return batch
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// start says where the first batch begins.
func (q *queue) start(next int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next = next
}

// hold pauses the partition and refuses further batches; it reports whether it
// was not held before. What was taken in stays.
func (q *queue) hold() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held {
		return false
	}
	q.held = true
	q.pause()
	return true
}

// clear forgets what waits; the owner of the queue is about to read it again.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batches, q.records, q.full = nil, 0, false
}

// release ends a hold: the next batch starts at next.
func (q *queue) release(next int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held, q.next = false, next
	if !q.full {
		q.resume()
	}
}

// position returns the offset after the last record taken in.
func (q *queue) position() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next
}
