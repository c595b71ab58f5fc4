package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func armsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "arms",
		Short: "Show and change the arms of a bandit while it runs",
		Long: `Show the arms that a bandit chooses among, add and remove some, and bound them.

Readers have a change with the save that the command waits for: it becomes a
version of the same learned parameters at once, without a quarantine, and
versions that wait in quarantine are made anew. No freeze undoes it. The same
changes can be made in the configuration (learner.bandit.arms, limits and
baseline): what differs from the configuration before is applied at the restart.`,
		Example: `  streamlearner arms list prices
  streamlearner arms --help`,
	}
	cmd.AddCommand(armsListCommand(), armsAddCommand(), armsRemoveCommand(), armsCapCommand(), armsPriceCommand(), armsBaselineCommand())
	return cmd
}

// armReport is what readers of a partition know of an arm.
type armReport struct {
	Key string `json:"partition"`
	armState
	Cap     float64 `json:"cap"`             // 1 for none
	Price   float64 `json:"price,omitempty"` // absent for none
	Version uint64  `json:"version"`         // that says so
	Policy  string  `json:"policy"`          // what readers do: online, shadow or baseline
}

func armsListCommand() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list MODEL[/PARTITION]",
		Short: "List the arms that readers have",
		Long: `List the arms of the version that readers are served, of a partition or of all
partitions of a model: status, largest probability, price, events learned since
the arm was added, their mean reward, and the sample ratio: the share of the
decisions that the arm got beside the share that their logged propensities say.
While they are right it takes on average at least c decisions until the evidence
that an arm gets too many exceeds c; from 1,000,000 on the ratio is wrong.

A second table has a row for every guard rail (learner.bandit.guard_rails): mean of
the metric, difference to the baseline with an interval at the alpha of the rail,
and p-values that the arm is harmful (worse than the margin allows) and that it is
better. All of them hold at all times together: look as often as you like. A version
that was published says what was known then; /status of the process that learns has
what is known now.

active arms may be chosen. new ones may, and have a share of their own until
learner.bandit.new_events events of them were learned. draining ones were removed:
they are not chosen, and rewards of earlier choices are still learned. removed
ones are gone but for their place. * marks the baseline.`,
		Example: `  streamlearner arms list prices
  streamlearner arms list prices/3 --redis localhost:6379 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			ks, err := keys(cmd.Context(), store, args[0])
			if err != nil {
				return err
			}
			list := []armReport{}
			for _, k := range ks {
				if list, err = appendArms(cmd.Context(), list, store, k); err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printArmList(cmd.OutOrStdout(), list)
		},
	}
	t.redisFlags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// servedPolicy is the bandit that readers of a partition are served.
func servedPolicy(ctx context.Context, store state.Reader, k state.Key) (*bandit.Policy, state.Pointer, error) {
	current, err := store.Current(ctx, k)
	if errors.Is(err, state.ErrNotFound) {
		return nil, current, errors.New("nothing has been published yet")
	}
	if err != nil {
		return nil, current, err
	}
	data, err := store.Blob(ctx, k, current.Sum)
	if err != nil {
		return nil, current, fmt.Errorf("version %d: %w", current.Number, err)
	}
	if wire.KindOf(data) != wire.KindBandit {
		return nil, current, fmt.Errorf("version %d is no bandit, and has no arms", current.Number)
	}
	p, err := bandit.OpenPolicy(data)
	if err != nil {
		return nil, current, fmt.Errorf("version %d: %w", current.Number, err)
	}
	return p, current, nil
}

func appendArms(ctx context.Context, list []armReport, store *redis.Store, k state.Key) ([]armReport, error) {
	p, current, err := servedPolicy(ctx, store, k)
	if err != nil {
		return nil, err
	}
	arms := p.Table()
	for i, s := range armStates(p.ArmReports(), p.Judge()) {
		list = append(list, armReport{Key: k.String(), armState: s, Cap: arms[i].Cap, Price: arms[i].Price, Version: current.Number, Policy: current.ReaderPolicy()})
	}
	return list, nil
}

func armTable(list []armReport) table.Writer {
	t := newTable("partition", "version", "policy", "arm", "status", "cap", "price", "events", "mean reward", "share", "logged share", "evidence", "sample ratio")
	for i := range list {
		r := &list[i]
		number := func(v float64, none bool) string {
			if none {
				return "-"
			}
			return strconv.FormatFloat(v, 'g', 6, 64)
		}
		t.AppendRow(table.Row{
			r.Key, r.Version, r.Policy, r.shown(), r.standing(), number(r.Cap, r.Cap == 1), number(r.Price, r.Price == 0), r.Events, sixDigits(r.Reward),
			sixDigits(r.Share), sixDigits(r.Logged), fmt.Sprintf("%.3g", r.Evidence), r.SampleRatio,
		})
	}
	right := []table.ColumnConfig{rightAligned(2)}
	for column := 6; column <= 12; column++ {
		right = append(right, rightAligned(column))
	}
	t.SetColumnConfigs(right)
	return t
}

// printArmList prints the arms of several partitions, and what their guard rails say.
func printArmList(w io.Writer, list []armReport) error {
	if _, err := fmt.Fprintln(w, armTable(list).Render()); err != nil {
		return err
	}
	arms, partitions := make([]armState, len(list)), make([]string, len(list))
	for i := range list {
		arms[i], partitions[i] = list[i].armState, list[i].Key
	}
	if t := railTable(arms, partitions); t != nil {
		_, err := fmt.Fprintf(w, "\n%s\n", t.Render())
		return err
	}
	return nil
}

// armCommand gives an order about the arm of the second argument; more reads the others.
func armCommand(kind, use, short, long, example string, arguments int, more func(args []string, a *state.Args) error) (*cobra.Command, *state.Args) {
	o := order{kind: kind}
	about := &state.Args{}
	cmd := &cobra.Command{
		Use: use + " --why TEXT", Short: short, Long: long + orderHelp, Example: example,
		Args: cobra.ExactArgs(arguments),
		RunE: func(cmd *cobra.Command, args []string) error {
			if about.Arm = args[1]; about.Arm == "" {
				return usageError(errors.New("ARM: must be the name of an arm"))
			}
			if more != nil {
				if err := more(args[2:], about); err != nil {
					return usageError(err)
				}
			}
			o.args = func(context.Context, *redis.Store, state.Key) (state.Args, error) { return *about, nil }
			return o.run(cmd, args[0])
		},
	}
	o.flags(cmd)
	return cmd, about
}

func armsAddCommand() *cobra.Command {
	cmd, about := armCommand(event.ArmAdd, "add MODEL[/PARTITION] ARM", "Add an arm, or bring back one that was removed",
		`Add an arm to the bandit of a partition, or of all partitions of a model. It has at
