package consumer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
	"github.com/twmb/franz-go/plugin/kslog"
)

// fetchMaxWait is how long a fetch waits at a broker that has nothing new.
const fetchMaxWait = 250 * time.Millisecond

// leaveTimeout bounds how long a shutdown waits for the group coordinator.
const leaveTimeout = 5 * time.Second

// Consumer consumes one topic for one model, with a learner per assigned partition.
type Consumer struct {
	cfg     Config
	deps    Deps
	group   string
	options []kgo.Opt
	log     *slog.Logger
	metrics *metrics

	mu          sync.Mutex
	parts       map[int32]*partition // assigned now
	assignments uint64               // that there were
	seeks       []seek
	interrupt   context.CancelFunc // ends the poll that is under way
}

// seek asks the poll loop to read a held partition from an offset on.
type seek struct {
	p  *partition
	to kgo.EpochOffset
}

// New checks cfg and deps and registers the metrics. It connects to nothing.
func New(cfg Config, deps Deps) (*Consumer, error) {
	cfg.setDefaults()
	if err := errors.Join(cfg.validate(), deps.validate()); err != nil {
		return nil, err
	}
	if deps.Logger == nil {
		deps.Logger = slog.Default()
	}
	c := &Consumer{
		cfg:   cfg,
		deps:  deps,
		group: cfg.Group + "." + cfg.Model,
		log:   deps.Logger.With("model", cfg.Model),
		parts: map[int32]*partition{},
	}
	var err error
	if c.options, err = c.clientOptions(); err != nil {
		return nil, err
	}
	if c.metrics, err = newMetrics(deps.Registerer, c); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Consumer) clientOptions() ([]kgo.Opt, error) {
	opts, err := c.cfg.Options()
	if err != nil {
		return nil, err
	}
	opts = append(opts,
		kgo.WithLogger(clientLogger{kslog.New(c.log)}),
		kgo.ConsumerGroup(c.group),
		kgo.ConsumeTopics(c.cfg.Topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(c.cfg.SessionTimeout),
		kgo.RebalanceTimeout(c.cfg.RebalanceTimeout),
		kgo.HeartbeatInterval(c.cfg.HeartbeatInterval),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(c.assigned),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(c.lost),
		kgo.AdjustFetchOffsetsFn(c.adjust),
		// Offsets come from the store alone, and a lost range is never skipped silently.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// A fetch that waits for new records keeps those of partitions that were
		// resumed meanwhile waiting too.
		kgo.FetchMaxWait(fetchMaxWait),
		// What an aborted transaction wrote never happened.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Saved positions are marked and committed in the background, for tools that show lag.
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(time.Second),
		// Dead letters are at least once, so that a write may be given up and tried again.
		kgo.DisableIdempotentWrite(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.UnknownTopicRetries(1),
	)
	if c.cfg.GroupProtocol == ProtocolConsumer {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	if reg := c.deps.Registerer; reg != nil {
		reg = prometheus.WrapRegistererWith(prometheus.Labels{"model": c.cfg.Model}, reg)
		opts = append(opts, kgo.WithHooks(kprom.NewMetrics("streamlearner_kafka", kprom.Registerer(reg))))
	}
	opts = append(opts, c.deps.Options...)
	if err := kgo.ValidateOpts(opts...); err != nil {
		return nil, err
	}
	return opts, nil
}

// clientLogger shows the client's progress reports only when debugging.
type clientLogger struct{ *kslog.Logger }

func (l clientLogger) Level() kgo.LogLevel {
	if level := l.Logger.Level(); level != kgo.LogLevelInfo {
		return level
	}
	return kgo.LogLevelWarn
}

// Run consumes until ctx ends, then saves every partition and leaves the
// group. It returns the errors of those last saves.
func (c *Consumer) Run(ctx context.Context) error {
	cl, err := kgo.NewClient(c.options...)
	if err != nil {
		return err
	}
	if id, _ := cl.OptValue(kgo.InstanceID).(string); id != "" {
		cl.CloseAllowingRebalance()
		return errors.New("static group membership is refused: an instance id hides the takeover of a partition from the claims that fence it")
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.checkTopic(ctx, cl) })
	wg.Go(func() { c.checkProtocol(ctx, cl) })
	wg.Go(func() { c.prepareDeadLetters(ctx, cl) })
	wg.Go(func() { c.prepareMirror(ctx, cl) })
	for c.poll(ctx, cl) {
		c.makeRoom(ctx)
	}
	err = c.shutdown(cl)
	wg.Wait()
	return err
}

// poll hands over what one poll brings and reports whether to go on. From the
// return of PollRecords to AllowRebalance the assignment stands still, and
// nothing in between waits for a learner.
func (c *Consumer) poll(ctx context.Context, cl *kgo.Client) bool {
	pollCtx, cancel := c.pollContext(ctx)
	defer cancel()
	fetches := cl.PollRecords(pollCtx, c.cfg.MaxPollRecords)
	if ctx.Err() != nil || fetches.IsClientClosed() {
		return false
	}
	// Errors first: after a loss the records of the same poll may continue elsewhere.
	fetches.EachError(c.fetchError)
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if p := c.partition(f.Partition); p != nil && len(f.Records) > 0 {
			p.handOver(f.Records, f.HighWatermark)
		}
	})
	c.applySeeks(cl)
	cl.AllowRebalance()
	return true
}

