package main

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/tune"
)

const tuningHelp = `With --grid, --random or --config-set many configurations run over one pass of the
events, every event decoded once, and a table ranks them by their progressive
loss. Every one has the parameters that a replay of it alone would have.
--halving drops the worse half after --rung events, after twice as many, and so
on. --race drops a configuration once it is worse than the best one beyond doubt:
the best one is dropped with probability --alpha at most. docs/replay.md says more.

--gate compares a candidate with the current configuration on the same events,
and exits with code 1 when the candidate's progressive loss is worse by more than
--margin, as a share of the current loss, beyond doubt.

--plot draws the loss in windows of events, with freezes marked.`

// tuning is what to try, and what to drop on the way.
type tuning struct {
	search  tune.Search
	listed  string // file of configurations
	by      string // criterion
	halving bool
	rung    uint64
	race    bool
	alpha   float64
}

// maxConfigurations bounds the models in memory.
const maxConfigurations = 1000

func (t *tuning) flags(f *pflag.FlagSet) {
	t.search.Maximum = maxConfigurations
	f.StringArrayVar(&t.search.Grid, "grid", nil, "values to try, as in learner.rate=0.1,0.3,1; every combination (repeatable)")
	f.IntVar(&t.search.Random, "random", 0, "number of configurations to draw at random")
	f.StringArrayVar(&t.search.Sample, "sample", nil, "what to draw from: key=log:LOW..HIGH, lin:, int:, or values (repeatable)")
	f.Uint64Var(&t.search.Seed, "seed", 1, "seed of --random")
	f.StringVar(&t.listed, "config-set", "", "file with a configuration a line, as in learner.rate=0.3 learner.bits=20")
	f.StringVar(&t.by, "by", "auto", "compare by loss, log_loss, error, squared_error or absolute_error; auto is loss when all have the same")
	f.BoolVar(&t.halving, "halving", false, "drop the worse half at every rung")
	f.Uint64Var(&t.rung, "rung", 1000, "events to the first rung; every other is twice as far")
	f.BoolVar(&t.race, "race", false, "drop what is worse than the best beyond doubt")
	f.Float64Var(&t.alpha, "alpha", 0.05, "probability of an error that --race or --gate allows")
}

// on reports whether more than one configuration is asked for.
func (t *tuning) on() bool {
	return len(t.search.Grid)+len(t.search.Sample) > 0 || t.search.Random != 0 || t.listed != ""
}

// searchFlags and dropFlags are the flags that mean something only with others.
var (
	searchFlags = [...]string{"grid", "random", "sample", "seed", "config-set", "halving", "rung", "race"}
	dropFlags   = [...]string{"by", "halving", "rung", "race", "alpha", "seed"}
)

func (t *tuning) check(f *pflag.FlagSet) error {
	switch {
	case !t.on():
		return needs(f, "configurations to try: --grid, --random or --config-set", dropFlags[:]...)
	case f.Changed("rung") && !t.halving:
		return errors.New("--rung: needs --halving")
	case f.Changed("alpha") && !t.race:
		return errors.New("--alpha: needs --race or --gate")
	case t.rung == 0:
		return errors.New("--rung 0: must be at least 1 event")
	}
	return checkAlpha(t.alpha)
}

func checkAlpha(alpha float64) error {
	if !(alpha > 0 && alpha < 1) {
		return fmt.Errorf("--alpha %v: must be a probability above 0 and below 1", alpha)
	}
	return nil
}

// options are those of the pass.
func (t *tuning) options() tune.Options {
	var o tune.Options
	if t.halving {
		o.Rung = t.rung
	}
	if t.race {
		o.Alpha = t.alpha
	}
	return o
}

// sets returns the settings of every configuration.
func (t *tuning) sets() ([][]string, error) {
	if t.listed != "" {
		var err error
		if t.search.Listed, err = readSets(t.listed); err != nil {
			return nil, err
		}
	}
	return t.search.Sets()
}

// readSets reads a configuration a line. Blank lines and those that begin
// with # are skipped.
func readSets(path string) (_ [][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--config-set: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var out [][]string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		set := strings.Fields(line)
		for _, s := range set {
			if !strings.Contains(s, "=") {
				return nil, fmt.Errorf("--config-set %s:%d: %q: must be key=value, with blanks only between settings", path, n, s)
			}
		}
		out = append(out, set)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("--config-set %s: %w", path, err)
	}
	return out, nil
}

// trial is one configuration that is tried.
type trial struct {
	set   []string // what was asked for beside --set
	model configs.Model
}

