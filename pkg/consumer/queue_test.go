package consumer

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// batchAt returns n records from an offset on.
func batchAt(offset int64, n int) []*kgo.Record {
	rs := make([]*kgo.Record, n)
	for i := range rs {
		rs[i] = &kgo.Record{Offset: offset + int64(i)}
	}
	return rs
}

func TestQueuePausesAndResumes(t *testing.T) {
	var paused bool
	q := newQueue(10, func() { paused = true }, func() { paused = false })
	steps := []struct {
		name   string
		do     func()
		paused bool
		next   int64
	}{
		{"below the limit", func() { q.push(batchAt(0, 6)) }, false, 6},
		{"at the limit", func() { q.push(batchAt(6, 4)) }, false, 10},
		{"crowded for too long", func() { q.pauseCrowded() }, true, 10},
		{"what was on its way", func() { q.push(batchAt(10, 2)) }, true, 12},
		{"still above half", func() { q.pop() }, true, 12},
		{"at half", func() { q.pop() }, false, 12},
		{"held", func() { q.hold() }, true, 12},
		{"refused while held", func() { q.push(batchAt(12, 1)) }, true, 12},
		{"drained while held", func() { q.pop() }, true, 12},
		{"released elsewhere", func() { q.clear(); q.release(5) }, false, 5},
		{"paused without need", func() { q.pauseCrowded() }, false, 5},
		{"full", func() { q.push(batchAt(5, 10)); q.pauseCrowded() }, true, 15},
		{"held when full", func() { q.hold() }, true, 15},
		{"released when full", func() { q.release(15) }, true, 15},
		{"drained", func() { q.pop() }, false, 15},
	}
	for _, s := range steps {
		s.do()
		if paused != s.paused || q.position() != s.next {
			t.Fatalf("%s: paused %v at %d, want %v at %d", s.name, paused, q.position(), s.paused, s.next)
		}
	}
	if q.pop() != nil {
		t.Error("an empty queue gave a batch")
	}
}

func TestQueueBoundsLargeRecords(t *testing.T) {
	var paused bool
	q := newQueue(1<<30, func() { paused = true }, func() { paused = false })
	for i := range int64(maxBatches) {
		if paused {
			t.Fatalf("paused after %d batches", i)
		}
		q.push(batchAt(i, 1))
		q.pauseCrowded()
	}
	for range maxBatches / 2 {
		if !paused {
			t.Fatal("not paused although more than half of the batches wait")
		}
		q.pop()
	}
	if paused {
		t.Error("still paused with half of the batches")
	}
}

func TestQueueTellsWhenThereIsRoom(t *testing.T) {
	q := newQueue(10, func() { t.Error("paused") }, func() { t.Error("resumed") })
	for range 2 { // also with the signal of the first time left over
		q.push(batchAt(0, 10))
		if !q.isCrowded() {
			t.Fatal("not crowded at the limit")
		}
		select {
		case <-q.room:
			t.Fatal("room in a crowded queue")
		default:
		}
		q.pop()
		if q.isCrowded() || len(q.room) != 1 {
			t.Fatalf("drained: crowded %v, %d signals", q.isCrowded(), len(q.room))
		}
	}
}

func TestQueueSignalsWhileBatchesWait(t *testing.T) {
	q := newQueue(100, func() {}, func() {})
	q.push(batchAt(0, 1))
	q.push(batchAt(1, 1))
	for want := range int64(2) {
		select {
		case <-q.ready:
		default:
			t.Fatalf("batch %d waits without a signal", want)
		}
		if got := q.pop(); got[0].Offset != want {
			t.Fatalf("popped offset %d, want %d", got[0].Offset, want)
		}
	}
	select {
	case <-q.ready:
		t.Error("a signal without a batch")
	default:
	}
}
