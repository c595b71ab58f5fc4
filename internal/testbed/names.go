package testbed

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Name returns a name that no other test and no other call gets, made of [a-z0-9-]: fit for a model, a consumer group
// and a topic.
func Name(t testing.TB) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, t.Name())
	return clean[:min(len(clean), 40)] + "-" + strings.ToLower(rand.Text()[:10])
}

const adminLimit = 30 * time.Second

// Topic creates a topic with that many partitions, one replica each, and deletes it when the test ends.
func Topic(t testing.TB, brokers []string, partitions int32) string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatalf("testbed: make a Kafka client: %v", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), adminLimit)
	defer cancel()
	topic := Name(t)
	if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		t.Fatalf("testbed: create topic %s: %v", topic, err)
	}
	t.Cleanup(func() { deleteTopic(t, brokers, topic) })
	return topic
}

// deleteTopic only logs a failure: the broker may be one that the test has killed.
func deleteTopic(t testing.TB, brokers []string, topic string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RequestRetries(0))
	if err != nil {
		t.Logf("testbed: make a Kafka client: %v", err)
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := kadm.NewClient(client).DeleteTopic(ctx, topic); err != nil {
		t.Logf("testbed: delete topic %s: %v", topic, err)
	}
}
