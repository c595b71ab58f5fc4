package consumer

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// The values of Config.Start.
const (
	Earliest = "earliest"
	Latest   = "latest"
)

// The values of Config.GroupProtocol.
const (
	ProtocolClassic  = "classic"
	ProtocolConsumer = "consumer"
)

// Config says what a Consumer consumes and when it saves. Zero values stand
// for the defaults named here.
type Config struct {
	Connection

	Group string // the consumer group is "<Group>.<Model>", so that models on one topic seek separately; required
	Model string // matches [a-z0-9_-]+; required
	Topic string // required

	// Start is where a partition begins that has no state: earliest (default) or latest.
	Start string
	// Init lets a partition begin anew although its group has consumed before
	// (the store has lost its data), lets one go on whose next records Kafka has
	// deleted, and lets those begin that were added to the topic.
	Init bool

	// Headers tells whether the learners need the headers of records.
	Headers bool

	// DeadLetter is the topic of refused records; default "<Topic>.<Model>.dead".
	// It is created when it is missing and the broker allows it.
	DeadLetter string

	// AuditTopic is the topic that mirrors the audit trail; empty for none. It is
	// created when it is missing and the broker allows it.
	AuditTopic string
	AuditKeep  int // newest audit records kept in the store; default 10,000

	MaxPollRecords int // most records handed over by one poll; default 10,000
	QueueRecords   int // a partition is paused while this many wait for its learner; default 20,000

	// GroupProtocol is how the group shares the partitions: classic (default),
	// balanced by its members, cooperatively, or consumer (KIP-848), balanced by
	// the brokers, which then set session timeout and heartbeat interval too.
	GroupProtocol string

	SessionTimeout    time.Duration // default 45 s
	RebalanceTimeout  time.Duration // default 60 s
	HeartbeatInterval time.Duration // default 3 s

	SaveInterval  time.Duration // progress between checkpoints is saved this often; default 1 s
	SaveTimeout   time.Duration // one attempt to reach the store, and the last save before a partition is given up; default 10 s
	InboxInterval time.Duration // operator commands are looked for this often; default 200 ms
	Keep          int           // published versions kept; default 20
}

// Learner is what a partition's goroutine drives; *learner.Learner satisfies it.
// It is used by one goroutine at a time, apart from what Capture returns.
type Learner interface {
	// Feed takes the next record; its offset is not below Next().Offset. The
	// outcome is valid until the next call of Feed or Apply.
	Feed(r learner.Record) *learner.Outcome
	// Next is the position of the next record.
	Next() state.Position
	// ApplyTo takes an operator's command between two records, with the version
	// that it is about; nil when it is about none.
	ApplyTo(c state.Command, f *state.Found) *learner.Outcome
	// AtCheckpoint reports whether the next record ends with a checkpoint, for
	// which the learner stands still.
	AtCheckpoint() bool
	// Capture copies the whole state at Next. What it returns makes the snapshot
	// of the copy, with all of Refs in Blobs and Seq unset, and may run on
	// another goroutine while the learner goes on.
	Capture() func() *state.Snapshot
	// Saved tells that s is stored.
	Saved(s *state.Snapshot)
	Stats() learner.Stats
	// Occupancy is how full the weights of the model are; ok is false where that means nothing.
	Occupancy() (o event.Occupancy, ok bool)
	// Evaluations are what candidate policies of a bandit would have earned; nil for none.
	Evaluations() []learner.EvaluationStats
	// Judge is what the guard rails of a bandit say of its arms; nil for none. It may take milliseconds.
	Judge() []event.RailReport
}

// Deps are what a Consumer works with.
type Deps struct {
	Store   state.Store
	New     func(start state.Position) (Learner, error) // a learner without history
	Restore func(s *state.Snapshot) (Learner, error)    // a learner as it was saved
	Logger  *slog.Logger                                // default slog.Default()
	// Registerer takes the metrics; each Consumer registers with the constant label model.
	Registerer prometheus.Registerer
	// Progress makes the progressive validation of a partition, from the moment
	// that this process takes it over; nil for none.
	Progress func() *metric.Progressive
	// Names makes a table that learns the names of features from some of the
	// records, which is kept beside the state if Store is a state.NameKeeper; nil for none.
	Names func() *names.Table
	// OnOutcome is called on the partition's goroutine for every alarm, change
	// of mode and proven version, with what moved before an alarm in words. It
	// must be quick and keep nothing of o.
	OnOutcome func(partition int32, o *learner.Outcome, findings []string)
	// Options are appended to the client's.
	Options []kgo.Opt
}

