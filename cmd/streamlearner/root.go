package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a check or an operation failed
	exitUsage  = 2 // bad usage or configuration
)

// program is what a process is given.
type program struct {
	in       io.Reader
	out, err io.Writer
}

// run executes a command line and returns the exit code.
func (p program) run(ctx context.Context, args []string) int {
	begun := false
	root := rootCommand(&begun)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var silent silentError
	if !errors.As(err, &silent) {
		fmt.Fprintf(p.err, "streamlearner: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nstreamlearner: "))
	}
	if !begun {
		fmt.Fprintf(p.err, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var bad badUsage
	var faults configs.Errors
	if errors.As(err, &bad) || errors.As(err, &faults) {
		return exitUsage
	}
	return exitFailed
}

// badUsage marks an error of the command line or the configuration.
type badUsage struct{ error }

func (e badUsage) Unwrap() error { return e.error }

// usageError makes the program exit with the code of bad usage.
func usageError(err error) error { return badUsage{err} }

// silentError is an error that has been shown already.
type silentError struct{ error }

func (e silentError) Unwrap() error { return e.error }

// rootCommand returns the command tree. It sets begun once a command has
// accepted its arguments: errors before that are errors of usage.
func rootCommand(begun *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "streamlearner",
		Short: "Guarded online learning beside Kafka and Redis",
		Long: `streamlearner consumes labelled events from Kafka, trains online SGD and bandit
models, one per partition, watches their gradients, and publishes parameters to
Redis for services to read. When a gradient statistic says that the stream has
gone wrong it freezes the learner and restores the last good version.

Exit codes: 0 ok, 1 a check or an operation failed, 2 bad usage or configuration.
With --json a command prints exactly one JSON document on standard output; logs
and progress go to standard error.`,
		Example: `  streamlearner demo
  streamlearner replay --label class --format csv --set learner.loss=logistic events.csv
  streamlearner run -c configs/fraud.yaml`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(
		demoCommand(), sandboxCommand(), runCommand(), validateCommand(), loadCommand(), generateCommand(), replayCommand(), driftCommand(), opeCommand(),
		snapshotCommand(), guardCommand(), auditCommand(), freezeCommand(), unfreezeCommand(), promoteCommand(), armsCommand(), policyCommand(), seekCommand(), scoreCommand(), versionCommand(),
	)
	markBegin(root, begun)
	return root
}

// markBegin makes every command say that it has begun. A command that only has
// sub-commands refuses arguments that are none of them.
func markBegin(c *cobra.Command, begun *bool) {
	for _, sub := range c.Commands() {
		markBegin(sub, begun)
	}
	if run := c.RunE; run != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			*begun = true
			return run(cmd, args)
		}
		return
	}
	c.SuggestionsMinimumDistance = 2
	c.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
		}
		return err
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// loadConfig reads the configuration of a command: file, environment, flags.
func loadConfig(file string, set []string) (*configs.Config, error) {
	return configs.Load(configs.Input{File: file, Env: os.Environ(), Set: set})
}
