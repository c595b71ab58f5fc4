package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// order is what an operator wants of some partitions.
type order struct {
	target
	kind, who, why string
	timeout        time.Duration
	force          bool // move readers at once, whether an owner runs or not
	asJSON         bool
	// args says what the order is about at a partition; nil for nothing.
	args func(ctx context.Context, store *redis.Store, k state.Key) (state.Args, error)
}

// answer is what became of an order at one partition.
type answer struct {
	Key     string `json:"partition"`
	ID      string `json:"id"`
	Version uint64 `json:"version,omitempty"` // that the order is about
	Offset  int64  `json:"offset"`            // it took effect before the record at this offset; -1 when it did not
	Forced  bool   `json:"forced,omitempty"`  // readers were moved, but no owner has taken the order yet
	Error   string `json:"error,omitempty"`
}

// orderHelp ends the help of every order.
const orderHelp = `

The order goes into the partition's inbox, where its owner takes it between two
records and saves at once. It is recorded with who gave it and why. The command
waits for that save and says at which offset the order took effect; it fails when
there is no answer in time, though the order stays and is taken later.`

func (o *order) flags(cmd *cobra.Command) {
	o.redisFlags(cmd)
	cmd.Flags().StringVar(&o.why, "why", "", "reason, recorded with the order")
	cmd.Flags().StringVar(&o.who, "who", identity(), "who gives the order; also STREAMLEARNER_WHO")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for the owners")
	jsonFlag(cmd, &o.asJSON)
	if err := cmd.MarkFlagRequired("why"); err != nil {
		panic(err)
	}
}

// run gives the order to the partitions that name means, and shows what became of it.
func (o *order) run(cmd *cobra.Command, name string) error {
	if o.who == "" {
		return usageError(errors.New("--who: must name who gives the order, since the user of this process has no name"))
	}
	store, _, err := o.store()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // all is answered by then
	ks, err := keys(cmd.Context(), store, name)
	if err != nil {
		return err
	}
	answers, err := o.give(cmd.Context(), store, ks)
	if err != nil {
		return err
	}
	return showAnswers(cmd, o.kind, answers, o.asJSON)
}

// give sends the order to every partition and collects the answers.
func (o *order) give(ctx context.Context, store *redis.Store, ks []state.Key) ([]answer, error) {
	commands := make([]state.Command, len(ks))
	id := rand.Text()
	for i, k := range ks {
		commands[i] = state.Command{ID: id, Kind: o.kind, Who: o.who, Why: o.why, At: time.Now().UnixMilli()}
		if o.args == nil {
			continue
		}
		var err error
		if commands[i].Args, err = o.args(ctx, store, k); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
	}
	for i, k := range ks {
		if err := o.send(ctx, store, k, &commands[i]); err != nil {
			return nil, err
		}
	}
	return o.collect(ctx, store, ks, commands)
}

// collect waits for all partitions at once, so that one without an owner takes no time from the others.
func (o *order) collect(ctx context.Context, store state.Operator, ks []state.Key, commands []state.Command) ([]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	out := make([]answer, len(ks))
	g, ctx := errgroup.WithContext(ctx)
	for i, k := range ks {
		g.Go(func() (err error) {
			out[i], err = o.wait(ctx, store, k, &commands[i])
			return err
		})
	}
	return out, g.Wait()
}

// wait returns what became of the order at a partition.
func (o *order) wait(ctx context.Context, store state.Operator, k state.Key, c *state.Command) (answer, error) {
	a := answer{Key: k.String(), ID: c.ID, Version: c.Args.Version, Offset: -1}
	ack, err := await(ctx, store, k, c.ID)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && o.force:
		a.Forced = true
	case errors.Is(err, context.DeadlineExceeded):
		a.Error = o.unanswered()
	case err != nil:
		return a, fmt.Errorf("%s: %w", k, err)
	case ack.Error != "":
		a.Error = ack.Error
	default:
		a.Offset = ack.Offset
	}
	return a, nil
}

func (o *order) send(ctx context.Context, store *redis.Store, k state.Key, c *state.Command) error {
	if !o.force {
		return store.Send(ctx, k, *c)
	}
	current, err := store.Current(ctx, k)
	if err != nil {
		return err
	}
	c.Args.Forced = true
	if c.Kind == learner.CommandPolicy {
		return store.Force(ctx, k, *c, current.WithPolicy(c.Args.Policy))
	}
	kept, err := store.Versions(ctx, k)
	if err != nil {
		return err
	}
	p := state.Pointer{Mode: state.ModeHeld, Policy: current.Policy, Schema: current.Schema}
	for i := range kept {
		if kept[i].Number == c.Args.Version && kept[i].Sum == c.Args.Sum {
			p.Version = kept[i]
		}
	}
	return store.Force(ctx, k, *c, p)
}

func (o *order) unanswered() string {
	text := fmt.Sprintf("no answer in %v: is the owner of the partition running? The order stays in its inbox", o.timeout)
	if o.kind == rollbackKind || o.kind == learner.CommandPolicy {
		text += "; to move readers without it, add --force"
	}
	return text
}

// await asks for the answer to an order until it is there.
func await(ctx context.Context, store state.Operator, k state.Key, id string) (state.Ack, error) {
	tick := time.NewTicker(50 * time.Millisecond)
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

// String tells what became of the order.
func (a *answer) text(kind string) string {
	what := strings.ReplaceAll(kind, "_", " ") // arm_add
	if a.Version > 0 {
		what = fmt.Sprintf("%s of version %d", kind, a.Version)
	}
	switch {
	case a.Error != "":
		return what + " failed: " + a.Error
	case a.Forced:
		return what + ": readers were moved; no owner has taken the order yet, the next one makes it part of its state"
	}
	return fmt.Sprintf("%s took effect at offset %d", what, a.Offset)
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
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", a.Key, a.text(kind)); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%s failed at %d of %d partitions", kind, failed, len(answers))
	}
	return nil
}

// identity is who gives orders unless --who names somebody: the user and the
// machine; empty when the user is unknown.
func identity() string {
	if who := os.Getenv(configs.WhoVariable); who != "" {
		return who
	}
	user := userName()
	if host, err := os.Hostname(); err == nil && user != "" {
		return user + "@" + host
	}
	return user
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
