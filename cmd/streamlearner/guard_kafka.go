package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// runKafka runs what a partition of a topic has, from a kept state on.
func (g *guardReplay) runKafka(cmd *cobra.Command) error {
	k, err := state.ParseKey(g.in.model)
	if err != nil {
		return usageError(fmt.Errorf("--model: %w", err))
	}
	cfg, err := loadConfig(g.in.file, nil)
	if err != nil {
		return usageError(err)
	}
	g.in.model = k.Model
	_, m, err := g.in.pick(cfg)
	if err != nil {
		return usageError(err)
	}
	store, err := redis.New(redisOptions(&cfg.Redis))
	if err != nil {
		return usageError(fmt.Errorf("redis.addrs: %v: %w", cfg.Redis.Addrs, err))
	}
	defer func() { _ = store.Close() }() // only read
	c := course{title: k.String(), report: guardComparison{Model: k.Model}}
	records := consumer.Range{Connection: kafkaConnection(&cfg.Kafka), Topic: m.Source.Topic, Partition: k.Partition}
	if err := g.begin(cmd, &c, &records, store, k, m); err != nil {
		return err
	}
	bar := newSteps(cmd.ErrOrStderr(), "replaying "+k.String(), records.To-records.From)
	defer bar.close()
	next, stop := pull(cmd.Context(), &records)
	defer stop()
	c.next = func() (learner.Record, error) {
		r, err := next()
		bar.set(r.Offset - records.From)
		return r, err
	}
	return g.compare(cmd, &c)
}

// begin chooses the state to begin with and the range of the records.
func (g *guardReplay) begin(cmd *cobra.Command, c *course, records *consumer.Range, store *redis.Store, k state.Key, m configs.Model) error {
	ctx := cmd.Context()
	stored, _, err := store.State(ctx, k)
	if errors.Is(err, state.ErrNotFound) {
		return noState(k.String())
	}
	if err != nil {
		return err
	}
	records.From, records.To = g.from, stored.Next.Offset
	if cmd.Flags().Changed("to-offset") {
		records.To = g.to
	}
	head := stored.Head
	c.report.Kafka = &guardRange{Partition: k.String()}
	var v *state.Version
	if !g.untaught {
		from := int64(-1)
		if cmd.Flags().Changed("from-offset") {
			from = g.from
		}
		if v, err = versionBefore(ctx, store, k, from); err != nil {
			return err
		}
		if head, err = store.Blob(ctx, k, v.State); err != nil {
			return fmt.Errorf("state of version %d of %s: %w", v.Number, k, err)
		}
		records.From, c.report.Kafka.From = v.Next.Offset, v.Number
	}
	if records.From >= records.To {
		return usageError(fmt.Errorf("there are no records from offset %d to offset %d: choose a smaller --from-offset, or a larger --to-offset", records.From, records.To))
	}
	c.report.Kafka.First, c.report.Kafka.Last = records.From, records.To-1
	d, err := learner.Describe(head)
	if err != nil {
		return err
	}
	if m, err = m.WithSettings(d.Settings); err != nil {
		return err
	}
	if c.models, err = g.models(m); err != nil {
		return usageError(err)
	}
	ordered, err := auditEntries(ctx, store, k.String(), func(r *state.AuditRecord) bool {
		return r.Kind == state.AuditCommand && r.Error == "" && r.Next.Offset >= records.From && r.Next.Offset < records.To
	})
	c.report.Kafka.Commands = len(ordered)
	c.start = func(cfg learner.Config) (*learner.Learner, error) {
		if v == nil {
			return learner.New(cfg, state.Position{Offset: records.From, LeaderEpoch: -1})
		}
		l, err := learner.RestoreVersion(cfg, v, func(s state.Sum) ([]byte, error) { return store.Blob(ctx, k, s) })
		if errors.Is(err, learner.ErrSettings) {
			return nil, usageError(fmt.Errorf("--set: a state of %s cannot go on with such a change; try it with --untaught, or on files: %w", k, err))
		}
		return l, err
	}
	return err
}

// versionBefore returns the newest kept version with a state that ends at or
// before an offset; of a negative one the oldest of all.
func versionBefore(ctx context.Context, store *redis.Store, k state.Key, offset int64) (*state.Version, error) {
	kept, err := store.Versions(ctx, k)
	if err != nil {
		return nil, err
	}
	var found *state.Version
	for i := range kept {
		v := &kept[i]
		if v.State.IsZero() || offset >= 0 && v.Next.Offset > offset {
			continue
		}
		if found = v; offset < 0 {
			break
		}
	}
	switch {
	case found != nil:
		return found, nil
	case offset < 0 || len(kept) == 0:
		return nil, fmt.Errorf("%s has no kept version with its state: give --untaught and --from-offset", k)
	}
	return nil, fmt.Errorf("no kept version of %s ends at or before offset %d, the oldest does at %d: choose a later --from-offset, or give --untaught",
		k, offset, kept[0].Next.Offset)
}

// errStopped ends the reading of records that nobody asks for any more.
var errStopped = errors.New("stopped")

// pull returns a function that reads the next record of a range, or io.EOF.
func pull(ctx context.Context, records *consumer.Range) (next func() (learner.Record, error), stop func()) {
	read, stop := iter.Pull2(func(yield func(learner.Record, error) bool) {
		err := records.Read(ctx, func(r learner.Record) error {
			if !yield(r, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(learner.Record{}, err)
		}
	})
	return func() (learner.Record, error) {
		r, err, ok := read()
		if !ok {
			return r, io.EOF
		}
		return r, err
	}, stop
}
