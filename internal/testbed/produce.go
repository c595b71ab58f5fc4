package testbed

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ProduceLimit is how long a broker may take to store what a test produces: one that is
// killed and started anew on a busy machine needs a good part of it.
const ProduceLimit = 2 * time.Minute

// Produce writes records and returns once Kafka has them all, or says which brokers it waited for in vain.
//
// It does not leave the waiting to the client. An idempotent one never gives up a batch that the broker may
// have stored, whatever the context says: a test would hang until the test binary times out.
func Produce(client *kgo.Client, records ...*kgo.Record) error {
	return produceWithin(ProduceLimit, client, records)
}

func produceWithin(limit time.Duration, client *kgo.Client, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	failures := make(chan error, len(records))
	for _, r := range records {
		client.Produce(ctx, r, func(r *kgo.Record, err error) {
			if err != nil {
				err = fmt.Errorf("producing to %s/%d: %w", r.Topic, r.Partition, err)
			}
			failures <- err
		})
	}
	for stored := range records {
		select {
		case err := <-failures:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("producing to topic %s: brokers %v have stored %d of %d records after %v",
				records[0].Topic, client.OptValue(kgo.SeedBrokers), stored, len(records), limit)
		}
	}
	return nil
}
