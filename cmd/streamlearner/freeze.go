package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func freezeCommand() *cobra.Command {
	cmd, _ := operatorCommand(learner.CommandFreeze, "Freeze learners: restore and serve the last good version", `Freeze the learner of a partition, or of all partitions of a model. The last good
version is restored and stays the one that is served until an operator unfreezes
the learner; automation never does. Events are still consumed.`, "label feed is broken, ticket 4711")
	return cmd
}

func unfreezeCommand() *cobra.Command {
	cmd, o := operatorCommand(learner.CommandUnfreeze, "Let frozen learners learn again", `Let the frozen learner of a partition, or of all partitions of a model, learn
again. It resumes from the last good version.

With --challenger it does not: what the learner has learned aside since the
freeze goes on probation, and becomes the live model if it does no worse than the
last good version over guard.probation_events. Use it when you know that the stream
has changed for good; else the detector, which compares with the time before, will
freeze the learner again.`, "the label feed is repaired")
	challenger := false
	cmd.Flags().BoolVar(&challenger, "challenger", false, "put the challenger on probation instead of going back to the last good version")
	o.args = func(context.Context, *redis.Store, state.Key) (state.Args, error) {
		return state.Args{Challenger: challenger}, nil
	}
	cmd.Example += "\n  streamlearner unfreeze fraud/3 --challenger --why \"new tariff since Monday\""
	return cmd
}

func operatorCommand(kind, short, long, why string) (*cobra.Command, *order) {
	o := &order{kind: kind}
	cmd := &cobra.Command{
		Use:   kind + " MODEL[/PARTITION] --why TEXT",
		Short: short,
		Long:  long + orderHelp,
		Example: fmt.Sprintf(`  streamlearner %[1]s fraud/3 --why "%[2]s"
  streamlearner %[1]s fraud -c configs/fraud.yaml --why "load test" --json`, kind, why),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	o.flags(cmd)
	return cmd, o
}
