package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/sandbox"
)

func sandboxCommand() *cobra.Command {
	o := sandbox.Options{}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run only an embedded Kafka broker and Redis server, for development without Docker",
		Long: `Run a Kafka-protocol broker and a Redis-protocol server in this process, on fixed
ports, until interrupted. Topics are created when they are first used. Nothing
is written to disk: all is gone at the end.`,
		Example: `  streamlearner sandbox
  streamlearner load --topic payments --format csv payments.csv     # in another terminal
  streamlearner run -c configs/fraud.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := sandbox.Start(o)
			if err != nil {
				return usageError(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Kafka on %s, Redis on %s. Interrupt to end.\n", s.Brokers()[0], s.RedisAddr())
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			return s.Run(ctx)
		},
	}
	cmd.Flags().IntVar(&o.KafkaPort, "kafka-port", 9092, "port of the broker; 0 for any free one")
	cmd.Flags().IntVar(&o.RedisPort, "redis-port", 6379, "port of the Redis server; 0 for any free one")
	cmd.Flags().IntVar(&o.Partitions, "partitions", 4, "partitions of topics that are created on first use")
	cmd.Flags().DurationVar(&o.Retention, "retention", 0, "drop records older than this; 0 keeps all")
	return cmd
}
