// Command table compares all optimizers on public data sets by `streamlearner
// replay`, and writes docs/optimizers.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"github.com/streamlearner/streamlearner/internal/optimizers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	data := flag.String("data", "../shared/data", "directory of the data sets")
	program := flag.String("program", "bin/streamlearner", "the program whose replay is asked")
	out := flag.String("out", "docs/optimizers.md", "document to write")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Compare all optimizers on all data sets and write the document.

Examples:
  go run ./internal/optimizers/table
  go run ./internal/optimizers/table -data ~/data -out /dev/stdout

Flags:
`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("%q: takes flags only", flag.Args())
	}
	replay := replayOf(ctx, *program)
	sets := optimizers.Sets()
	bar := progressbar.NewOptions(len(sets), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish(),
		progressbar.OptionFullWidth(), progressbar.OptionSetVisibility(isatty.IsTerminal(os.Stderr.Fd())))
	var results []optimizers.Result
	for _, s := range sets {
		bar.Describe(s.Name)
		r, err := optimizers.Measure(replay, *data, s)
		if err != nil {
			return errors.Join(bar.Exit(), err)
		}
		results = append(results, r)
		if err := bar.Add(1); err != nil {
			return err
		}
	}
	parities, err := optimizers.Parities(replay, *data)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := optimizers.Write(&b, results, parities); err != nil {
		return err
	}
	return os.WriteFile(*out, b.Bytes(), 0o644)
}

// replayOf returns the replay of a program.
func replayOf(ctx context.Context, program string) optimizers.Replay {
	return func(args ...string) ([]byte, error) {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, program, append([]string{"replay"}, args...)...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, stderr.String())
		}
		return stdout.Bytes(), nil
	}
}