// trials returns the configurations, without those that are equal to an earlier one.
func (in *replayInput) trials(s *replaySource, base configs.Model, log *slog.Logger) ([]trial, error) {
	sets, err := in.tuning.sets()
	if err != nil {
		return nil, err
	}
	var out []trial
	seen := map[string]bool{}
	for i, set := range sets {
		if i > 0 {
			log = slog.New(slog.DiscardHandler) // the first one has said it
		}
		m, err := in.complete(s.files, base, append(slices.Clone(in.set), set...), log)
		if err != nil {
			return nil, fmt.Errorf("configuration %q: %w", strings.Join(set, " "), err)
		}
		if key := m.Settings(); !seen[key] {
			seen[key] = true
			out = append(out, trial{set, m})
		}
	}
	return out, nil
}

// pass runs the configurations over one pass of the events.
func (in *replayInput) pass(cmd *cobra.Command, s *replaySource, models []configs.Model, o tune.Options) (*tune.Results, time.Duration, error) {
	candidates, err := candidatesOf(models)
	if err != nil {
		return nil, 0, usageError(err)
	}
	records := newRecordReader(s.files, cmd.ErrOrStderr())
	defer records.close()
	begin := time.Now()
	results, err := tune.Run(records.next, candidates, o)
	return results, time.Since(begin), err
}

// candidatesOf returns what learns with the settings of these models.
func candidatesOf(models []configs.Model) ([]tune.Candidate, error) {
	candidates := make([]tune.Candidate, len(models))
	for i, m := range models {
		if m.Source.Join.On() {
			return nil, errors.New("source.join.window: decisions and rewards are joined in one replay at a time: " +
				"several settings cannot be compared with a join (--grid, --random, --gate, guard replay)")
		}
		cfg, err := m.LearnerConfig(programVersion())
		if err != nil {
			return nil, err
		}
		candidates[i] = tune.Candidate{Learner: cfg, Task: catalog.Task(m.Learner), Points: m.Points()}
	}
	return candidates, nil
}

// runTuning ranks many configurations.
func (in *replayInput) runTuning(cmd *cobra.Command, log *slog.Logger) error {
	name, base, err := in.baseModel()
	if err != nil {
		return usageError(err)
	}
	s := &replaySource{name: name}
	if s.files, err = openAll(in.files, cmd.InOrStdin(), in.options); err != nil {
		return usageError(err)
	}
	defer s.close()
	trials, err := in.trials(s, base, log)
	if err != nil {
		return usageError(err)
	}
	models := make([]configs.Model, len(trials))
	for i := range trials {
		models[i] = trials[i].model
	}
	by, criterion, err := chooseCriterion(in.tuning.by, models, log)
	if err != nil {
		return usageError(err)
	}
	o := in.tuning.options()
	o.Criterion = criterion
	results, elapsed, err := in.pass(cmd, s, models, o)
	if err != nil {
		return err
	}
	report := newTuneReport(s, trials, results, by, elapsed)
	if err := in.draw(report.figure(), report.drawn(results)); err != nil {
		return err
	}
	return report.show(cmd, in.asJSON)
}

// chooseCriterion returns what the configurations are compared by, or why they
// cannot be compared.
func chooseCriterion(by string, models []configs.Model, log *slog.Logger) (string, tune.Criterion, error) {
	first := &models[0]
	task, same := catalog.Task(first.Learner), true
	for i := range models {
		m := &models[i]
		switch {
		case m.Source.Label != first.Source.Label || m.Source.Weight != first.Source.Weight ||
			!slices.Equal(m.Source.Classes, first.Source.Classes) || !slices.Equal(m.Source.ClassWeights, first.Source.ClassWeights):
			return "", nil, errors.New("source.label, source.weight, source.classes and source.class_weights: " +
				"must be the same in all configurations, whose losses are not comparable otherwise")
		case catalog.Task(m.Learner) != task:
			return "", nil, fmt.Errorf("learner.loss: %s is for %s and %s for %s: their losses are not comparable",
				lossName(&first.Learner), task, lossName(&m.Learner), catalog.Task(m.Learner))
		}
		a, b := &first.Learner, &m.Learner
		same = same && lossName(a) == lossName(b) && a.Tau == b.Tau && a.Delta == b.Delta
	}
	if by == "auto" {
		if by = "loss"; !same {
			by = tune.Criteria(task)[1]
			log.Info("the configurations have different losses and are compared by another figure; --by sets it", "by", by)
		}
	}
	criterion, err := tune.CriterionOf(by, task)
	if err != nil {
		return "", nil, fmt.Errorf("--by %w", err)
	}
	if by == "loss" && !same {
		return "", nil, fmt.Errorf("--by loss: the configurations have different losses; compare by %s", strings.Join(tune.Criteria(task)[1:], " or "))
	}
	return by, criterion, nil
}
