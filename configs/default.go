package configs

import (
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{
		Kafka: Kafka{
			Brokers:           []string{"localhost:9092"},
			ClientID:          "streamlearner",
			Group:             "streamlearner",
			GroupProtocol:     "classic",
			MaxPollRecords:    10_000,
			QueueRecords:      20_000,
			SessionTimeout:    45 * time.Second,
			RebalanceTimeout:  60 * time.Second,
			HeartbeatInterval: 3 * time.Second,
		},
		Redis: Redis{
			Addrs:         []string{"localhost:6379"},
			Wait:          Wait{Timeout: 500 * time.Millisecond},
			Compression:   "none",
			SaveInterval:  time.Second,
			SaveTimeout:   10 * time.Second,
			InboxInterval: 200 * time.Millisecond,
		},
		Models: map[string]Model{},
		Admin:  Admin{Listen: "127.0.0.1:9600"},
		Log:    Log{Level: "info", Format: "text"},
	}
}

// DefaultModel returns a model of which nothing is said.
func DefaultModel() Model {
	return Model{
		Source:   Source{Start: "earliest", Format: "json", Delimiter: ",", LabelSeparator: ",", SampleNegatives: 1, MaxAhead: 24 * time.Hour, Join: defaultJoin(), Copies: Copies{Partition: partitionSame}},
		Features: Features{Ngrams: 1, MaxFeatures: event.DefaultMaxFeatures, Encode: encode.Default()},
		Learner:  catalog.DefaultLearner(),
		Guard:    learner.DefaultGuard(),
		Snapshot: learner.DefaultSnapshot(),
		Audit:    Audit{Keep: 10_000},
		Metrics:  metric.DefaultPoints(),
		Evaluate: Evaluate{Every: 1, Clip: 10, Alpha: 0.05},
		Scope:    "partition",
	}
}
