package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

const rollbackKind = learner.CommandRollback

// forcedTimeout is how long a forced order waits for an owner, unless --timeout says otherwise.
const forcedTimeout = 2 * time.Second

// versionRef is how a command line names a kept version.
type versionRef struct {
	name string    // number or label
	at   time.Time // unless zero: the newest version that has learned nothing younger
}

func (r versionRef) find(ctx context.Context, store state.Reader, k state.Key) (*state.Version, error) {
	kept, err := store.Versions(ctx, k)
	if err != nil {
		return nil, err
	}
	if !r.at.IsZero() {
		return state.VersionAt(kept, r.at.UnixMilli())
	}
	marks, err := store.Marks(ctx, k)
	if err != nil {
		return nil, err
	}
	return state.FindVersion(kept, marks, r.name)
}

// about is an order about that version.
func (r versionRef) about(more state.Args) func(context.Context, *redis.Store, state.Key) (state.Args, error) {
	return func(ctx context.Context, store *redis.Store, k state.Key) (state.Args, error) {
		v, err := r.find(ctx, store, k)
		if err != nil {
			return state.Args{}, err
		}
		more.Version, more.Sum = v.Number, v.Sum
		return more, nil
	}
}

// parseMoment reads a time of day, or a duration that has passed since.
func parseMoment(s string) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--to-time %q: must be a time, as 2026-03-01T12:30:00Z or \"2026-03-01 12:30\" in local time, or how long ago, as 90m", s)
}

func snapshotRollbackCommand() *cobra.Command {
	o := order{kind: rollbackKind}
	var toTime, toLabel string
	var restore bool
	var withArms []string
	cmd := &cobra.Command{
		Use:   "rollback MODEL[/PARTITION] [VERSION] --why TEXT",
		Short: "Serve an older version, and hold readers there",
		Long: `Serve a kept version of a partition, or of all partitions of a model: that of a
number, of a label, or of a time. Readers are moved within a second and are held
there, whatever the learner and its guard do. New versions are still proven and
kept; readers get them after 'streamlearner promote'.

The learner goes on from where it is. With --restore it goes on from that
version, which also becomes the one that a freeze restores.

--to-time takes the newest version that has learned nothing younger, by the
events' own time. 'snapshot list MODEL/PARTITION' shows the versions.

--force moves readers at once although no owner runs or answers. The next owner
makes it part of its state before it can publish anything. A version of a bandit
is then served with its own arms until an owner answers. So it is refused where
that lets readers choose arms that were removed or taken out by a guard rail
since, or more often than their caps of now allow. --with-arms takes these arms
back in for that time; it must name all of them, and is recorded with the reason.
'streamlearner policy baseline MODEL --force' needs no version at all.` + orderHelp,
		Example: `  streamlearner snapshot rollback fraud/3 117 --why "scores too high since noon"
  streamlearner snapshot rollback fraud --to-time 90m --why "bad labels since 11:00" --restore
  streamlearner snapshot rollback fraud --to-label before-migration --why "ticket 4711"
  streamlearner snapshot rollback fraud/3 117 --why "the daemon is down" --force
  streamlearner snapshot rollback prices/0 41 --why "17.90 is a lesser evil" --force --with-arms 17.90`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := rollbackTarget(args[1:], toTime, toLabel)
			if err != nil {
				return usageError(err)
			}
			if o.force && restore {
				return usageError(errors.New("--force and --restore: restoring needs the owner; move readers by force first, and restore once it runs"))
			}
			if len(withArms) > 0 && !o.force {
				return usageError(errors.New("--with-arms: is for --force; without it an owner serves the version with the arms of now"))
			}
			if o.force && !cmd.Flags().Changed("timeout") {
				o.timeout = forcedTimeout
			}
			o.args = ref.about(state.Args{Restore: restore})
			if o.force {
				o.args = keepingArms(o.args, withArms)
			}
			if len(withArms) > 0 {
				o.why += fmt.Sprintf(" (with the arms %s)", strings.Join(withArms, ", "))
			}
			return o.run(cmd, args[0])
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&toTime, "to-time", "", "the newest version that has learned nothing younger: a time, or how long ago")
	cmd.Flags().StringVar(&toLabel, "to-label", "", "the version with this label")
	cmd.Flags().BoolVar(&restore, "restore", false, "put the version into the model that learns, too")
	cmd.Flags().BoolVar(&o.force, "force", false, "move readers without the owner of the partition")
	cmd.Flags().StringSliceVar(&withArms, "with-arms", nil, "with --force: arms of a bandit that may be chosen again until an owner answers")
	return cmd
}

