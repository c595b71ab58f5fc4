// Package publish writes records to a Kafka topic: it makes the topic when it
// is missing, places records with a key as Kafka's default partitioner does and
// deals those without to the partitions in turn, and keeps to a rate. A record counts once all replicas in sync have it (acks all).
package publish

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Options say where and how fast records are written.
type Options struct {
	Topic      string
	Partitions int     // of the topic when it is made; 0 leaves that to the broker's default
	Rate       float64 // most records a second; 0 for no limit
	Client     []kgo.Opt
}

// Publisher writes records to one topic. It is for one goroutine.
type Publisher struct {
	o      Options
	client *kgo.Client
	begin  time.Time
	sent   int64
	stored atomic.Int64
	failed atomic.Pointer[error] // the first failure
}

// deliveryTimeout is how long brokers may take to store a record.
const deliveryTimeout = time.Minute

// Open connects and makes the topic when it is missing.
func Open(ctx context.Context, o Options) (*Publisher, error) {
	opts := append([]kgo.Opt{
		kgo.DefaultProduceTopic(o.Topic),
		kgo.RecordPartitioner(partitioner{}),
		kgo.ProducerLinger(5 * time.Millisecond),
		// A command that waits for a broker without end tells nobody what is wrong. It
		// ends when records are given up, so none is written twice.
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.AllowIdempotentProduceCancellation(),
	}, o.Client...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	p := &Publisher{o: o, client: client}
	if err := p.ensureTopic(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return p, nil
}

// ensureTopic makes the topic when it is missing. One that exists must have the
// partitions that were asked for.
func (p *Publisher) ensureTopic(ctx context.Context) error {
	admin := kadm.NewClient(p.client)
	partitions := int32(-1)
	if p.o.Partitions > 0 {
		partitions = int32(p.o.Partitions)
	}
	_, err := admin.CreateTopic(ctx, partitions, -1, nil, p.o.Topic)
	if err == nil {
		return nil
	}
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating topic %s: %w", p.o.Topic, err)
	}
	if p.o.Partitions == 0 {
		return nil
	}
	topics, err := admin.ListTopics(ctx, p.o.Topic)
	if err != nil {
		return fmt.Errorf("reading topic %s: %w", p.o.Topic, err)
	}
	if n := len(topics[p.o.Topic].Partitions); n != p.o.Partitions {
		return fmt.Errorf("topic %s exists with %d partitions, not %d: leave the number out, or name another topic", p.o.Topic, n, p.o.Partitions)
	}
	return nil
}

// Publish hands one record over; it copies key and value. It waits as the rate
// demands, and returns the first failure of any record.
func (p *Publisher) Publish(ctx context.Context, key, value []byte) error {
	if err := p.pace(ctx); err != nil {
		return err
	}
	if failed := p.failed.Load(); failed != nil {
		return *failed
	}
	p.sent++
	p.client.Produce(ctx, kgo.KeySliceRecord(clone(key), clone(value)), func(_ *kgo.Record, err error) {
		if err == nil {
			p.stored.Add(1)
			return
		}
		err = fmt.Errorf("writing to topic %s at %v: %w", p.o.Topic, p.client.OptValue(kgo.SeedBrokers), err)
		p.failed.CompareAndSwap(nil, &err)
	})
	return nil
}

// clone keeps nil apart from empty: a record without a key has nil.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// pace waits until the next record is due.
func (p *Publisher) pace(ctx context.Context) error {
	if p.o.Rate == 0 {
		return nil
	}
	if p.sent == 0 {
		p.begin = time.Now()
	}
	due := p.begin.Add(time.Duration(float64(p.sent) / p.o.Rate * float64(time.Second)))
	wait := time.Until(due)
	if wait < time.Millisecond { // timers are not finer; the next record catches up
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Stored returns how many records the topic has taken.
func (p *Publisher) Stored() int64 { return p.stored.Load() }

// Close waits for all records to be stored, disconnects, and returns the first failure.
func (p *Publisher) Close(ctx context.Context) error {
	err := p.client.Flush(ctx)
	p.client.Close()
	if failed := p.failed.Load(); failed != nil {
		return *failed
	}
	return err
}
