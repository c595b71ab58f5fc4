package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func seekCommand() *cobra.Command {
	o := order{kind: learner.CommandSeek}
	var to string
	cmd := &cobra.Command{
		Use:   "seek MODEL/PARTITION --to OFFSET --why TEXT",
		Short: "Let a partition go on at another offset of its topic",
		Long: `Let a partition that stands still, because Kafka no longer has the records that
come next, go on at another offset. What it has learned stays. It also leaves out
a range of records that a healthy partition is to skip.

Back it goes only where Kafka has another log than the one that was learned (a
topic made anew, or records lost with their leader): elsewhere records would be
learned twice.` + orderHelp,
		Example: `  streamlearner seek fraud/3 --to start --why "retention was shorter than the outage"
  streamlearner seek fraud/3 --to 48210 -c configs/fraud.yaml --why "records of a test run"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.Contains(args[0], "/") {
				return usageError(errors.New("partitions have offsets of their own: name one, as in fraud/3"))
			}
			a, err := seekArgs(to)
			if err != nil {
				return err
			}
			o.args = func(context.Context, *redis.Store, state.Key) (state.Args, error) { return a, nil }
			return o.run(cmd, args[0])
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "start or end of the log, or the offset of the next record")
	if err := cmd.MarkFlagRequired("to"); err != nil {
		panic(err)
	}
	return cmd
}

// seekArgs reads where a seek leads.
func seekArgs(to string) (state.Args, error) {
	if to == "start" || to == "end" {
		return state.Args{To: to}, nil
	}
	offset, err := strconv.ParseInt(to, 10, 64)
	if err != nil || offset < 0 {
		return state.Args{}, usageError(fmt.Errorf("--to: %q: must be start, end or an offset of at least 0", to))
	}
	return state.Args{To: to, Offset: offset}, nil
}