func (c *Config) setDefaults() {
	defaults := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if c.Start == "" {
		c.Start = Earliest
	}
	if c.GroupProtocol == "" {
		c.GroupProtocol = ProtocolClassic
	}
	if c.DeadLetter == "" {
		c.DeadLetter = c.Topic + "." + c.Model + ".dead"
	}
	if c.MaxPollRecords == 0 {
		c.MaxPollRecords = 10_000
	}
	if c.QueueRecords == 0 {
		c.QueueRecords = 20_000
	}
	if c.AuditKeep == 0 {
		c.AuditKeep = 10_000
	}
	if c.Keep == 0 {
		c.Keep = 20
	}
	defaults(&c.SessionTimeout, 45*time.Second)
	defaults(&c.RebalanceTimeout, 60*time.Second)
	defaults(&c.HeartbeatInterval, 3*time.Second)
	defaults(&c.SaveInterval, time.Second)
	defaults(&c.SaveTimeout, 10*time.Second)
	defaults(&c.InboxInterval, 200*time.Millisecond)
}

func (c *Config) validate() error {
	if c.Group == "" {
		return errors.New("kafka.group is empty: name the consumer group")
	}
	if err := (state.Key{Model: c.Model}).Validate(); err != nil {
		return err
	}
	if c.Topic == "" {
		return fmt.Errorf("model %s: source.topic is empty: name the topic to consume", c.Model)
	}
	if c.Start != Earliest && c.Start != Latest {
		return fmt.Errorf("model %s: start is %q: allowed are %s and %s", c.Model, c.Start, Earliest, Latest)
	}
	if c.GroupProtocol != ProtocolClassic && c.GroupProtocol != ProtocolConsumer {
		return fmt.Errorf("kafka.group_protocol is %q: allowed are %s and %s", c.GroupProtocol, ProtocolClassic, ProtocolConsumer)
	}
	if c.DeadLetter == c.Topic {
		return fmt.Errorf("model %s: the dead-letter topic is %q, the topic it consumes: refused records would come back; name another", c.Model, c.Topic)
	}
	if c.AuditTopic != "" && (c.AuditTopic == c.Topic || c.AuditTopic == c.DeadLetter) {
		return fmt.Errorf("model %s: the audit topic is %q, which has another use: name a topic of its own", c.Model, c.AuditTopic)
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"max_poll_records", c.MaxPollRecords}, {"queue_records", c.QueueRecords}, {"keep", c.Keep}, {"audit.keep", c.AuditKeep}} {
		if n.value < 1 {
			return fmt.Errorf("model %s: %s is %d: it must be at least 1", c.Model, n.name, n.value)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"session_timeout", c.SessionTimeout}, {"rebalance_timeout", c.RebalanceTimeout},
		{"heartbeat_interval", c.HeartbeatInterval}, {"save_interval", c.SaveInterval},
		{"save_timeout", c.SaveTimeout}, {"inbox_interval", c.InboxInterval},
	} {
		if d.value < 0 {
			return fmt.Errorf("model %s: %s is %v: it must be positive", c.Model, d.name, d.value)
		}
	}
	if c.SaveTimeout >= c.RebalanceTimeout {
		return fmt.Errorf("model %s: save_timeout is %v and rebalance_timeout %v: a last save must fit into a rebalance",
			c.Model, c.SaveTimeout, c.RebalanceTimeout)
	}
	return nil
}

func (d *Deps) validate() error {
	if d.Store == nil || d.New == nil || d.Restore == nil {
		return errors.New("consumer: Store, New and Restore must be given")
	}
	return nil
}
