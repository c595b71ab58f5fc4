package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

func freezeCommand() *cobra.Command {
	return operatorCommand(learner.CommandFreeze, "Freeze learners: restore and serve the last good version", `Freeze the learner of a partition, or of all partitions of a model. The last good
version is restored and stays the one that is served until an operator unfreezes
the learner; automation never does. Events are still consumed.`)
}

func unfreezeCommand() *cobra.Command {
	return operatorCommand(learner.CommandUnfreeze, "Let frozen learners learn again", `Let the frozen learner of a partition, or of all partitions of a model, learn
again. It resumes from the last good version.`)
}

func operatorCommand(kind, short, long string) *cobra.Command {
	o := order{kind: kind}
	cmd := &cobra.Command{
		Use:   kind + " MODEL[/PARTITION] --why TEXT",
		Short: short,
		Long:  long + orderHelp,
		Example: fmt.Sprintf(`  streamlearner %[1]s fraud/3 --why "label feed is broken, ticket 4711"
  streamlearner %[1]s fraud -c configs/fraud.yaml --why "load test" --json`, kind),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	o.flags(cmd)
	return cmd
}
