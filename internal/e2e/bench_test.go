package e2e

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/sandbox"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// BenchmarkAgainstBarePoll reads the same topic of 20-feature payments with a
// bare franz-go poll loop and with the whole daemon (decode, learn, guard, save
// to a real Redis), one after the other, and reports what the daemon keeps of
// the loop's rate. Broker, Redis and daemon share the processors.
func BenchmarkAgainstBarePoll(b *testing.B) {
	const topic, partitions, records = "bench", 4, 1_500_000
	brokers := map[string]func(b *testing.B) ([]string, string){
		"embedded": func(b *testing.B) ([]string, string) {
			s, err := sandbox.Start(sandbox.Options{Partitions: partitions, Topics: []string{topic}})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(s.Close)
			return s.Brokers(), topic
		},
		"kafka": func(b *testing.B) ([]string, string) {
			k := testbed.Kafka(b)
			return k, testbed.Topic(b, k, partitions)
		},
	}
	for _, broker := range []string{"embedded", "kafka"} {
		b.Run(broker, func(b *testing.B) {
			addrs, topic := brokers[broker](b)
			fill(b, addrs, topic, records)
			for _, optimizer := range []string{"nag", "auto"} {
				b.Run(optimizer, func(b *testing.B) {
					var bare, whole time.Duration
					for b.Loop() {
						bare += timeBare(b, addrs, topic, records)
						whole += timeDaemon(b, addrs, topic, optimizer, records)
					}
					total := float64(records) * float64(b.N)
					b.ReportMetric(total/bare.Seconds(), "bare-records/s")
					b.ReportMetric(total/whole.Seconds(), "records/s")
					b.ReportMetric(bare.Seconds()/whole.Seconds(), "of-bare")
				})
			}
		})
	}
}

// fill produces n payments.
func fill(b *testing.B, brokers []string, topic string, n int) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	s := sim.Fraud(1)
	for made := 0; made < n; {
		var batch []*kgo.Record
		for ; made < n && len(batch) < 10_000; made++ {
			value := s.Next(nil)
			batch = append(batch, &kgo.Record{Topic: topic, Key: append([]byte(nil), s.Key()...), Value: value})
		}
		if err := testbed.Produce(cl, batch...); err != nil {
			b.Fatal(err)
		}
	}
}

// timeBare reads the topic, from its first record on.
func timeBare(b *testing.B, brokers []string, topic string, records int) time.Duration {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	began := time.Time{}
	for n := 0; n < records; {
		if n += cl.PollRecords(ctx, 10_000).NumRecords(); ctx.Err() != nil {
			b.Fatalf("%d of %d records of topic %s at %v: %v", n, records, topic, brokers, ctx.Err())
		}
		if began.IsZero() {
			began = time.Now() // without the time to connect
		}
	}
	return time.Since(began)
}

// timeDaemon learns the topic, from the first record fed on.
func timeDaemon(b *testing.B, brokers []string, topic, optimizer string, records int) time.Duration {
	name := testbed.Name(b)
	m, err := configs.DefaultModel().With([]string{
		"source.topic=" + topic, "source.label=is_fraud", "source.time=ts", "source.key=card", "source.id=tx_id", "learner.optimizer=" + optimizer,
	})
	if err != nil {
		b.Fatal(err)
	}
	store, err := redis.New(redis.Options{Addrs: []string{testbed.Redis(b)}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }() // all is read
	c, err := consumer.New(consumer.Config{Connection: consumer.Connection{Brokers: brokers}, Group: "bench", Model: name, Topic: topic}, consumer.Deps{
		Store: store,
		New: func(start state.Position) (consumer.Learner, error) {
			lc, err := m.LearnerConfig("bench")
			if err != nil {
				return nil, err
			}
			return learner.New(lc, start)
		},
		Restore:  func(*state.Snapshot) (consumer.Learner, error) { panic("nothing to restore") },
		Progress: func() *metric.Progressive { return metric.New(metric.Classification, false) },
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	fed := func() (n int) {
		for _, p := range c.Status() {
			n += int(p.Stats.Fed)
		}
		return n
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var began time.Time
	for n := 0; n < records; n = fed() {
		if n > 0 && began.IsZero() {
			began = time.Now()
		}
		<-tick.C
	}
	took := time.Since(began)
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return took
}