// rollbackTarget makes one reference of an argument or one of two flags.
func rollbackTarget(version []string, toTime, toLabel string) (ref versionRef, err error) {
	given := len(version)
	if given > 0 {
		ref.name = version[0]
	}
	if toLabel != "" {
		given++
		ref.name = toLabel
		if _, err := strconv.ParseUint(toLabel, 10, 64); err == nil {
			return ref, fmt.Errorf("--to-label %s: is a number, not a label: give it as VERSION", toLabel)
		}
	}
	if toTime != "" {
		given++
		if ref.at, err = parseMoment(toTime); err != nil {
			return ref, err
		}
	}
	if given != 1 {
		return ref, errors.New("name one version: by VERSION, --to-time or --to-label")
	}
	return ref, nil
}

func promoteCommand() *cobra.Command {
	o := order{kind: learner.CommandPromote}
	cmd := &cobra.Command{
		Use:   "promote MODEL[/PARTITION] [VERSION] --why TEXT",
		Short: "Serve new versions again after a rollback",
		Long: `End the hold of a rollback at a partition, or at all partitions of a model: readers
follow the newest proven version again. With VERSION, a number or a label, they
are served that one until the next version is proven. It must be newer than the held one.` + orderHelp,
		Example: `  streamlearner promote fraud/3 --why "labels are fixed, ticket 4711"
  streamlearner promote fraud/3 131 --why "checked offline" --json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				o.args = versionRef{name: args[1]}.about(state.Args{})
			}
			return o.run(cmd, args[0])
		},
	}
	o.flags(cmd)
	return cmd
}

// markCommand is one of pin, unpin and label.
func markCommand(kind, use, short, long, example string) *cobra.Command {
	o := order{kind: kind}
	names := 2
	if kind == learner.CommandLabel {
		names = 3
	}
	cmd := &cobra.Command{
		Use: use + " --why TEXT", Short: short, Long: long + orderHelp, Example: example,
		Args: cobra.ExactArgs(names),
		RunE: func(cmd *cobra.Command, args []string) error {
			var more state.Args
			if len(args) > 2 {
				more.Label = args[2]
				if err := state.ValidateLabel(more.Label); err != nil {
					return usageError(err)
				}
			}
			o.args = versionRef{name: args[1]}.about(more)
			return o.run(cmd, args[0])
		},
	}
	o.flags(cmd)
	return cmd
}

func snapshotPinCommand() *cobra.Command {
	return markCommand(learner.CommandPin, "pin MODEL[/PARTITION] VERSION", "Keep a version, however old it gets",
		`Keep a version of a partition until it is unpinned: retention passes it over.
VERSION is a number or a label.`,
		`  streamlearner snapshot pin fraud/3 117 --why "audit of March"
  streamlearner snapshot pin fraud champion --why "before the migration"`)
}

func snapshotUnpinCommand() *cobra.Command {
	return markCommand(learner.CommandUnpin, "unpin MODEL[/PARTITION] VERSION", "Let a pinned version go in its time",
		`Take back a pin. The version goes once it is too old, unless it has a label.`,
		`  streamlearner snapshot unpin fraud/3 117 --why "audit is over"`)
}

func snapshotLabelCommand() *cobra.Command {
	return markCommand(learner.CommandLabel, "label MODEL[/PARTITION] VERSION NAME", "Give a version a name",
		`Give a version a name, by which 'snapshot rollback', other commands and readers can
ask for it, and keep it however old it gets. A name is of one version: given
again, it moves. It matches [a-z0-9_-]+ and is no number. The learner itself
maintains champion, the version that readers are served, and last-good, the
newest proven one.`,
		`  streamlearner snapshot label fraud/3 117 before-migration --why "ticket 4711"
  streamlearner snapshot label fraud champion release-12 --why "release 12"`)
}

func snapshotUnlabelCommand() *cobra.Command {
	o := order{kind: learner.CommandUnlabel}
	cmd := &cobra.Command{
		Use:   "unlabel MODEL[/PARTITION] NAME --why TEXT",
		Short: "Take a name from a version",
		Long: `Take a name back that 'snapshot label' gave. The version goes once it
is too old, unless it is pinned.` + orderHelp,
		Example: `  streamlearner snapshot unlabel fraud/3 before-migration --why "migration is done"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := state.ValidateLabel(args[1]); err != nil {
				return usageError(err)
			}
			o.args = func(context.Context, *redis.Store, state.Key) (state.Args, error) {
				return state.Args{Label: args[1]}, nil
			}
			return o.run(cmd, args[0])
		},
	}
	o.flags(cmd)
	return cmd
}
