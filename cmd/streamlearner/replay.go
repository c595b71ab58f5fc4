package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/picture"
)

// replayInput is what a replay is told by its flags.
type replayInput struct {
	file, model string // configuration and the model in it; both may be empty
	label       string
	set         []string
	options     dataset.Options
	files       []string
	weights     int    // show so many weights
	plot        string // file to draw the loss curves to; empty for none
	asJSON      bool
	tuning      tuning
	gate        gate
	rebuild     rebuilding

	labels map[string][]string // labels found, by field
}

func replayCommand() *cobra.Command {
	var in replayInput
	cmd := &cobra.Command{
		Use:   "replay [-c FILE --model M] [--label FIELD] FILE...",
		Short: "Learn from files in one pass, or rebuild a served model from Kafka",
		Long: `Run events from files through the same learner and guard as the daemon's, once and
in order, and print the progressive validation: every event is predicted before
it is learned. Nothing is stored, and neither Kafka nor Redis is needed.

Settings come from a configuration (-c FILE --model M) or are the defaults, and
--set changes them; its keys are those of one model, as in learner.rate=0.3 or
features.exclude=a,b. configs/streamlearner.yaml lists them all.

FILE may be compressed by gzip or zstd; - is standard input, from which Parquet
cannot be read. Format, delimiter and header are detected. Without a header columns
are c0, c1, ... and --label last is the last one. libsvm, vw text and vw JSON carry
their own labels.

When neither -c nor --set names a loss it is logistic for two distinct labels and
squared otherwise. With learner.compat=vw it is squared, as in Vowpal Wabbit, and
learner.bits is 24, so that no two features share a weight.
Labels of logistic loss other than 0 and 1, or -1 and 1, must be two: the larger
is the positive class, unless --set source.positive=LABEL names it. Of standard
input only the beginning is looked at for this.

With source.join the records are decisions and their rewards. Several files are read
side by side, by the time of their records. At their end all decisions that are still
open are learned with the rewards that they have; the daemon waits until their windows
have passed. Logs of decisions by Vowpal Wabbit and Azure Personalizer (formats vwcb,
vwadf and dsjson) hold the rewards; without -c a bandit learns from them.

` + tuningHelp + "\n\n" + rebuildHelp,
		Example: `  streamlearner replay --label class --format csv --set learner.loss=logistic events.csv
  streamlearner replay --label last --json electricity.txt.gz
  streamlearner replay --label last --weights 10 electricity.txt.gz
  streamlearner replay --label cnt --set features.exclude=instant,casual,registered bikes.csv
  streamlearner replay -c configs/fraud.yaml --model fraud day-1.jsonl.zst day-2.jsonl.zst
  streamlearner replay --label class --grid learner.rate=0.1,0.3,1 \
      --grid learner.optimizer=nag,adagrad --plot curves.svg events.csv
  streamlearner replay --label class --random 32 --sample learner.rate=log:0.01..3 \
      --seed 7 --halving events.csv
  streamlearner replay --gate -c current.yaml --candidate new.yaml --model fraud \
      --margin 0.005 yesterday.jsonl.zst
  streamlearner replay -c configs/fraud.yaml --model fraud --partition 3 --to current
  streamlearner replay -c configs/fraud.yaml --model fraud --partition 3 --from oldest --to 120
  streamlearner replay -c configs/fraud.yaml --model fraud --partition 3 --from-offset 0`,
		Args: func(cmd *cobra.Command, args []string) error {
			if in.rebuild.on(cmd.Flags()) {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			return in.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.file, "config", "c", "", "configuration file to take a model from")
	f.StringVar(&in.model, "model", "", "name of the model; not needed when the file has only one")
	f.StringVar(&in.label, "label", "", "field to predict; last is the last column")
	f.StringVar(&in.options.Format, "format", "auto", formatHelp)
	f.StringVar(&in.options.Header, "header", "auto", "csv: whether the first row names the columns: auto, yes or no")
	f.StringArrayVar(&in.set, "set", nil, "setting of the model, as in learner.loss=squared (repeatable)")
	f.StringVar(&in.plot, "plot", "", "draw the loss curves to this file, .svg or .png")
	f.IntVar(&in.weights, "weights", 0, "show so many weights of the learned model, those that count most first")
	in.tuning.flags(f)
	in.gate.flags(f)
	in.rebuild.flags(f)
	jsonFlag(cmd, &in.asJSON)
	return cmd
}

// run does what the flags ask for: one configuration, many, or the gate.
func (in *replayInput) run(cmd *cobra.Command) error {
	if in.rebuild.on(cmd.Flags()) {
		return in.runRebuild(cmd)
	}
	log := newLogger(cmd.ErrOrStderr(), configs.Default().Log)
	if err := in.check(cmd); err != nil {
		return usageError(err)
	}
	switch {
	case in.gate.on:
		return in.runGate(cmd, log)
	case in.tuning.on():
		return in.runTuning(cmd, log)
	}
	s, err := in.source(cmd.InOrStdin(), log)
	if err != nil {
		return usageError(err)
	}
	defer s.close()
	r, err := newReplay(s)
	if err != nil {
		return usageError(err)
	}
	if in.weights > 0 {
		if err := r.nameFeatures(); err != nil {
			return usageError(err)
		}
	}
	if err := r.run(cmd.ErrOrStderr()); err != nil {
		return err
	}
	report := r.report()
	report.Weights = r.topWeights(in.weights)
	if err := in.draw(report.figure(), []drawn{{label: s.name, account: r.account}}); err != nil {
		return err
	}
	report.warn(cmd.ErrOrStderr(), s.model.Learner)
	return showReplay(cmd, report, in.asJSON)
}

// check refuses flags that do not go together.
func (in *replayInput) check(cmd *cobra.Command) error {
	if err := picture.Check(in.plot); err != nil {
		return err
	}
	if in.weights < 0 {
		return fmt.Errorf("--weights %d: must not be negative", in.weights)
	}
	if in.weights > 0 && (in.gate.on || in.tuning.on()) {
		return errors.New("--weights: shows the weights of one configuration; leave out --gate and the flags that try several")
	}
	if in.gate.on {
		return in.gate.check(cmd.Flags(), in)
	}
	if err := needs(cmd.Flags(), "--gate", "candidate", "margin"); err != nil {
		return err
	}
	return in.tuning.check(cmd.Flags())
}

// needs refuses flags that are set without another that gives them a meaning.
func needs(f *pflag.FlagSet, other string, names ...string) error {
	for _, name := range names {
		if f.Changed(name) {
			return fmt.Errorf("--%s: needs %s", name, other)
		}
	}
	return nil
}

// showReplay prints a report, and fails when nothing at all was learned.
func showReplay(cmd *cobra.Command, r replayReport, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = r.print(cmd.OutOrStdout())
	}
	if err == nil && r.Events > 0 && r.Learned == 0 {
		return fmt.Errorf("all %d events were refused; the first: %s", r.Events, r.Examples[0].Detail)
	}
	return err
}

// chosen reports whether one of the settings names a key.
func chosen(set []string, key string) bool {
	return slices.ContainsFunc(set, func(s string) bool {
		k, _, _ := strings.Cut(s, "=")
		return strings.TrimSpace(k) == key
	})
}

// baseModel returns the configured model with its name, or the defaults.
func (in *replayInput) baseModel() (string, configs.Model, error) {
	if in.file == "" {
		if in.model != "" {
			return "", configs.Model{}, errors.New("--model needs -c FILE")
		}
		return "replay", configs.DefaultModel(), nil
	}
	cfg, err := loadConfig(in.file, nil)
	if err != nil {
		return "", configs.Model{}, err
	}
	return in.pick(cfg)
}

// pick returns the model that --model names, or the only one.
func (in *replayInput) pick(cfg *configs.Config) (string, configs.Model, error) {
	names := cfg.Names()
	name := in.model
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	m, ok := cfg.Models[name]
	if !ok {
		return "", m, fmt.Errorf("--model %q: must be one of %s", in.model, strings.Join(names, ", "))
	}
	return name, m, nil
}

// warnUnknown says which entries of feature lists are no columns.
func warnUnknown(log *slog.Logger, columns []string, f configs.Features) {
	for _, list := range [][]string{f.Include, f.Exclude, f.Numeric, f.Categorical} {
		for _, entry := range list {
			if !strings.HasSuffix(entry, "*") && !slices.Contains(columns, entry) {
				log.Warn("a listed feature is no column", "entry", entry, "columns", strings.Join(columns, " "))
			}
		}
	}
}
