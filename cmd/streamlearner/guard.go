package main

import "github.com/spf13/cobra"

func guardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "guard",
		Short: "Look at the guard of a partition, and try its settings on recorded events",
		Long: `Look at the guard of a partition: what it watches, what moved before its last alarms,
and what an operator can do; or run recorded events again with other settings of the
guard and see what would have happened. docs/guard.md says how the guard works.`,
		Example: `  streamlearner guard show fraud/3 -c configs/fraud.yaml
  streamlearner guard replay -c configs/fraud.yaml --set guard.false_freeze_every=10000 yesterday.jsonl.zst`,
	}
	cmd.AddCommand(guardShowCommand(), guardReplayCommand())
	return cmd
}
