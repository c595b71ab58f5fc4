package sandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Feed produces records to a topic, rate of them a second, until ctx ends. next
// appends the next record to the two buffers; records go to the partition that
// Kafka's default partitioner picks for their key.
func (s *Sandbox) Feed(ctx context.Context, topic string, rate int, next func(key, value []byte) ([]byte, []byte)) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers()...), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return fmt.Errorf("connecting to the embedded broker: %w", err)
	}
	defer client.Close()
	const ticks = 50 // a second
	tick := time.NewTicker(time.Second / ticks)
	defer tick.Stop()
	started, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// Catch up with the clock, but not in one burst after a pause.
		due := min(int(time.Since(started).Seconds()*float64(rate))-sent, max(2*rate/ticks, 1))
		for range due {
			key, value := next(nil, nil)
			client.Produce(ctx, &kgo.Record{Topic: topic, Key: key, Value: value}, nil)
			sent++
		}
		if err := flush(ctx, client); err != nil && ctx.Err() == nil {
			return fmt.Errorf("producing to topic %s of the embedded broker: %w", topic, err)
		}
	}
}

// flush waits until the records are stored, which the embedded broker does at once.
func flush(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return client.Flush(ctx)
}
