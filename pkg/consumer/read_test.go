package consumer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// A range is read as the group would read it, to its end: without markers of
// transactions and what was aborted.
func TestRangesAreReadAgain(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(100, 0, 1)
	tx, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("range"))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	for _, commit := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := testbed.Produce(tx, &kgo.Record{Topic: w.topic, Partition: 1, Value: []byte("in a transaction")}); err != nil {
			t.Fatal(err)
		}
		if err := tx.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	// 100 is aborted, 101 its marker, 102 is committed, 103 its marker, 104 aborted, 105 its marker.
	for _, c := range []struct{ from, to, first, last, n int64 }{
		{0, 100, 0, 99, 100}, {10, 20, 10, 19, 10}, {95, 106, 95, 102, 6}, {103, 106, 0, 0, 0}, {7, 7, 0, 0, 0},
	} {
		r := Range{Connection: Connection{Brokers: w.brokers}, Topic: w.topic, Partition: 1, From: c.from, To: c.to}
		var got []learner.Record
		if err := r.Read(t.Context(), func(rec learner.Record) error {
			got = append(got, rec)
			return nil
		}); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if int64(len(got)) != c.n || c.n > 0 && (got[0].Offset != c.first || got[len(got)-1].Offset != c.last) {
			t.Errorf("%+v: %d records %+v", c, len(got), got)
		}
	}

	w.deleteBefore(1, 50)
	for _, c := range []struct{ from, to int64 }{{49, 60}, {60, 107}, {0, 10}} {
		r := Range{Connection: Connection{Brokers: w.brokers}, Topic: w.topic, Partition: 1, From: c.from, To: c.to}
		err := r.Read(t.Context(), func(learner.Record) error { return errors.New("a record was read") })
		var gone *GoneError
		if !errors.As(err, &gone) || gone.First != 50 || gone.End != 106 {
			t.Errorf("%+v: %v", c, err)
		}
	}
	stop := errors.New("enough")
	r := Range{Connection: Connection{Brokers: w.brokers}, Topic: w.topic, Partition: 1, From: 50, To: 60}
	if err := r.Read(t.Context(), func(learner.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if r.Topic = "nothing"; r.Read(t.Context(), func(learner.Record) error { return nil }) == nil {
		t.Error("a topic that is not there was read")
	}
}

// Brokers that do not answer are named, not waited for without end.
func TestReadingDoesNotWaitForSilentBrokers(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(5, 0)
	w.cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		return nil, nil, true
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumeTopics(w.topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := pollStored(t.Context(), cl, 200*time.Millisecond); err == nil || !strings.Contains(err.Error(), w.brokers[0]) {
		t.Errorf("got %v, want the brokers %v in it", err, w.brokers)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pollStored(ctx, cl, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v of an interrupt", err)
	}
}
