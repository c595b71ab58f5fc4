package e2e

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// load produces records to all partitions until it is stopped. The client
// numbers its batches, so that Kafka holds each record once and in order, whatever happens to the broker.
type load struct {
	t       *testing.T
	brokers []string
	topic   string
	sent    [soakPartitions]atomic.Int64 // acknowledged records
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// startLoad begins with the load that the values of next make, each of them for a partition.
func startLoad(t *testing.T, brokers []string, topic string, next func(p int) []byte) *load {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, brokers: brokers, topic: topic, cancel: cancel}
	l.wg.Go(func() {
		defer client.Close()
		l.produce(ctx, client, next)
	})
	t.Cleanup(l.stop)
	return l
}

// payments makes streams with bad records and poison.
func payments() func(p int) []byte {
	var streams [soakPartitions]*sim.FraudStream
	for p := range streams {
		streams[p] = sim.Fraud(uint64(p) + 1)
		streams[p].Malformed, streams[p].Extreme = 0.001, 0.001
		streams[p].Poison = []sim.Episode{{From: 15_000, To: 18_000, Share: 1}}
	}
	return func(p int) []byte { return streams[p].Next(nil) }
}

func (l *load) produce(ctx context.Context, client *kgo.Client, next func(p int) []byte) {
	const pause, each = 40 * time.Millisecond, 10
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		var batch []*kgo.Record
		for p := range soakPartitions {
			for range each {
				batch = append(batch, &kgo.Record{Topic: l.topic, Partition: int32(p), Value: next(p)})
			}
		}
		// A batch that was begun is finished, also after stop: giving up would leave a gap in the numbers.
		if err := testbed.Produce(client, batch...); err != nil {
			l.t.Error(err)
			return
		}
		for p := range l.sent {
			l.sent[p].Add(each)
		}
		<-tick.C
	}
}

// stop waits until all records are acknowledged.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}

// replay reads all records back, each partition in order.
func (l *load) replay(feed func(p int32, r learner.Record)) {
	l.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(l.brokers...), kgo.ConsumeTopics(l.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		l.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	var left int64
	for p := range l.sent {
		left += l.sent[p].Load()
	}
	for left > 0 {
		f := client.PollFetches(ctx)
		if ctx.Err() != nil {
			l.t.Fatalf("%d records cannot be read back: %v", left, f.Err())
		}
		f.EachRecord(func(r *kgo.Record) {
			feed(r.Partition, learner.Record{Offset: r.Offset, LeaderEpoch: r.LeaderEpoch, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value})
			left--
		})
	}
}
