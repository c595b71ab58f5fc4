package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
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

// order is what an operator wants of some partitions.
type order struct {
	target
	kind, who, why string
	timeout        time.Duration
}

// answer is what became of an order at one partition.
type answer struct {
	Key    string `json:"partition"`
	ID     string `json:"id"`
	Offset int64  `json:"offset"` // it took effect before the record at this offset; -1 when it did not
	Error  string `json:"error,omitempty"`
}

func operatorCommand(kind, short, long string) *cobra.Command {
	o := order{kind: kind}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   kind + " MODEL[/PARTITION] --why TEXT",
		Short: short,
		Long: long + `

The order goes into the partition's inbox, where its owner takes it between two
records and saves at once. It is recorded with who gave it and why. The command
waits for that save and says at which offset the order took effect; it fails when
there is no answer in time, though the order stays and is taken later.`,
		Example: fmt.Sprintf(`  streamlearner %[1]s fraud/3 --why "label feed is broken, ticket 4711"
  streamlearner %[1]s fraud -c configs/fraud.yaml --why "load test" --json`, kind),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.who == "" {
				return usageError(errors.New("--who: must name who gives the order, since the user of this process has no name"))
			}
			store, _, err := o.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // all is answered by then
			answers, err := o.give(cmd.Context(), store, args[0])
			if err != nil {
				return err
			}
			return showAnswers(cmd, o.kind, answers, asJSON)
		},
	}
	o.redisFlags(cmd)
	cmd.Flags().StringVar(&o.why, "why", "", "reason, recorded with the order")
	cmd.Flags().StringVar(&o.who, "who", userName(), "who gives the order")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for the owners")
	jsonFlag(cmd, &asJSON)
	if err := cmd.MarkFlagRequired("why"); err != nil {
		panic(err)
	}
	return cmd
}

// give sends the order to every partition that name means and collects the answers.
func (o *order) give(ctx context.Context, store *redis.Store, name string) ([]answer, error) {
	ks, err := keys(ctx, store, name)
	if err != nil {
		return nil, err
	}
	id := rand.Text()
	for _, k := range ks {
		c := state.Command{ID: id, Kind: o.kind, Who: o.who, Why: o.why, At: time.Now().UnixMilli()}
		if err := store.Send(ctx, k, c); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var out []answer
	for _, k := range ks {
		a := answer{Key: k.String(), ID: id, Offset: -1}
		ack, err := await(ctx, store, k, id)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			a.Error = fmt.Sprintf("no answer in %v: is the owner of the partition running? The order stays in its inbox", o.timeout)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", k, err)
		case ack.Error != "":
			a.Error = ack.Error
		default:
			a.Offset = ack.Offset
		}
		out = append(out, a)
	}
	return out, nil
}

// await asks for the answer to an order until it is there.
func await(ctx context.Context, store state.Operator, k state.Key, id string) (state.Ack, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ack, err := store.Ack(ctx, k, id)
		if !errors.Is(err, state.ErrNotFound) {
			if err != nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			return ack, err
		}
		select {
		case <-ctx.Done():
			return state.Ack{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// showAnswers prints the answers and fails when one is a refusal or is missing.
func showAnswers(cmd *cobra.Command, kind string, answers []answer, asJSON bool) error {
	failed := 0
	for _, a := range answers {
		if a.Error != "" {
			failed++
		}
	}
	if asJSON {
		doc := struct {
			Command string   `json:"command"`
			Answers []answer `json:"answers"`
		}{kind, answers}
		if err := printJSON(cmd.OutOrStdout(), doc); err != nil {
			return err
		}
	} else {
		for _, a := range answers {
			what := fmt.Sprintf("%s took effect at offset %d", kind, a.Offset)
			if a.Error != "" {
				what = kind + " failed: " + a.Error
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", a.Key, what); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%s failed at %d of %d partitions", kind, failed, len(answers))
	}
	return nil
}

// userName is the name of the user who runs the program; empty when unknown.
func userName() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
