package sandbox

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/testbed"
)

func TestBothServersAnswer(t *testing.T) {
	s, err := Start(Options{Partitions: 2, Topics: []string{"payments"}, Retention: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()

	kafka, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers()...), kgo.ConsumeTopics("payments"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	if err := testbed.Produce(kafka, &kgo.Record{Topic: "payments", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	if f := kafka.PollFetches(ctx); f.NumRecords() != 1 {
		t.Errorf("%d records fetched, want 1: %v", f.NumRecords(), f.Err())
	}
	redis := goredis.NewClient(&goredis.Options{Addr: s.RedisAddr()})
	defer redis.Close()
	if err := redis.Set(ctx, "k", "v", time.Second).Err(); err != nil {
		t.Fatal(err)
	}
	for redis.Exists(ctx, "k").Val() == 1 { // Run lets the key expire
		if ctx.Err() != nil {
			t.Fatal("the key did not expire")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTakenPortIsAnError(t *testing.T) {
	s, err := Start(Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Start(Options{KafkaPort: portOf(t, s.Brokers()[0]), Partitions: 1}); err == nil {
		t.Error("a second broker on the same port started")
	}
	if _, err := Start(Options{RedisPort: portOf(t, s.RedisAddr()), Partitions: 1}); err == nil {
		t.Error("a second Redis on the same port started")
	}
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
