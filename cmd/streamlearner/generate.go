package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/player"
	"github.com/streamlearner/streamlearner/internal/sim"
)

// generateInput is what generate is told by its flags.
type generateInput struct {
	kind        string
	events      uint64
	seed        uint64
	file, model string
	set         []string
}

// scenes are what generate can make decisions in.
var scenes = []struct {
	kind, about string
	step        int64 // milliseconds between decisions
	make        func(seed uint64) sim.Scene
}{
	{"prices", "one product at one of ten prices; configs/price-ladder.yaml", 1000, func(seed uint64) sim.Scene { return sim.Prices(seed) }},
	{"rollout", "requests served by three versions of a model; configs/canary.yaml", 1000, func(seed uint64) sim.Scene { return sim.Rollout(seed) }},
	{"canary", "the same, with a third version that is slower; configs/canary.yaml", 1000, func(seed uint64) sim.Scene { return sim.Rollout(seed).Slow() }},
	{"fares", "rides at a price of any amount, by city; configs/price-continuous.yaml", 1000, func(seed uint64) sim.Scene { return sim.Fares(seed, sim.FaresCities) }},
	{"content", "articles for readers, both with features; configs/content.yaml", 1000, func(seed uint64) sim.Scene { return sim.Content(seed) }},
	{"bids", "bids in first-price auctions; configs/bids.yaml", 1000, func(seed uint64) sim.Scene { return sim.Bids(seed) }},
	{"control", "a pole balanced on a cart; configs/control.yaml", sim.ControlStep, func(seed uint64) sim.Scene { return sim.Control(seed) }},
}

// kindFraud are events, not decisions.
const kindFraud = "fraud"

// kinds are all that can be generated.
func kinds() (names []string, help string) {
	for _, s := range scenes {
		names = append(names, s.kind)
		help += fmt.Sprintf("\n  %-9s %s", s.kind, s.about)
	}
	help += fmt.Sprintf("\n  %-9s %s", kindFraud, "card payments with labels, no decisions; configs/fraud.yaml")
	return append(names, kindFraud), help
}

