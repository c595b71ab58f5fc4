package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// untilInterrupted ends at the first SIGINT or SIGTERM. A second one ends the
// process at once.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // give the signals back their default meaning
	return ctx, stop
}

func runCommand() *cobra.Command {
	var file string
	var set []string
	var init bool
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run the daemon",
		Long: `Run the daemon: consume the configured topics, learn, guard, and publish to Redis.

On SIGTERM or SIGINT it saves every partition, hands them over and ends; a
second signal ends it at once, which loses nothing: a restart resumes from the
last save. Any number of processes may run with the same configuration; they
share the partitions.`,
		Example: `  streamlearner run -c configs/fraud.yaml
  streamlearner run -c configs/fraud.yaml --set models.fraud.learner.rate=0.3
  STREAMLEARNER_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092 streamlearner run -c configs/fraud.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, set)
			if err != nil {
				return err
			}
			if len(cfg.Models) == 0 {
				return usageError(errors.New("models: none configured: there is nothing to learn; see configs/streamlearner.yaml"))
			}
			log := newLogger(cmd.ErrOrStderr(), cfg.Log)
			d, err := newDaemon(cfg, log, init)
			if err != nil {
				return usageError(err)
			}
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			log.Info("streamlearner starts", "version", programVersion(), "models", len(cfg.Models))
			if err := d.Run(ctx); err != nil {
				return err
			}
			log.Info("streamlearner ends: all is saved")
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file")
	cmd.Flags().StringArrayVar(&set, "set", nil, "override one key, as in kafka.group=test (repeatable)")
	cmd.Flags().BoolVar(&init, "init", false, "let partitions begin anew although their group has consumed before (Redis has lost its data), "+
		"go on where Kafka has deleted the next records, and begin at partitions that were added to the topic")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err)
	}
	return cmd
}
