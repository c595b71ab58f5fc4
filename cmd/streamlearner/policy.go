package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func policyCommand() *cobra.Command {
	o := order{kind: learner.CommandPolicy}
	modes := strings.Join(state.Policies(), "|")
	cmd := &cobra.Command{
		Use:   "policy " + modes + " MODEL[/PARTITION] --why TEXT",
		Short: "Let readers of a bandit choose by its policy, or the baseline",
		Long: `Say what the readers of a bandit do, in a partition or in all partitions of a model:

  online    choose by the policy
  shadow    choose the baseline (learner.bandit.baseline), and log what the policy
            would have chosen
  baseline  choose the baseline

Readers obey within a second. The learner goes on with what they log, and
versions are published as before.

--force tells readers at once although no owner runs or answers. The next owner
makes it part of its state before it can publish anything.` + orderHelp,
		Example: `  streamlearner policy baseline prices --why "rewards look wrong, ticket 4711"
  streamlearner policy baseline prices --why "the daemon is down" --force
  streamlearner policy online prices --why "ticket 4711 is solved"`,
		Args:      cobra.ExactArgs(2),
		ValidArgs: state.Policies(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(state.Policies(), args[0]) {
				return usageError(fmt.Errorf("%q: must be one of %s", args[0], modes))
			}
			if o.force && !cmd.Flags().Changed("timeout") {
				o.timeout = forcedTimeout
			}
			o.args = func(ctx context.Context, store *redis.Store, k state.Key) (state.Args, error) {
				a := state.Args{Policy: args[0]}
				if !o.force || args[0] == state.PolicyOnline {
					return a, nil
				}
				p, _, err := servedPolicy(ctx, store, k)
				if err != nil {
					return a, err
				}
				if _, ok := p.Baseline(); !ok {
					return a, errors.New("readers have no baseline to choose: name one by 'streamlearner arms baseline'")
				}
				return a, nil
			}
			return o.run(cmd, args[1])
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.force, "force", false, "tell readers without the owner of the partition")
	return cmd
}
