package consumer

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxBatches is how many batches wait at most. A batch is what one fetch
// brought of the partition, 1 MiB by default, so that it bounds the memory of
// large records as limit bounds that of small ones.
const maxBatches = 64

// queue carries batches from the poll loop to one partition's goroutine. It is
// crowded once it holds limit records or maxBatches, until half of them are
// gone. The poll loop gives a crowded queue some time and then has it paused:
// the client stops fetching the partition until the queue is crowded no more. A
// held queue takes nothing and keeps the partition paused.
type queue struct {
	limit  int
	pause  func() // stops fetching the partition
	resume func() // fetches it again
	ready  chan struct{}
	room   chan struct{} // signalled when the queue is crowded no more

	mu      sync.Mutex
	batches [][]*kgo.Record
	records int
	next    int64 // offset after the last record taken in
	crowded bool
	full    bool // paused because it is crowded
	held    bool
}

func newQueue(limit int, pause, resume func()) *queue {
	return &queue{limit: limit, pause: pause, resume: resume, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
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
	if !q.crowded && (q.records >= q.limit || len(q.batches) >= maxBatches) {
		q.crowded = true
		select {
		case <-q.room: // of an earlier time
		default:
		}
	}
	signal(q.ready)
}

// isCrowded reports whether the queue is crowded and not paused yet.
func (q *queue) isCrowded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.crowded && !q.full && !q.held
}

// pauseCrowded pauses the partition if it is crowded still.
func (q *queue) pauseCrowded() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.crowded && !q.full {
		q.full = true
		q.pause()
	}
}

// relieve ends the crowding.
func (q *queue) relieve() {
	if !q.crowded {
		return
	}
	q.crowded = false
	signal(q.room)
	if q.full {
		q.full = false
		if !q.held {
			q.resume()
		}
	}
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
	if q.records <= q.limit/2 && len(q.batches) <= maxBatches/2 {
		q.relieve()
	}
	if len(q.batches) > 0 {
		signal(q.ready)
	}
	return batch
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
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
	q.batches, q.records = nil, 0
	q.relieve()
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
