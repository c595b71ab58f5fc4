package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/internal/picture"
	"github.com/streamlearner/streamlearner/internal/tune"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// guardReplay is what guard replay is told by its flags.
type guardReplay struct {
	in       replayInput // its settings are those of no column
	columns  []string    // settings of each further column
	from, to int64
	untaught bool
	asJSON   bool
}

const guardReplayHelp = `Run recorded events again, once with the settings as they are and once with each --set,
and print side by side what the guard would have done: freezes with what moved before
them, ways back, the share of time frozen, and the losses of the learning and of the
served model.

Every --set is a column of its own; several settings of one column stand in one --set
with blanks between them. They are those of the guard and of snapshots: how learners
compare that learn differently is what replay --grid is for.

The events come from files, from which every column learns from the beginning, as in
replay. With --model MODEL/PARTITION instead of files they come from Kafka: a column
begins with the state of the newest kept version at or before --from-offset, with the
settings of then, and goes on to --to-offset. A state can go on under other thresholds
and another way back, but not with another guard.block or guard.window; for these begin
with an untaught model (--untaught). Operators' commands of then are left out of all
columns. It only reads.`

func guardReplayCommand() *cobra.Command {
	var g guardReplay
	cmd := &cobra.Command{
		Use:   "replay [-c FILE] (FILE... | --model MODEL/PARTITION) [--set SETTINGS]...",
		Short: "Try other settings of the guard on recorded events",
		Long:  guardReplayHelp,
		Example: `  streamlearner guard replay -c configs/fraud.yaml --model fraud yesterday.jsonl.zst \
      --set guard.false_freeze_every=10000 --set "guard.block=100 guard.window=20000"
  streamlearner guard replay --label class --set guard.recovery=manual --plot freezes.svg events.csv
  streamlearner guard replay -c configs/fraud.yaml --model fraud/3 --from-offset 120000 \
      --to-offset 180000 --set guard.false_freeze_every=1000000 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			g.in.files = args
			return g.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&g.in.file, "config", "c", "", "configuration file to take a model from")
	f.StringVar(&g.in.model, "model", "", "name of the model, for files; MODEL/PARTITION to read from Kafka")
	f.StringVar(&g.in.label, "label", "", "field to predict, for files; last is the last column")
	f.StringVar(&g.in.options.Format, "format", "auto", formatHelp)
	f.StringVar(&g.in.options.Header, "header", "auto", "csv: whether the first row names the columns: auto, yes or no")
	f.StringArrayVar(&g.columns, "set", nil, "settings of one more column, as in guard.false_freeze_every=10000 (repeatable)")
	f.Int64Var(&g.from, "from-offset", 0, "from Kafka: begin with the state at or before this offset (default: the oldest kept version)")
	f.Int64Var(&g.to, "to-offset", 0, "from Kafka: end before the record at this offset (default: where the learner stands)")
	f.BoolVar(&g.untaught, "untaught", false, "from Kafka: begin with an untaught model at --from-offset")
	f.StringVar(&g.in.plot, "plot", "", "draw the losses with the freezes to this file, .svg or .png")
	jsonFlag(cmd, &g.asJSON)
	return cmd
}

func (g *guardReplay) check(f *pflag.FlagSet) error {
	if err := picture.Check(g.in.plot); err != nil {
		return err
	}
	for _, column := range g.columns {
		for _, s := range strings.Fields(column) {
			key, _, ok := strings.Cut(s, "=")
			if !ok {
				return fmt.Errorf("--set %q: %q must be key=value, with blanks only between settings", column, s)
			}
			if !strings.HasPrefix(key, "guard.") && !strings.HasPrefix(key, "snapshot.") {
				return fmt.Errorf("--set %q: %s is no setting of the guard; streamlearner replay --grid compares what learners are made of", column, key)
			}
		}
	}
	if len(g.in.files) > 0 {
		return needs(f, "--model MODEL/PARTITION and no files", "from-offset", "to-offset", "untaught")
	}
	if !strings.Contains(g.in.model, "/") {
		return errors.New("name files to read events from, or a partition by --model MODEL/PARTITION to read them from Kafka")
	}
	if err := needs(f, "files: from Kafka it is what the model was made with", "label", "format", "header"); err != nil {
		return err
	}
	switch {
	case g.in.file == "":
		return errors.New("reading from Kafka needs -c FILE, which says where Kafka and Redis are")
	case g.untaught && !f.Changed("from-offset"):
		return errors.New("--untaught: needs --from-offset, where it is to begin")
	case g.from < 0 || g.to < 0:
		return fmt.Errorf("--from-offset %d, --to-offset %d: must not be negative", g.from, g.to)
	}
	return nil
}

// course is what is run again: where it is read from and what learns from it.
type course struct {
	title  string // for the plot
	report guardComparison
	models []configs.Model // of the columns
	next   func() (learner.Record, error)
	start  func(learner.Config) (*learner.Learner, error) // nil: without history
}

func (g *guardReplay) run(cmd *cobra.Command) error {
	if err := g.check(cmd.Flags()); err != nil {
		return usageError(err)
	}
	if len(g.in.files) == 0 {
		return g.runKafka(cmd)
	}
	return g.runFiles(cmd)
}

// runFiles runs what files have.
func (g *guardReplay) runFiles(cmd *cobra.Command) error {
	log := newLogger(cmd.ErrOrStderr(), configs.Default().Log)
	s, err := g.in.source(cmd.InOrStdin(), log)
	if err != nil {
		return usageError(err)
	}
	defer s.close()
	c := course{title: g.in.title(), report: guardComparison{Model: s.name, Files: s.names()}}
	if c.models, err = g.models(s.model); err != nil {
		return usageError(err)
	}
	records := newRecordReader(s.files, cmd.ErrOrStderr())
	defer records.close()
	offset := int64(-1)
	c.next = func() (learner.Record, error) {
		value, err := records.next()
		offset++
		return learner.Record{Offset: offset, LeaderEpoch: -1, Value: value}, err
	}
	return g.compare(cmd, &c)
}

// models are those of the columns; the first is as the settings are.
func (g *guardReplay) models(m configs.Model) ([]configs.Model, error) {
	out := []configs.Model{m}
	for _, column := range g.columns {
		other, err := m.With(strings.Fields(column))
		if err != nil {
			return nil, fmt.Errorf("--set %q: %w", column, err)
		}
		out = append(out, other)
	}
	return out, nil
}

// compare runs a course and prints what the guard did in each column.
func (g *guardReplay) compare(cmd *cobra.Command, c *course) error {
	candidates, err := candidatesOf(c.models)
	if err != nil {
		return usageError(err)
	}
	for i := range candidates {
		candidates[i].Start = c.start
	}
	table, sampler := nameTable(c.models[0]), names.Sampler{Every: namesEvery}
	results, err := tune.RunRecords(func() (learner.Record, error) {
		r, err := c.next()
		if err == nil && sampler.Take() {
			table.Look(r.Value)
		}
		return r, err
	}, candidates, tune.Options{})
	if err != nil {
		return err
	}
	known := table.Names()
	name := func(h state.Hash) (string, bool) {
		s, ok := known[uint64(h)]
		return s, ok
	}
	list := slices.Clone(results.Ranking)
	slices.SortFunc(list, func(a, b tune.Result) int { return a.Candidate - b.Candidate })
	curves := make([]drawn, len(list))
	c.report.Events = results.Events
	for i := range list {
		column := newGuardColumn(&list[i], &c.models[i], name)
		if i > 0 {
			column.Settings = strings.Fields(g.columns[i-1])
		}
		curves[i] = drawn{label: column.title(), account: list[i].Account}
		c.report.Columns = append(c.report.Columns, column)
	}
	if g.in.plot != "" {
		p, legend, err := lossPicture(c.title, figureOf("loss", lossName(&c.models[0].Learner)), curves)
		if err == nil {
			err = picture.Write(g.in.plot, p, legend)
		}
		if err != nil {
			return err
		}
	}
	if g.asJSON {
		return printJSON(cmd.OutOrStdout(), &c.report)
	}
	return c.report.print(cmd.OutOrStdout())
}
