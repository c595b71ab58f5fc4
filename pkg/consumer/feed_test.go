package consumer

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// feedingSession returns a session that nobody saves.
func feedingSession(t testing.TB) *session {
	t.Helper()
	deps := someDeps()
	deps.Logger = slog.New(slog.DiscardHandler)
	c, err := New(validConfig(), deps)
	if err != nil {
		t.Fatal(err)
	}
	p := newPartition(c, nil, 0, state.Owner{Group: group, Generation: 1})
	t.Cleanup(p.cancel)
	s := newSession(p, &idle{count: &count{began: make(chan time.Time, 1)}}, state.Claim{}, nil)
	s.inFlight = true
	return s
}

// The way of a record through the shell allocates nothing; what a batch costs does not depend on its records.
func TestFeedAllocatesNothingPerRecord(t *testing.T) {
	s := feedingSession(t)
	batch := batchAt(0, 1000)
	allocs := testing.AllocsPerRun(100, func() {
		if err := s.feed(batch); err != nil {
			t.Fatal(err)
		}
		for _, r := range batch {
			r.Offset += int64(len(batch))
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for a batch of %d records, want none", allocs, len(batch))
	}
	if got := s.learner.Stats().Fed; got != 101*1000 {
		t.Errorf("%d records fed, want 101000", got)
	}
}

// BenchmarkFeed is what the shell adds to a record, without Kafka.
func BenchmarkFeed(b *testing.B) {
	s := feedingSession(b)
	r := &kgo.Record{Timestamp: time.UnixMilli(1)}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.feedOne(r); err != nil {
			b.Fatal(err)
		}
		r.Offset++
	}
}
