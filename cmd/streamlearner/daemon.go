package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/admin"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// daemon is a configured process: one consumer per model, one store, one admin server.
type daemon struct {
	cfg       *configs.Config
	log       *slog.Logger
	store     *redis.Store
	consumers []modelConsumer // by name of the model
	admin     *admin.Server   // nil when none is configured
	story     story
	started   time.Time
}

// newRelays returns what copies rewards, and the records of further topics, into the topic that a model reads.
func (d *daemon) newRelays(name string, m configs.Model, registry prometheus.Registerer) (out []*consumer.Relay, err error) {
	k := &d.cfg.Kafka
	add := func(of, partition string, from ...string) {
		if err != nil {
			return
		}
		var r *consumer.Relay
		r, err = consumer.NewRelay(consumer.RelayConfig{
			Connection: kafkaConnection(k), Of: of, Group: k.Group, Model: name, From: from, To: m.Source.Topic, Start: m.Source.Start, Partition: partition,
			SessionTimeout: k.SessionTimeout, RebalanceTimeout: k.RebalanceTimeout, HeartbeatInterval: k.HeartbeatInterval,
		}, d.log, registry)
		out = append(out, r)
	}
	if j := &m.Source.Join; j.On() && j.Topic != "" {
		add(consumer.RelayRewards, j.Partition, j.Topic)
	}
	if c := &m.Source.Copies; len(c.Topics) > 0 {
		add(consumer.RelayCopies, c.Partition, c.Topics...)
	}
	return out, err
}

type modelConsumer struct {
	name   string
	topic  string
	alpha  float64           // of intervals of candidate policies
	relays []*consumer.Relay // of what else is copied into it
	*consumer.Consumer
}

// newDaemon wires a process together. It opens the admin address and connects
// to nothing else. Init is that of consumer.Config.
func newDaemon(cfg *configs.Config, log *slog.Logger, init bool) (*daemon, error) {
	d := &daemon{cfg: cfg, log: log, started: time.Now()}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	if cfg.Admin.Listen != "" {
		d.admin = &admin.Server{Gatherer: registry, Status: func() any { return d.status() }, Ready: d.ready}
		if err := d.admin.Listen(cfg.Admin.Listen); err != nil {
			return nil, err
		}
	}
	var err error
	if d.store, err = redis.New(redisOptions(&cfg.Redis)); err != nil {
		return nil, err
	}
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "streamlearner_store_short_waits_total", Help: "Saves that fewer replicas than redis.wait.replicas had in time.",
	}, func() float64 { return float64(d.store.Short()) }))
	for _, name := range slices.Sorted(maps.Keys(cfg.Models)) {
		c, err := d.newConsumer(name, cfg.Models[name], registry, init)
		if err != nil {
			return nil, fmt.Errorf("models.%s: %w", name, err)
		}
		relays, err := d.newRelays(name, cfg.Models[name], registry)
		if err != nil {
			return nil, fmt.Errorf("models.%s: %w", name, err)
		}
		d.consumers = append(d.consumers, modelConsumer{name, cfg.Models[name].Source.Topic, cfg.Models[name].Evaluate.Alpha, relays, c})
	}
	return d, nil
}

func (d *daemon) newConsumer(name string, m configs.Model, registry prometheus.Registerer, init bool) (*consumer.Consumer, error) {
	k := &d.cfg.Kafka
	return consumer.New(consumer.Config{
		Connection: kafkaConnection(k),
		Group:      k.Group, Model: name, Topic: m.Source.Topic, Start: m.Source.Start, Init: init, DeadLetter: m.Source.DeadLetter,
		Headers:        m.Guard.Source.NeedsHeaders(),
		MaxPollRecords: k.MaxPollRecords, QueueRecords: k.QueueRecords,
		GroupProtocol:  k.GroupProtocol,
		SessionTimeout: k.SessionTimeout, RebalanceTimeout: k.RebalanceTimeout, HeartbeatInterval: k.HeartbeatInterval,
		SaveInterval: d.cfg.Redis.SaveInterval, SaveTimeout: d.cfg.Redis.SaveTimeout, InboxInterval: d.cfg.Redis.InboxInterval,
		Keep: m.Snapshot.Keep, AuditTopic: auditTopic(d.cfg, name), AuditKeep: m.Audit.Keep,
	}, consumer.Deps{
		Store: d.store,
		New: func(start state.Position) (consumer.Learner, error) {
			c, err := m.LearnerConfig(programVersion())
			if err != nil {
				return nil, err
			}
			c.Audit = true
			return learner.New(c, start)
		},
		Restore: func(s *state.Snapshot) (consumer.Learner, error) {
			c, err := m.LearnerConfig(programVersion())
			if err != nil {
				return nil, err
			}
			c.Audit = true
			return learner.Restore(c, s)
		},
		Logger:     d.log,
		Registerer: registry,
		Progress:   func() *metric.Progressive { return metric.New(catalog.Task(m.Learner), false).At(m.Points()) },
		Names:      func() *names.Table { return nameTable(m) },
		OnOutcome:  func(p int32, o *learner.Outcome, moved []string) { d.story.see(name, p, o, moved) },
	})
}

// Run does the work of the process until ctx ends, then saves and leaves the group.
func (d *daemon) Run(ctx context.Context) error {
	defer func() { _ = d.store.Close() }() // all saves have been answered
	check, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := d.store.Check(check); err != nil {
		return fmt.Errorf("redis.addrs: %v: %w", d.cfg.Redis.Addrs, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	if d.admin != nil {
		d.log.Info("admin server listens", "url", "http://"+d.admin.Addr())
		g.Go(func() error { return d.admin.Run(ctx) })
	}
	for _, c := range d.consumers {
		for _, r := range c.relays {
			g.Go(func() error { return r.Run(ctx) })
		}
		g.Go(func() error {
			if err := c.Run(ctx); err != nil {
				return fmt.Errorf("models.%s: %w", c.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// ready returns what keeps a partition from running.
func (d *daemon) ready() error {
	var errs []error
	for _, c := range d.consumers {
		for _, p := range c.Status() {
			if p.State != consumer.Running {
				errs = append(errs, fmt.Errorf("%s/%d is %s: %s", c.name, p.Partition, p.State, p.Reason))
			}
		}
	}
	return errors.Join(errs...)
}

func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "streamlearner_build_info", Help: "Always 1; the label tells the version of the program.",
		ConstLabels: prometheus.Labels{"version": programVersion()},
	})
	g.Set(1)
	return g
}
