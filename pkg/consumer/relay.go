package consumer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// The values of RelayConfig.Of.
const (
	RelayRewards = "rewards" // into the topic of their decisions; source.join
	RelayCopies  = "copies"  // records of further topics into the one that a model reads; source.copies
)

// The values of RelayConfig.Partition.
const (
	PartitionSame = "same" // as in the topic that is read: both topics have as many, and keys are spread alike
	PartitionKey  = "key"  // by the hash of the key, as Kafka's own producers do
)

// RelayConfig says what a Relay copies. Zero values stand for the defaults of Config.
type RelayConfig struct {
	Connection

	Of        string   // what is copied: RelayRewards (default) or RelayCopies
	Group     string   // the consumer group is "<Group>.<Model>.<Of>"; required
	Model     string   // required
	From      []string // topics that are read; required
	To        string   // topic of decisions, or the one that the model reads; required
	Start     string   // where to begin without committed offsets: earliest (default) or latest
	Partition string   // same (default) or key

	SessionTimeout    time.Duration
	RebalanceTimeout  time.Duration
	HeartbeatInterval time.Duration
}

// Relay copies the records of some topics, such as that of rewards, into the one that a model reads, each
// exactly once: the copies and the offsets up to which was read are one transaction. So the order between
// the records, which two topics do not have, is decided once, and
// stands in the log that the learner reads: whoever reads it again learns alike. See docs/adr/0008-join.md.
//
// Any number of processes may run one; they share the partitions of the topics. A record
// keeps key, value, headers and timestamp, and gets the header sl-relayed-from: topic/partition/offset.
//
// Metrics, with the labels model and of: streamlearner_relayed_total counts records copied,
// streamlearner_relay_errors_total failed transactions, which were repeated.
type Relay struct {
	cfg             RelayConfig
	timeout         time.Duration // of a transaction
	log             *slog.Logger
	relayed, errors prometheus.Counter
}

const (
	headerRelayed = learner.HeaderRelayed
	// relayPause lies between two transactions, so that a slow stream has few.
	relayPause = 100 * time.Millisecond
	// relayTimeout is after which the broker aborts the transaction of a process that
	// died: until then no reader of the topic of decisions goes on beyond it.
	relayTimeout = 10 * time.Second
)

// NewRelay returns a relay that has not begun. reg may be nil.
func NewRelay(cfg RelayConfig, log *slog.Logger, reg prometheus.Registerer) (*Relay, error) {
	c := Config{Start: cfg.Start, SessionTimeout: cfg.SessionTimeout, RebalanceTimeout: cfg.RebalanceTimeout, HeartbeatInterval: cfg.HeartbeatInterval}
	c.setDefaults()
	cfg.Start, cfg.SessionTimeout, cfg.RebalanceTimeout, cfg.HeartbeatInterval = c.Start, c.SessionTimeout, c.RebalanceTimeout, c.HeartbeatInterval
	if cfg.Partition == "" {
		cfg.Partition = PartitionSame
	}
	if cfg.Of == "" {
		cfg.Of = RelayRewards
	}
	switch {
	case cfg.Group == "" || cfg.Model == "" || len(cfg.From) == 0 || cfg.To == "":
		return nil, errors.New("a relay needs a group, a model, and the topics to read and to write")
	case cfg.Of != RelayRewards && cfg.Of != RelayCopies:
		return nil, fmt.Errorf("model %s: a relay of %q: allowed are %s and %s", cfg.Model, cfg.Of, RelayRewards, RelayCopies)
	case slices.Contains(cfg.From, cfg.To) && cfg.Of == RelayCopies:
		return nil, fmt.Errorf("model %s: source.copies.topics has %q, which the model reads anyway: leave it out", cfg.Model, cfg.To)
	case slices.Contains(cfg.From, cfg.To):
		return nil, fmt.Errorf("model %s: source.join.topic is %q, the topic of decisions: leave it empty when rewards are in one topic with decisions", cfg.Model, cfg.To)
	case cfg.Partition != PartitionSame && cfg.Partition != PartitionKey:
		return nil, fmt.Errorf("model %s: %s is %q: allowed are %s and %s", cfg.Model, cfg.key(), cfg.Partition, PartitionSame, PartitionKey)
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "streamlearner_" + name, Help: help, ConstLabels: prometheus.Labels{"model": cfg.Model, "of": cfg.Of}})
	}
	r := &Relay{
		cfg: cfg, timeout: relayTimeout, log: log.With("model", cfg.Model, "of", cfg.Of, "from", cfg.From, "to", cfg.To),
		relayed: counter("relayed_total", "Records copied into the topic that the model reads: rewards, or copies of further topics."),
		errors:  counter("relay_errors_total", "Failed transactions of the copying, which were repeated."),
	}
	if reg != nil {
		for _, c := range []prometheus.Collector{r.relayed, r.errors} {
			if err := reg.Register(c); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// Run copies until ctx ends. Whatever fails is tried again; what a failed
// transaction has written nobody sees.
func (r *Relay) Run(ctx context.Context) error {
	b := backoff{first: 250 * time.Millisecond, most: 30 * time.Second}
	for ctx.Err() == nil {
		began := time.Now()
		if err := r.session(ctx); ctx.Err() == nil {
			r.errors.Inc()
			r.log.Warn("records are not copied; trying again", "error", err)
			if time.Since(began) > b.most {
				b.failures = 0
			}
			_ = b.wait(ctx) // it fails when ctx ends, as the loop does
		}
	}
	return nil
}

// session copies as one producer, until it may not go on.
func (r *Relay) session(ctx context.Context) error {
	opts, err := r.options()
	if err != nil {
		return err
	}
	s, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		return err
	}
	defer r.close(s)
	if err := r.check(ctx, s.Client()); err != nil {
		return err
	}
	r.log.Info("copying records into the topic that the model reads")
	pause := time.NewTicker(relayPause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
		fetches := s.PollRecords(ctx, 10_000)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fetches.Err0(); err != nil {
			return err
		}
		fetches.EachError(func(topic string, p int32, e error) { err = fmt.Errorf("%s/%d: %w", topic, p, e) })
		if err != nil {
			return err
		}
		if fetches.NumRecords() > 0 {
			if err := r.copy(ctx, s, fetches); err != nil {
				return err
			}
		}
	}
}

// close leaves the group, and waits for no broker longer than that may take.
func (r *Relay) close(s *kgo.GroupTransactSession) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	s.AllowRebalance()
	if err := s.Client().LeaveGroupContext(ctx); err != nil {
		r.log.Warn("left the group without its consent; its partitions wait for the session timeout", "error", err)
	}
	s.Close()
}

