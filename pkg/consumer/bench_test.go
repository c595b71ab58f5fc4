package consumer

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// BenchmarkAgainstBarePoll reads the same endless topic of 361-byte records
// with a bare poll loop and with a Consumer whose learner does next to
// nothing, one after the other, and reports what the shell leaves of the
// loop's rate. The in-process broker takes part of the processor in both.
func BenchmarkAgainstBarePoll(b *testing.B) {
	const records = 1_000_000
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, topic),
		kfake.SyntheticFetch(kfake.SyntheticBatch{Records: 500, RecordBytes: 361}))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	var bare, shell time.Duration
	for b.Loop() {
		bare += timeBare(b, cluster.ListenAddrs(), records)
		shell += timeShell(b, cluster.ListenAddrs(), records)
	}
	total := float64(records) * float64(b.N)
	b.ReportMetric(total/bare.Seconds(), "bare-records/s")
	b.ReportMetric(total/shell.Seconds(), "records/s")
	b.ReportMetric(bare.Seconds()/shell.Seconds(), "of-bare")
}

func timeBare(b *testing.B, brokers []string, records int) time.Duration {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	began := time.Time{}
	for n := 0; n < records; {
		f := cl.PollRecords(b.Context(), 10_000)
		if began.IsZero() {
			began = time.Now() // without the time to connect
		}
		n += f.NumRecords()
	}
	return time.Since(began)
}

func timeShell(b *testing.B, brokers []string, records int) time.Duration {
	fed := &count{want: uint64(records), done: make(chan struct{}), began: make(chan time.Time, 1)}
	c, err := New(Config{Connection: Connection{Brokers: brokers}, Group: "bench", Model: "fraud", Topic: topic, Init: true}, Deps{
		Store:   state.NewMem(),
		New:     func(start state.Position) (Learner, error) { return &idle{next: start, count: fed}, nil },
		Restore: func(*state.Snapshot) (Learner, error) { panic("nothing to restore") },
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	<-fed.done
	took := time.Since(<-fed.began)
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return took
}

// count tells when all idle learners together have been fed enough.
type count struct {
	fed   atomic.Uint64
	want  uint64
	began chan time.Time
	done  chan struct{}
}

// idle is a learner that only keeps its place, and saves every 1,000 records.
type idle struct {
	next  state.Position
	fed   uint64
	out   learner.Outcome
	count *count
}

func (i *idle) Feed(r learner.Record) *learner.Outcome {
	i.next = state.Position{Offset: r.Offset + 1, LeaderEpoch: r.LeaderEpoch}
	i.fed++
	switch i.count.fed.Add(1) {
	case 1:
		i.count.began <- time.Now()
	case i.count.want:
		close(i.count.done)
	}
	i.out = learner.Outcome{Save: i.fed%1000 == 0}
	return &i.out
}

func (i *idle) Next() state.Position                                 { return i.next }
func (i *idle) ApplyTo(state.Command, *state.Found) *learner.Outcome { return &i.out }
func (i *idle) AtCheckpoint() bool                                   { return false }
func (i *idle) Capture() func() *state.Snapshot {
	s := &state.Snapshot{Next: i.next}
	return func() *state.Snapshot { return s }
}
func (i *idle) Saved(*state.Snapshot)                  {}
func (i *idle) Stats() learner.Stats                   { return learner.Stats{Fed: i.fed} }
func (i *idle) Occupancy() (event.Occupancy, bool)     { return event.Occupancy{}, false }
func (i *idle) Evaluations() []learner.EvaluationStats { return nil }
func (i *idle) Judge() []event.RailReport              { return nil }
