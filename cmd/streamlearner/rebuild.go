package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

const rebuildHelp = `With --to or --from the records come from Kafka instead, by their offsets, and what
comes out must be a version that is kept in Redis, bit for bit: it begins with the
whole state of an older version, takes operators' commands, changes of configuration
and skipped ranges from the journal, and compares every version on the way. Versions
are numbers, labels, current or oldest. It only reads, and belongs to no group. It
exits with 1 when something else comes out, and says between which records.`

// rebuilding are the flags of a replay from Kafka.
type rebuilding struct {
	from, to  string
	offset    int64
	partition int32
}

func (b *rebuilding) flags(f *pflag.FlagSet) {
	f.StringVar(&b.to, "to", "current", "replay from Kafka up to this version")
	f.StringVar(&b.from, "from", "", "replay from Kafka, beginning with this version (the nearest one before --to)")
	f.Int64Var(&b.offset, "from-offset", 0, "replay from Kafka, beginning with an untaught model at this offset")
	f.Int32Var(&b.partition, "partition", 0, "partition to replay from Kafka; not needed when the model has only one")
}

func (b *rebuilding) on(f *pflag.FlagSet) bool {
	return slices.ContainsFunc([]string{"to", "from", "from-offset", "partition"}, f.Changed)
}

// check refuses flags that are about files.
func (b *rebuilding) check(f *pflag.FlagSet, file string) error {
	var err error
	f.Visit(func(x *pflag.Flag) {
		if !slices.Contains([]string{"to", "from", "from-offset", "partition", "config", "model", "json"}, x.Name) {
			err = errors.Join(err, fmt.Errorf("--%s: is for a replay of files; leave it out, or --to, --from, --from-offset and --partition", x.Name))
		}
	})
	switch {
	case err != nil:
		return err
	case file == "":
		return errors.New("a replay from Kafka needs -c FILE, which says where Kafka and Redis are")
	case f.Changed("from") && f.Changed("from-offset"):
		return errors.New("--from and --from-offset exclude each other: both say where to begin")
	case b.offset < 0 || b.partition < 0:
		return fmt.Errorf("--from-offset %d, --partition %d: must not be negative", b.offset, b.partition)
	}
	return nil
}

// rebuild is one replay from Kafka.
type rebuild struct {
	rebuilding
	key   state.Key
	cfg   *configs.Config
	model configs.Model
	store *redis.Store

	kept    []state.Version // oldest first
	first   *state.Version  // to begin with; nil for none
	last    *state.Version
	replay  *learner.Rebuild
	records int64
}

// runRebuild replays from Kafka as the flags say.
func (in *replayInput) runRebuild(cmd *cobra.Command) error {
	f := cmd.Flags()
	if err := in.rebuild.check(f, in.file); err != nil {
		return usageError(err)
	}
	cfg, err := loadConfig(in.file, nil)
	if err != nil {
		return usageError(err)
	}
	name, m, err := in.pick(cfg)
	if err != nil {
		return usageError(err)
	}
	store, err := redis.New(redisOptions(&cfg.Redis))
	if err != nil {
		return usageError(fmt.Errorf("redis.addrs: %v: %w", cfg.Redis.Addrs, err))
	}
	defer func() { _ = store.Close() }() // only read
	r := &rebuild{rebuilding: in.rebuild, key: state.Key{Model: name, Partition: in.rebuild.partition}, cfg: cfg, model: m, store: store}
	if err := r.choose(cmd.Context(), f); err != nil {
		return err
	}
	if err := r.begin(cmd.Context()); err != nil {
		return err
	}
	begin := r.replay.Next()
	err = r.read(cmd)
	var diverged *learner.Divergence
	if err != nil && !errors.As(err, &diverged) {
		return err
	}
	report := r.report(begin, diverged)
	if in.asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = report.print(cmd.OutOrStdout())
	}
	if err == nil && diverged != nil {
		err = fmt.Errorf("version %d of %s is not what its records come to", r.last.Number, r.key)
	}
	return err
}

// choose finds the partition and the versions that are meant.
func (r *rebuild) choose(ctx context.Context, f *pflag.FlagSet) error {
	if !f.Changed("partition") {
		partitions, err := r.store.Partitions(ctx, r.key.Model)
		if err != nil {
			return err
		}
		switch len(partitions) {
		case 0:
			return fmt.Errorf("model %s has no state: nothing was published that could be replayed", r.key.Model)
		case 1:
			r.key.Partition = partitions[0]
		default:
			return usageError(fmt.Errorf("model %s has several partitions: choose one of %v by --partition", r.key.Model, partitions))
		}
	}
	var err error
	if r.kept, err = r.store.Versions(ctx, r.key); err != nil {
		return err
	}
	if r.last, err = r.version(ctx, r.to); err != nil {
		return fmt.Errorf("--to %s: %w", r.to, err)
	}
	switch {
	case f.Changed("from-offset"):
	case r.from != "":
		if r.first, err = r.version(ctx, r.from); err != nil {
			return fmt.Errorf("--from %s: %w", r.from, err)
		}
	default:
		if r.first = r.nearest(0, false); r.first == nil {
			return fmt.Errorf("no version before version %d is kept: give --from-offset to replay from the beginning", r.last.Number)
		}
	}
	return nil
}