// patience is how long the poll loop waits for crowded partitions.
const patience = 100 * time.Millisecond

// makeRoom waits between two polls until no partition is crowded, while the
// client fetches ahead. One that stays crowded is paused, so that it holds back
// no other for long. Pausing at once would cost more: a fetch that is under way
// without the partition may wait for records of others, and the partition with it.
func (c *Consumer) makeRoom(ctx context.Context) {
	var late <-chan time.Time
	for _, id := range c.assignment() {
		p := c.partition(id)
		if p == nil || !p.queue.isCrowded() {
			continue
		}
		if late == nil {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-p.queue.room:
		case <-p.ctx.Done():
		case <-ctx.Done():
			return
		case <-late:
			c.pauseCrowded()
			return
		}
	}
}

func (c *Consumer) pauseCrowded() {
	for _, id := range c.assignment() {
		if p := c.partition(id); p != nil {
			p.queue.pauseCrowded()
		}
	}
}

// pollContext returns a context for one poll. A seek that is asked for during
// the poll ends it; one that waits already limits it.
func (c *Consumer) pollContext(ctx context.Context) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var cancel context.CancelFunc
	if len(c.seeks) > 0 {
		ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	c.interrupt = cancel
	return ctx, cancel
}

// seek resumes a held partition at to, between two polls.
func (c *Consumer) seek(p *partition, to kgo.EpochOffset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seeks = append(c.seeks, seek{p: p, to: to})
	if c.interrupt != nil {
		c.interrupt()
	}
}

// applySeeks runs between a poll and AllowRebalance, so that no partition of a
// seek can be revoked meanwhile. The client ignores a partition to which it has
// not assigned an offset yet; such a seek is tried again after the next poll.
func (c *Consumer) applySeeks(cl *kgo.Client) {
	c.mu.Lock()
	seeks := c.seeks
	c.seeks = nil
	c.mu.Unlock()
	topic := c.cfg.Topic
	for _, s := range seeks {
		if s.p.ctx.Err() != nil {
			continue
		}
		// The client leaves alone what stands at the offset already, even after
		// an error. The partition is paused: nothing is fetched in between.
		cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {s.p.id: {Offset: s.to.Offset + 1, Epoch: -1}}})
		cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {s.p.id: s.to}})
		if cl.CommittedOffsets()[topic][s.p.id] != s.to {
			c.mu.Lock()
			c.seeks = append(c.seeks, s)
			c.mu.Unlock()
			continue
		}
		s.p.proceed(s.to.Offset)
	}
}

// fetchError sorts what the client reports for a partition, or with an empty
// topic for the group.
func (c *Consumer) fetchError(topic string, id int32, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	p := c.partition(id)
	if topic != c.cfg.Topic || p == nil {
		c.log.Warn("kafka reports an error", "topic", topic, "partition", id, "error", err)
		return
	}
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange), errors.As(err, &loss), errors.Is(err, kerr.UnknownTopicID):
		p.recordsLost(err)
	default:
		p.troubled(troubleKafka, err)
	}
}

// shutdown saves while the last poll still blocks rebalances, so that no other
// member can own a partition meanwhile, and then leaves the group.
func (c *Consumer) shutdown(cl *kgo.Client) error {
	drain, cancel := context.WithTimeout(context.Background(), c.cfg.SaveTimeout)
	defer cancel()
	err := c.release(drain, c.assignment())
	c.commit(drain, cl)
	cl.AllowRebalance()
	leave, cancelLeave := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancelLeave()
	if err := cl.LeaveGroupContext(leave); err != nil {
		c.log.Warn("left the group without its consent; its partitions wait for the session timeout", "error", err)
	}
	cl.Close()
	return err
}

func (c *Consumer) partition(id int32) *partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parts[id]
}

// assignment returns the assigned partitions, ascending.
func (c *Consumer) assignment() []int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]int32, 0, len(c.parts))
	for id := range c.parts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