func generateCommand() *cobra.Command {
	var in generateInput
	names, help := kinds()
	cmd := &cobra.Command{
		Use:   "generate KIND",
		Short: "Generate a stream to try a configuration with",
		Long: `Write a generated stream to standard output as JSON lines, for replay, load and ope.
The same seed gives the same lines. KIND is one of` + help + `

All but fraud are a service that decides, in a world that it does not know: decisions
are logged at once, and rewards come late and out of order, by the decision's id
(docs/decisions.md). Without -c it chooses uniformly at random. With -c FILE it chooses
as a real service does, by the newest version that the configured model has published
so far, which learns from the very lines that are written.

A table on standard error tells what was earned beside what could have been: by the
uniformly random choice, by the best single arm, and by the best arm of every decision.`,
		Example: `  streamlearner generate prices --events 20000 > prices.jsonl
  streamlearner generate content -c configs/content.yaml --seed 7 > content.jsonl
  streamlearner replay -c configs/content.yaml content.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("name one kind of stream: %s", strings.Join(names, ", "))
			}
			return nil
		},
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.kind = args[0]
			return in.run(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&in.events, "events", 10_000, "decisions, or events of fraud")
	f.Uint64Var(&in.seed, "seed", 1, "seed of the world and of all that happens in it")
	f.StringVarP(&in.file, "config", "c", "", "let a model of this configuration decide")
	f.StringVar(&in.model, "model", "", "the model, when the configuration has several")
	f.StringArrayVar(&in.set, "set", nil, "KEY=VALUE, a setting of the model (repeatable); needs -c")
	return cmd
}

func (in *generateInput) run(stdout, stderr io.Writer) error {
	if in.events == 0 {
		return usageError(fmt.Errorf("--events 0: must be at least 1"))
	}
	if in.file == "" && (in.model != "" || len(in.set) > 0) {
		return usageError(fmt.Errorf("--model and --set: need -c FILE, whose model they are about"))
	}
	out := bufio.NewWriter(stdout)
	emit := func(record []byte) error {
		_, err := out.Write(append(record, '\n'))
		return err
	}
	if in.kind == kindFraud {
		if in.file != "" {
			return usageError(fmt.Errorf("-c %s: fraud has no decisions to make; replay it with that configuration", in.file))
		}
		return in.fraud(emit, out)
	}
	for _, s := range scenes {
		if s.kind == in.kind {
			return in.play(s.make(in.seed), s.step, emit, out, stderr)
		}
	}
	names, _ := kinds()
	return usageError(fmt.Errorf("%q: must be one of %s", in.kind, strings.Join(names, ", ")))
}

func (in *generateInput) fraud(emit func([]byte) error, out *bufio.Writer) error {
	s := sim.Fraud(in.seed)
	var line []byte
	for range in.events {
		line = s.Next(line[:0])
		if err := emit(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// play lets a model, or chance, decide in a scene.
func (in *generateInput) play(scene sim.Scene, step int64, emit func([]byte) error, out *bufio.Writer, stderr io.Writer) error {
	who, decides := "at random", sim.Player(nil)
	var follower *player.Player
	if in.file != "" {
		var err error
		if follower, err = in.follow(scene); err != nil {
			return usageError(err)
		}
		who, decides = in.model, follower
	}
	result, err := sim.NewGame(scene, decides, step, in.seed).Play(in.events, emit)
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if follower != nil {
		fmt.Fprintf(stderr, "%d versions were published; before the first one choices were random\n", follower.Versions())
	}
	_, err = fmt.Fprintln(stderr, earnings(who, scene.Arms(), &result))
	return err
}

// follow makes a learner of the configured model, which decides as it goes.
func (in *generateInput) follow(scene sim.Scene) (*player.Player, error) {
	cfg, err := loadConfig(in.file, nil)
	if err != nil {
		return nil, err
	}
	name, m, err := (&replayInput{model: in.model}).pick(cfg)
	if err != nil {
		return nil, err
	}
	in.model = name
	if m, err = m.With(in.set); err != nil {
		return nil, err
	}
	if values, ok := scene.(sim.ValueScene); ok {
		low, high := values.Interval()
		if b := m.Learner.Bandit; m.Learner.Kind != "bandit" || !b.Continuous() || b.ValueMin != low || b.ValueMax != high {
			return nil, fmt.Errorf("models.%s.learner: kind %s with policy %s: %s needs a bandit with policy cats, value_min %v and value_max %v", name, m.Learner.Kind, b.Policy, in.kind, low, high)
		}
	} else if arms := m.Learner.Bandit.Arms; m.Learner.Kind != "bandit" || !slices.Equal(arms, scene.Arms()) {
		return nil, fmt.Errorf("models.%s.learner: kind %s with the arms %q: %s needs a bandit with the arms %q", name, m.Learner.Kind, arms, in.kind, scene.Arms())
	}
	lc, err := m.LearnerConfig(programVersion())
	if err != nil {
		return nil, err
	}
	service, err := m.LearnerConfig(programVersion()) // decoders have memory of their own
	if err != nil {
		return nil, err
	}
	if lc.Join == nil {
		return nil, fmt.Errorf("models.%s.source.join.window: 0: must be above 0: decisions and rewards are records of their own", name)
	}
	return player.New(lc, service.Join.Records, len(scene.Arms()))
}

// earnings compares what was earned a decision with what could have been.
func earnings(who string, arms []string, r *sim.Result) string {
	t := newTable("reward a decision", "all", "last half")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3)})
	row := func(name string, of func(s *sim.Score) float64) {
		t.AppendRow(table.Row{name, fmt.Sprintf("%.4g", of(&r.All)), fmt.Sprintf("%.4g", of(&r.Late))})
	}
	a := func(sum float64, s *sim.Score) float64 { return sum / float64(s.Rounds) }
	row("earned, choosing "+who, func(s *sim.Score) float64 { return a(s.Earned, s) })
	if r.All.Best != 0 { // else nobody knows what other choices would have come to
		row("expected, choosing "+who, func(s *sim.Score) float64 { return a(s.Chosen, s) })
		row("at random", (*sim.Score).Random)
		best, _ := r.All.Fixed()
		row("always "+arms[best], func(s *sim.Score) float64 { return a(s.Always[best], s) })
		row("the best of every decision", func(s *sim.Score) float64 { return a(s.Best, s) })
	}
	return t.Render()
}