// version returns the kept version that is meant by a number, a label, current or oldest.
func (r *rebuild) version(ctx context.Context, ref string) (*state.Version, error) {
	switch ref {
	case "oldest":
		for i := range r.kept {
			if !r.kept[i].State.IsZero() {
				return &r.kept[i], nil
			}
		}
		return nil, fmt.Errorf("%w: none is kept with its state", state.ErrVersion)
	case "current":
		p, err := r.store.Current(ctx, r.key)
		if err != nil {
			return nil, err
		}
		for i := range r.kept {
			if r.kept[i].Same(&p.Version) {
				return &r.kept[i], nil
			}
		}
		return nil, fmt.Errorf("%w: version %d is served, and not kept", state.ErrVersion, p.Number)
	}
	marks, err := r.store.Marks(ctx, r.key)
	if err != nil {
		return nil, err
	}
	return state.FindVersion(r.kept, marks, ref)
}

// nearest returns a version before the last one from which on the log from
// offset first is enough: the oldest of them, or the newest. Nil when there is none.
func (r *rebuild) nearest(first int64, oldest bool) *state.Version {
	var found *state.Version
	for i := range r.kept {
		v := &r.kept[i]
		if v.State.IsZero() || v.Next.Offset < first || v.Next.Offset >= r.last.Next.Offset {
			continue
		}
		if found = v; oldest {
			break
		}
	}
	return found
}

// begin makes the learner as it was.
func (r *rebuild) begin(ctx context.Context) error {
	published, err := r.published(ctx)
	if err != nil {
		return err
	}
	r.replay, err = learner.NewRebuild(learner.RebuildConfig{
		Config: func(settings string) (learner.Config, error) {
			m, err := r.model.WithSettings(settings)
			if err != nil {
				return learner.Config{}, err
			}
			return m.LearnerConfig(programVersion())
		},
		Blob: func(s state.Sum) ([]byte, error) { return r.store.Blob(ctx, r.key, s) },
		Find: func(a state.Args) (*state.Found, error) { return state.Find(ctx, r.store, r.key, a) },
		From: r.first, Start: r.offset, To: *r.last, Between: append(published, r.kept...),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", r.key, err)
	}
	return nil
}

// published returns the versions that the audit trail says were proven.
func (r *rebuild) published(ctx context.Context) ([]state.Version, error) {
	const page = 1000
	var out []state.Version
	for after := int64(0); ; {
		chain, err := r.store.Audit(ctx, r.key, after, page)
		if err != nil || len(chain.Records) == 0 {
			return out, err
		}
		for _, b := range chain.Records {
			a, err := state.ParseAudit(b)
			if err != nil {
				return nil, fmt.Errorf("audit trail of %s: %w: streamlearner audit verify says more", r.key, err)
			}
			if after = int64(a.Seq); (a.Kind == state.AuditPublish || a.Kind == state.AuditProven) && a.Version != nil {
				out = append(out, *a.Version)
			}
		}
	}
}

// read replays the records, with a progress bar.
func (r *rebuild) read(cmd *cobra.Command) error {
	records := consumer.Range{
		Connection: kafkaConnection(&r.cfg.Kafka), Topic: r.model.Source.Topic, Partition: r.key.Partition,
		From: r.replay.Next(), To: r.replay.End(),
	}
	bar := newSteps(cmd.ErrOrStderr(), "replaying "+r.key.String(), records.To-records.From)
	defer bar.close()
	err := records.Read(cmd.Context(), func(rec learner.Record) error {
		r.records++
		bar.set(rec.Offset - records.From)
		return r.replay.Feed(rec)
	})
	if err == nil {
		err = r.replay.Finish()
	}
	var gone *consumer.GoneError
	if errors.As(err, &gone) {
		return r.gone(gone)
	}
	return err
}

// gone says what can be replayed of a log that is not all there.
func (r *rebuild) gone(e *consumer.GoneError) error {
	if e.End < e.To {
		return fmt.Errorf("%w: the log ends before the version does; was the topic created anew?", e)
	}
	if v := r.nearest(e.First, true); v != nil {
		return fmt.Errorf("%w: version %d is the oldest one to begin with, by --from %d", e, v.Number, v.Number)
	}
	return fmt.Errorf("%w: none of the kept versions before version %d can be begun with; one that is published later can be replayed up to, "+
		"and a longer retention of the topic keeps more", e, r.last.Number)
}