func (r *Relay) options() ([]kgo.Opt, error) {
	opts, err := r.cfg.Options()
	if err != nil {
		return nil, err
	}
	start := kgo.NewOffset().AtStart()
	if r.cfg.Start == Latest {
		start = kgo.NewOffset().AtEnd()
	}
	partitioner := kgo.ManualPartitioner()
	if r.cfg.Partition == PartitionKey {
		partitioner = kgo.StickyKeyPartitioner(nil)
	}
	return append(opts,
		kgo.ConsumerGroup(r.cfg.Group+"."+r.cfg.Model+"."+r.cfg.Of),
		kgo.ConsumeTopics(r.cfg.From...),
		kgo.ConsumeResetOffset(start),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.SessionTimeout(r.cfg.SessionTimeout), kgo.RebalanceTimeout(r.cfg.RebalanceTimeout), kgo.HeartbeatInterval(r.cfg.HeartbeatInterval),
		kgo.TransactionalID(r.cfg.Group+"."+r.cfg.Model+"."+r.cfg.Of+"."+rand.Text()),
		kgo.TransactionTimeout(r.timeout),
		kgo.RecordPartitioner(partitioner),
	), nil
}

// key is the setting that Partition comes from.
func (c *RelayConfig) key() string {
	if c.Of == RelayCopies {
		return "source.copies.partition"
	}
	return "source.join.partition"
}

// check fails when records could not get to the partitions where they belong.
func (r *Relay) check(ctx context.Context, cl *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	all := append(slices.Clone(r.cfg.From), r.cfg.To)
	topics, err := kadm.NewClient(cl).ListTopics(ctx, all...)
	if err != nil {
		return err
	}
	for _, name := range all {
		if err := topics[name].Err; errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("topic %s does not exist: create it", name)
		} else if err != nil {
			return fmt.Errorf("topic %s: %w", name, err)
		}
	}
	to := len(topics[r.cfg.To].Partitions)
	for _, name := range r.cfg.From {
		if from := len(topics[name].Partitions); r.cfg.Partition == PartitionSame && from != to {
			return fmt.Errorf("topic %s has %d partitions and %s has %d: records with one key, such as a reward and its decision, would not be together; give both as many, or set %s to key if producers spread records by the hash of their key",
				name, from, r.cfg.To, to, r.cfg.key())
		}
	}
	return nil
}

// copy copies what was fetched in one transaction. One that a rebalance ends is
// aborted, and whoever owns the partitions then reads the records again. One that
// the brokers do not end in time is left to them: they abort it.
func (r *Relay) copy(ctx context.Context, s *kgo.GroupTransactSession, fetches kgo.Fetches) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout) // what was begun is ended, also when the process is to end
	defer cancel()
	if err := s.Begin(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	n := fetches.NumRecords()
	results := make(chan error, n)
	fetches.EachRecord(func(in *kgo.Record) {
		s.Produce(ctx, r.outgoing(in), func(_ *kgo.Record, err error) { results <- err })
	})
	if err := firstFailure(ctx, results, n); err != nil {
		_, aborted := s.End(ctx, kgo.TryAbort)
		return fmt.Errorf("writing to %s: %w", r.cfg.To, errors.Join(err, aborted))
	}
	committed, err := s.End(ctx, kgo.TryCommit)
	if err != nil {
		return fmt.Errorf("ending a transaction: %w", err)
	}
	if committed {
		r.relayed.Add(float64(n))
	}
	return nil
}

// firstFailure waits for n results, until one of them is an error or ctx ends. The client
// does not heed ctx while a broker may have stored a batch and does not answer.
func firstFailure(ctx context.Context, results <-chan error, n int) error {
	for range n {
		select {
		case err := <-results:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", ctx.Err())
		}
	}
	return nil
}

func (r *Relay) outgoing(in *kgo.Record) *kgo.Record {
	from := append([]byte(in.Topic), '/')
	from = append(strconv.AppendInt(from, int64(in.Partition), 10), '/')
	from = strconv.AppendInt(from, in.Offset, 10)
	return &kgo.Record{
		Topic: r.cfg.To, Partition: in.Partition, Key: in.Key, Value: in.Value, Timestamp: in.Timestamp,
		Headers: append(in.Headers[:len(in.Headers):len(in.Headers)], kgo.RecordHeader{Key: headerRelayed, Value: from}),
	}
}
