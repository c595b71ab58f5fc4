// Command servers starts a real Kafka and a real redis-server for tests to share. With arguments it runs them as a
// command that finds the servers in KAFKA_BROKERS and REDIS_ADDR, and ends with its exit code:
//
//	go run ./internal/testbed/servers go test ./...
//
// Without arguments it writes these variables, as shell assignments, to standard output and serves until it is
// interrupted. Servers that the environment already names are used and left alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/streamlearner/streamlearner/internal/testbed"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
	}
	os.Exit(code)
}

func run(command []string) (int, error) {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()

	env, stop, err := start()
	defer stop()
	if err != nil {
		return 1, err
	}
	if len(command) > 0 {
		return runCommand(ctx, command, env)
	}
	fmt.Println(strings.Join(env, "\n"))
	<-ctx.Done()
	return 0, nil
}

// start starts what the environment does not name. stop is never nil and ends what was started.
func start() (env []string, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	brokers, addr := os.Getenv(testbed.KafkaEnv), os.Getenv(testbed.RedisEnv)
	if brokers == "" {
		k, err := testbed.StartKafka()
		if err != nil {
			return nil, stop, err
		}
		stops = append(stops, k.Stop)
		brokers = strings.Join(k.Brokers, ",")
	}
	if addr == "" {
		r, err := testbed.StartRedis()
		if err != nil {
			return nil, stop, err
		}
		stops = append(stops, r.Stop)
		addr = r.Addr
	}
	return []string{testbed.KafkaEnv + "=" + brokers, testbed.RedisEnv + "=" + addr}, stop, nil
}

// runCommand waits for the command. When ctx ends, by an interrupt or a request to terminate, the command is interrupted
// and waited for, so that the servers outlive it.
func runCommand(ctx context.Context, command, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run %s: %w", command[0], err)
	}
	return 0, nil
}
