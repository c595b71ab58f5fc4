// Package sandbox runs a Kafka-protocol broker and a Redis-protocol server
// inside the process, reached over loopback TCP by the same clients as the real
// ones. It is for trying things out: nothing is written to disk.
package sandbox

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Options says where the two servers listen and which topics exist from the start.
type Options struct {
	KafkaPort  int // 0: any free port
	RedisPort  int // 0: any free port
	Partitions int // partitions of Topics and of topics created on first use
	Topics     []string
	// Retention is how long records are kept, so that an endless demo does not
	// fill the memory. 0 keeps everything.
	Retention time.Duration
}

// Sandbox is the running pair. Close it when done.
type Sandbox struct {
	kafka *kfake.Cluster
	redis *miniredis.Miniredis
	opts  Options
}

// Start starts both servers on 127.0.0.1.
func Start(o Options) (*Sandbox, error) {
	if err := portFree(o.KafkaPort); err != nil {
		return nil, fmt.Errorf("starting the embedded Kafka broker: %w; give another port", err)
	}
	redis := miniredis.NewMiniRedis()
	if err := redis.StartAddr(net.JoinHostPort("127.0.0.1", strconv.Itoa(o.RedisPort))); err != nil {
		return nil, fmt.Errorf("starting the embedded Redis server: %w; give another port", err)
	}
	configs := map[string]string{"group.initial.rebalance.delay.ms": "0"}
	if o.Retention > 0 {
		configs["log.retention.ms"] = strconv.FormatInt(o.Retention.Milliseconds(), 10)
	}
	kafka, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.Ports(o.KafkaPort), kfake.BrokerConfigs(configs),
		kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(o.Partitions), kfake.SeedTopics(int32(o.Partitions), o.Topics...),
	)
	if err != nil {
		redis.Close()
		return nil, fmt.Errorf("starting the embedded Kafka broker: %w; give another port", err)
	}
	return &Sandbox{kafka: kafka, redis: redis, opts: o}, nil
}

func portFree(port int) error {
	if port == 0 {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// Brokers returns the addresses of the broker.
func (s *Sandbox) Brokers() []string { return s.kafka.ListenAddrs() }

// RedisAddr returns the address of the Redis server.
func (s *Sandbox) RedisAddr() string { return s.redis.Addr() }

// Run lets time pass for both servers (expiry of keys, retention of records)
// until ctx ends, then closes them.
func (s *Sandbox) Run(ctx context.Context) error {
	defer s.Close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.redis.FastForward(time.Second)
			if s.opts.Retention > 0 {
				s.kafka.ApplyRetention()
			}
		}
	}
}

// Close stops both servers.
func (s *Sandbox) Close() {
	s.kafka.Close()
	s.redis.Close()
}
