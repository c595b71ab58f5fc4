package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// guardStatus is the document of guard show --json.
type guardStatus struct {
	Key         string          `json:"partition"`
	Mode        string          `json:"mode"`
	Held        bool            `json:"held"` // frozen by an operator
	Next        int64           `json:"next_offset"`
	Enabled     bool            `json:"enabled"`
	Recovery    string          `json:"recovery"`     // guard.recovery
	Way         *recoveryStatus `json:"way_back"`     // null while learning
	Served      uint64          `json:"served"`       // version that readers are served; 0 for none
	Pinned      bool            `json:"readers_held"` // at it, by an operator
	Armed       bool            `json:"armed"`
	Calibrating bool            `json:"calibrating"`      // a successor of the reference, or the first one
	Age         uint64          `json:"reference_events"` // learned since the reference was frozen
	Warning     bool            `json:"warning"`
	Statistic   float64         `json:"statistic"`
	Warns       float64         `json:"warning_threshold"`
	Threshold   float64         `json:"threshold"`       // 0 while not armed
	Direction   float64         `json:"direction_share"` // of the statistic; the rest is the loss
	Alarms      uint64          `json:"alarms"`          // since the state began
	Freezes     uint64          `json:"freezes"`
	Recent      []*alarmReport  `json:"recent_alarms"`  // newest first
	Warned      []inputAlarm    `json:"input_warnings"` // newest first
	Commands    []advice        `json:"what_you_can_do"`
	settings    configs.Model   // of the state
	names       map[uint64]string
}

func guardShowCommand() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show MODEL/PARTITION",
		Short: "Show the guard of a partition, its last alarms and what moved before them",
		Long: `Show the guard of a partition: the mode of its learner, where the detector stands, how
old its reference is, the last alarms with what moved before them, and the commands
by which an operator can take part. It reads Redis alone, so a learner need not run.

Features have their names as far as the daemon has noted them, and otherwise # and
their hash; keys have their hash alone. docs/guard.md says how what moved is found.`,
		Example: `  streamlearner guard show fraud/3 -c configs/fraud.yaml
  streamlearner guard show fraud/3 --redis redis-1:6379 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.readPartition(cmd.Context(), args[0], func(store *redis.Store, k state.Key) error {
				g, err := readGuard(cmd.Context(), store, k)
				if err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), g)
				}
				return g.print(cmd.OutOrStdout())
			})
		},
	}
	t.redisFlags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// readGuard reads what the stored state says of the guard.
func readGuard(ctx context.Context, store *redis.Store, k state.Key) (*guardStatus, error) {
	s, _, err := store.State(ctx, k)
	if err != nil {
		return nil, err
	}
	d, err := learner.Describe(s.Head)
	if err != nil {
		return nil, err
	}
	known, err := storedNames(ctx, store, k)
	if err != nil {
		return nil, err
	}
	g := &guardStatus{
		Key: k.String(), Mode: d.Mode.String(), Held: d.Held, Next: s.Next.Offset,
		Armed: d.Armed, Calibrating: d.Calibrating, Age: d.ReferenceAge, Warning: d.Warning,
		Statistic: d.Statistic, Threshold: d.Threshold, Warns: d.WarningThreshold, Direction: d.DirectionShare,
		Way: wayStatus(d), Alarms: d.Alarms, Freezes: d.Freezes, Recent: []*alarmReport{}, names: known,
	}
	if g.settings, err = configs.DefaultModel().WithSettings(d.Settings); err != nil {
		return nil, err
	}
	g.Enabled, g.Recovery = g.settings.Guard.Enabled, g.settings.Guard.Recovery
	current, err := store.Current(ctx, k)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return nil, err
	}
	g.Served, g.Pinned = current.Number, current.Mode == state.ModeHeld
	for i := len(d.Recent) - 1; i >= 0; i-- {
		g.Recent = append(g.Recent, alarmOf(d.Recent[i], g.name))
	}
	g.Warned = inputAlarmsOf(d.Warned, g.name)
	g.Commands = g.advise(d)
	return g, nil
}

// wayStatus is how far the way back has come; nil while there is none to go.
func wayStatus(d *learner.Description) *recoveryStatus {
	if d.Mode == learner.Learning {
		return nil
	}
	r := recoveryOf(&d.Way, &d.Endings)
	return &r
}

// name returns the name of a feature; false when it is not known.
func (g *guardStatus) name(h state.Hash) (string, bool) {
	s, ok := g.names[uint64(h)]
	return s, ok
}

// advice is a command that an operator may want now, and what for.
type advice struct {
	Command string `json:"command"`
	For     string `json:"for"`
}

// advise lists what an operator can do, the likeliest first.
func (g *guardStatus) advise(d *learner.Description) []advice {
	var out []advice
	add := func(what, format string, args ...any) {
		out = append(out, advice{Command: "streamlearner " + fmt.Sprintf(format, args...), For: what})
	}
	k := g.Key
	if n := len(d.Recent); n > 0 {
		if e := d.Recent[n-1].Evidence; e != nil {
			add("see what other settings would have done", "guard replay -c FILE --model %s --from-offset %d --set guard.false_freeze_every=...", k, e.From)
		}
	}
	switch {
	case d.Mode == learner.Learning && len(d.Recent) == 0:
		add("freeze the learner, if something outside is known to be wrong", "freeze %s --why TEXT", k)
	case d.Mode == learner.Learning:
		add("freeze the learner again, until you unfreeze it", "freeze %s --why TEXT", k)
		add("serve an older version", "snapshot rollback %s VERSION --why TEXT", k)
	case d.Held:
		add("let it learn again, from the last good version", "unfreeze %s --why TEXT", k)
		if d.Mode == learner.Frozen {
			add("the stream has changed for good: put the challenger on probation", "unfreeze %s --challenger --why TEXT", k)
		}
	default:
		add("end the freeze: the cause is gone, or was none", "unfreeze %s --why TEXT", k)
		if d.Mode == learner.Frozen {
			add("the stream has changed for good: put the challenger on probation", "unfreeze %s --challenger --why TEXT", k)
		}
		add("keep it frozen until you unfreeze it, whatever automation finds", "freeze %s --why TEXT", k)
	}
	add("see what was done when, and by whom", "audit list %s", k)
	if g.Pinned {
		add("let readers have the newest proven version again", "promote %s --why TEXT", k)
	}
	return out
}