least learner.bandit.new_share of the decisions until learner.bandit.new_events
events of it were learned, and begins with a part (learner.bandit.new_prior) of
what the arm --like has learned; without it, of what the next lower and the next
higher in price have, else all arms together. With shared features it begins
with what is known of its features.

Records may name the arm from the offset on at which the order took effect.`,
		`  streamlearner arms add prices 17.90 --price 17.9 --cap 0.1 --why "summer sale"
  streamlearner arms add banner blue --like green --why "new campaign" --json`, 2, nil)
	cmd.Flags().StringVar(&about.Like, "like", "", "arm whose statistics the new one begins with")
	cmd.Flags().Float64Var(&about.Cap, "cap", 0, "largest probability of the arm; 0 for no cap")
	cmd.Flags().Float64Var(&about.Price, "price", 0, "price of the arm; 0 for none")
	return cmd
}

func armsRemoveCommand() *cobra.Command {
	cmd, _ := armCommand(event.ArmRemove, "remove MODEL[/PARTITION] ARM", "Stop choosing an arm",
		`Let no decision choose an arm any more. Rewards of earlier choices are learned for
learner.bandit.drain of event time; then what the arm has learned goes, and rewards
of it are refused.`,
		`  streamlearner arms remove banner red --why "campaign is over"`, 2, nil)
	return cmd
}

func armsCapCommand() *cobra.Command {
	cmd, _ := armCommand(event.ArmCap, "cap MODEL[/PARTITION] ARM SHARE", "Bound the probability of an arm",
		`Set the largest probability with which an arm is chosen; 1 for no cap. What is cut
off goes to the other arms in proportion to their probabilities. Where a decision
may choose among capped arms alone, whose caps add up to less than 1, they are
raised in proportion.`,
		`  streamlearner arms cap canary v2 0.05 --why "first stage of the rollout"
  streamlearner arms cap canary v2 1 --why "rollout is complete"`, 3, func(args []string, a *state.Args) (err error) {
			if a.Cap, err = positive("SHARE", args[0]); err == nil && a.Cap > 1 {
				err = fmt.Errorf("SHARE: %s: must be at most 1", args[0])
			}
			return err
		})
	return cmd
}

func armsPriceCommand() *cobra.Command {
	cmd, _ := armCommand(event.ArmPrice, "price MODEL[/PARTITION] ARM PRICE", "Tell the price of an arm",
		`Tell the price of an arm, by which learner.bandit.price_step and price_floor decide
whether it may be chosen.`,
		`  streamlearner arms price prices premium 24.90 --why "new price list"`, 3, func(args []string, a *state.Args) (err error) {
			a.Price, err = positive("PRICE", args[0])
			return err
		})
	return cmd
}

func armsBaselineCommand() *cobra.Command {
	cmd, _ := armCommand(event.ArmBaseline, "baseline MODEL[/PARTITION] ARM", "Name the arm that decisions fall back to",
		`Name the arm that has learner.bandit.baseline_floor, from whose price
learner.bandit.price_step is counted, and that readers choose under
'streamlearner policy baseline' and 'policy shadow'.`,
		`  streamlearner arms baseline canary v2 --why "v2 has won"`, 2, nil)
	return cmd
}

// positive reads a number above 0.
func positive(name, s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || v > 1e50 {
		return 0, fmt.Errorf("%s: %q: must be a number above 0", name, s)
	}
	return v, nil
}
