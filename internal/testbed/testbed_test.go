package testbed_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/streamlearner/streamlearner/internal/testbed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const limit = 60 * time.Second

func produce(t *testing.T, brokers []string, topic string, values ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, v := range values {
		if err := testbed.Produce(client, kgo.StringRecord(v)); err != nil {
			t.Fatalf("produce %q: %v", v, err)
		}
	}
}

// consume reads n values as a consumer group.
func consume(t *testing.T, brokers []string, topic string, n int) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(testbed.Name(t)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("read %d of %d records: %v", len(values), n, fetches.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func TestKafkaCarriesRecords(t *testing.T) {
	brokers := testbed.Kafka(t)
	topic := testbed.Topic(t, brokers, 1)
	produce(t, brokers, topic, "a", "b", "c")
	if got := fmt.Sprint(consume(t, brokers, topic, 3)); got != "[a b c]" {
		t.Errorf("consumed %s, want [a b c]", got)
	}
}

func TestKafkaKeepsRecordsThroughKill(t *testing.T) {
	k := testbed.KafkaServer(t)
	topic := testbed.Topic(t, k.Brokers, 1)
	produce(t, k.Brokers, topic, "before")
	if err := k.Restart(); err != nil {
		t.Fatal(err)
	}
	produce(t, k.Brokers, topic, "after")
	if got := fmt.Sprint(consume(t, k.Brokers, topic, 2)); got != "[before after]" {
		t.Errorf("consumed %s, want [before after]", got)
	}
}

// redis sends one command and returns the first line of the answer.
func redis(addr, command string, wait time.Duration) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, wait)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprint(conn, command+"\r\n"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return line, err
}

func TestRedisAnswers(t *testing.T) {
	got, err := redis(testbed.Redis(t), "PING", limit)
	if err != nil || got != "+PONG\r\n" {
		t.Errorf("PING: %q, %v, want +PONG", got, err)
	}
}

func TestRedisServerFaults(t *testing.T) {
	r := testbed.RedisServer(t)
	if got, err := redis(r.Addr, "SET k v", limit); err != nil || got != "+OK\r\n" {
		t.Fatalf("SET: %q, %v", got, err)
	}

	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	if got, err := redis(r.Addr, "GET k", 200*time.Millisecond); err == nil {
		t.Errorf("a paused server answered %q", got)
	}
	if err := r.Continue(); err != nil {
		t.Fatal(err)
	}
	if got, err := redis(r.Addr, "GET k", limit); err != nil || got != "$1\r\n" {
		t.Errorf("GET after Continue: %q, %v", got, err)
	}

	r.Kill()
	if got, err := redis(r.Addr, "PING", limit); err == nil {
		t.Errorf("a killed server answered %q", got)
	}
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
	if got, err := redis(r.Addr, "GET k", limit); err != nil || got != "$-1\r\n" {
		t.Errorf("GET after Restart: %q, %v, want an empty server", got, err)
	}
}

func TestNamesAreUniqueAndPlain(t *testing.T) {
	plain := regexp.MustCompile(`^[a-z0-9-]+$`)
	a, b := testbed.Name(t), testbed.Name(t)
	if a == b || !plain.MatchString(a) || !plain.MatchString(b) {
		t.Errorf("names %q and %q, want two different ones of [a-z0-9-]", a, b)
	}
}
