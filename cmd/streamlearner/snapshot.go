package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Look at the states and published versions in Redis, and manage versions",
		Long: `Look at what is stored in Redis: for every partition of a model the state of its
learner with the offset at which it goes on, and the versions published from it.
Versions can be kept (pin, label), served again (rollback), and carried elsewhere
(export, import).`,
		Example: `  streamlearner snapshot list -c configs/fraud.yaml
  streamlearner snapshot list fraud/3
  streamlearner snapshot show fraud/3
  streamlearner snapshot rollback fraud/3 117 --why "scores too high since noon"`,
	}
	cmd.AddCommand(snapshotListCommand(), snapshotShowCommand(), snapshotEvaluateCommand(), snapshotDiffCommand(), snapshotAdoptCommand(),
		snapshotRollbackCommand(), snapshotPinCommand(), snapshotUnpinCommand(), snapshotLabelCommand(), snapshotUnlabelCommand(),
		snapshotExportCommand(), snapshotImportCommand(), snapshotVerifyCommand())
	return cmd
}

// partitionReport is one partition in snapshot list --json.
type partitionReport struct {
	Key        string  `json:"partition"`
	Mode       string  `json:"mode"`
	Next       int64   `json:"next_offset"`
	Seq        uint64  `json:"save"`
	Fed        uint64  `json:"fed"`
	Learned    uint64  `json:"learned"`
	Freezes    uint64  `json:"freezes"`
	Loss       float64 `json:"loss"`                  // exponentially weighted, half-life 1,000 events
	Published  uint64  `json:"published"`             // version that readers are served
	Held       bool    `json:"held"`                  // by an operator, at that version
	Age        float64 `json:"published_age_seconds"` // since the last record it has learned
	Pending    int     `json:"in_quarantine"`
	Group      string  `json:"group"`
	Generation int32   `json:"generation"`
	Claim      uint64  `json:"claim"`
}

func snapshotListCommand() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [MODEL... | MODEL/PARTITION]",
		Short: "List the partitions of models with their states, or the versions of one",
		Long: `List the partitions of the named models, or of all that are configured: mode of the
learner, next offset, events learned, running loss (half-life 1,000 events),
freezes, the version that readers are served with its age, and how many
checkpoints are in quarantine. --json has the owner, too.

Of one partition list the kept versions, newest first: age (since the last event
that it has learned), events learned, running loss when it was taken, whether an
armed guard watched its quarantine, and labels.`,
		Example: `  streamlearner snapshot list -c configs/fraud.yaml
  streamlearner snapshot list fraud/3
  streamlearner snapshot list fraud --redis localhost:6379 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, cfg, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			if len(args) == 1 && strings.Contains(args[0], "/") {
				return showVersions(cmd, store, args[0], asJSON)
			}
			names, err := modelNames(cfg, args)
			if err != nil {
				return err
			}
			list := []partitionReport{}
			for _, name := range names {
				if list, err = appendPartitions(cmd.Context(), list, store, name); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), partitionTable(list).Render())
			return err
		},
	}
	t.redisFlags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func showVersions(cmd *cobra.Command, store *redis.Store, name string, asJSON bool) error {
	k, err := state.ParseKey(name)
	if err != nil {
		return usageError(err)
	}
	list, err := listVersions(cmd.Context(), store, k)
	if err != nil {
		return fmt.Errorf("%s: %w", k, err)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), list)
	}
	const others = 44 // columns before the labels
	_, err = fmt.Fprintln(cmd.OutOrStdout(), versionTable(list, nameRoom(cmd.OutOrStdout(), others)).Render())
	return err
}

func appendPartitions(ctx context.Context, list []partitionReport, store *redis.Store, name string) ([]partitionReport, error) {
	partitions, err := store.Partitions(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, p := range partitions {
		k := state.Key{Model: name, Partition: p}
		s, claim, err := store.State(ctx, k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		d, err := learner.Describe(s.Head)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		r := partitionReport{
			Key: k.String(), Mode: d.Mode.String(), Next: s.Next.Offset, Seq: s.Seq, Fed: d.Fed, Learned: d.Learned, Freezes: d.Freezes,
			Loss: d.Loss, Pending: len(d.Quarantine), Group: claim.Group, Generation: claim.Generation, Claim: claim.Number,
		}
		if p := s.Current; p != nil {
			r.Published, r.Age, r.Held = p.Number, age(&p.Version).Seconds(), p.Mode == state.ModeHeld
		}
		list = append(list, r)
	}
	return list, nil
}

// age is the time since the last record that a version has learned.
func age(v *state.Version) time.Duration { return time.Since(time.UnixMilli(v.Created)) }

func partitionTable(list []partitionReport) table.Writer {
	t := newTable("partition", "mode", "next offset", "learned", "loss", "freezes", "version", "age", "pending")
	for _, r := range list {
		version, old := "none", ""
		if r.Published > 0 {
			version, old = fmt.Sprint(r.Published), seconds(r.Age)
		}
		if r.Held {
			version += " held"
		}
		t.AppendRow(table.Row{r.Key, r.Mode, r.Next, r.Learned, fmt.Sprintf("%.4g", r.Loss), r.Freezes, version, old, r.Pending})
	}
	return t
}

func snapshotAdoptCommand() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "adopt MODEL[/PARTITION]",
		Short: "Release states from the consumer group that owns them",
		Long: `Release the state of a partition, or of all partitions of a model, from its consumer
group, so that the next process of any group may claim it. It is needed when the
group was renamed, or made anew so that its generations began again.

Stop the old processes first: an owner that still runs is fenced at its next save.`,
		Example: "  streamlearner snapshot adopt fraud -c configs/fraud.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // all is answered by then
			ks, err := keys(cmd.Context(), store, args[0])
			if err != nil {
				return err
			}
			for _, k := range ks {
				if err := store.Adopt(cmd.Context(), k); err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: released\n", k); err != nil {
					return err
				}
			}
			return nil
		},
	}
	t.redisFlags(cmd)
	return cmd
}
