package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/picture"
)

// opeInput is what ope is told by its flags.
type opeInput struct {
	target
	model      string // in the configuration
	set        []string
	fields     offpolicy.Fields
	id, time   string
	targetProb string
	policies   []string
	estimators []string
	arms       []string
	rewards    string // specification of the model of rewards; empty for the default
	folds      int
	bounds     []float64 // of the rewards; empty for those of the settings
	alpha      float64
	weights    ope.Config
	options    dataset.Options
	files      []string
	plot       string
	asJSON     bool

	changed func(flag string) bool
}

const opeHelp = `Estimate from a log of decisions what other policies would have earned: off-policy
evaluation. A row holds the action that was taken, the probability with which the
logging policy took it (the propensity), and the reward. Files are JSON lines, CSV or
Parquet, or decisions as Vowpal Wabbit and Azure Personalizer log them (docs/formats.md);
they may be compressed by gzip or zstd; - is standard input.

A candidate is --policy [NAME=]KIND:
  column:F       probabilities that the log holds in the field F: that of the logged
                 action, or those of all actions as an array, an object by name, or
                 with F as p_* one field for each action. --target-prob F is the same
  uniform        every action alike
  always:ARM     one action; where it is not eligible, every other alike
  model:M/P[@V]  the bandit that is published in Redis for the partition P of the
                 model M, or its version V (a number or a label)
  file:PATH      the bandit in a file of 'snapshot export'
  config[:PATH[#MODEL]]
                 a bandit that starts from nothing and learns from the log as it goes;
                 without PATH that of -c
The logged policy itself is always shown, for comparison.

Estimators: ips, clipped-ips, snips, dm, dr, sndr, switch-dr, dr-os, sg-ips, sg-dr,
cressie-read, replay, or all. docs/ope.md says which to trust when. Those between dm
and dr-os, and sg-dr, need the probabilities of all actions and a model of rewards,
--reward-model:
  ridge          ridge regression of every action on the context (default)
  mean           the mean reward of every action
  column:F       predictions that the log holds for all actions, as above
  config:PATH    the settings of another bandit
The regressions are cross-fitted: a row is predicted by what was learned from others.
--folds 1 predicts each row by the rows before, in one pass.

With -c, or a published candidate, the fields of action, reward and propensity are
those configured there. All other fields are the context; --set features.exclude=F
leaves some out.

Where rewards are records of their own, -c names the model whose source.join says how
they belong to the decisions: they are joined as its learner joins them, with the same
window, reducer and default reward. Decisions and rewards may be mixed in one log, as
generate writes it, or lie in files of their own, which are read side by side by time.
A log that holds decisions with their rewards is read as it is.

Where the bandit of -c, or a candidate, chooses numbers (policy cats), actions are
numbers, propensities and column:F densities, and always:V is an even draw from within
the bandwidth of V. There is no model of rewards then.

A row with a wrong propensity (0, above 1, no number), an unknown action or an
impossible reward is left out for all candidates, counted, and reported.`

func opeCommand() *cobra.Command {
	in := opeInput{weights: ope.Default()}
	cmd := &cobra.Command{
		Use:   "ope --reward F --propensity F --action F --policy SPEC... FILE...",
		Short: "Estimate what other policies would have earned, from logged decisions",
		Long:  opeHelp,
		Example: `  streamlearner ope --reward click --action item --propensity p --policy uniform log.csv.gz
  streamlearner ope --reward click --propensity p --target-prob new_p log.jsonl
  streamlearner ope --reward click --action item --propensity p --policy always:red \
      --policy new=column:pi --estimator ips,snips,dr,cressie-read --json log.parquet
  streamlearner ope -c offers.yaml --policy model:offers/0 \
      --policy before=model:offers/0@117 --plot policies.svg yesterday.jsonl.zst
  streamlearner ope -c offers.yaml --policy uniform decisions.jsonl rewards.jsonl
  streamlearner ope -c offers.yaml --policy config \
      --policy greedy=config:greedy.yaml yesterday.jsonl.zst`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files, in.changed = args, cmd.Flags().Changed
			return in.run(cmd)
		},
	}
	in.redisFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.model, "model", "", "name of the model in the configuration; not needed when it has only one")
	f.StringArrayVar(&in.set, "set", nil, "setting of the model of rewards, as in features.exclude=a,b (repeatable)")
	f.StringVar(&in.fields.Reward, "reward", "", "field of the reward")
	f.StringVar(&in.fields.Action, "action", "", "field of the action")
	f.StringVar(&in.fields.Propensity, "propensity", "", "field of the probability with which the action was taken")
	f.StringVar(&in.fields.Dropped, "drop-prob", "", "field of the probability that such a decision was left out of the log")
	f.StringVar(&in.fields.Eligible, "eligible", "", "field of the actions that could be taken, an array (default all)")
	f.StringVar(&in.id, "id", "", "field of the decision's id, by which Thompson policies draw")
	f.StringVar(&in.time, "time", "", "field of the event time, for candidates that forget")
	f.StringVar(&in.targetProb, "target-prob", "", "field of the candidate's probability; as --policy column:F")
	f.StringArrayVar(&in.policies, "policy", nil, "candidate, [NAME=]KIND[:ARGUMENT], see above (repeatable)")
	f.StringSliceVar(&in.estimators, "estimator", nil, "estimators, or all (default ips,snips,cressie-read, and dr where it can be computed)")
	f.StringSliceVar(&in.arms, "arms", nil, "names of all actions in order (default those configured, or else those in the log)")
	f.StringVar(&in.rewards, "reward-model", "", "model of the rewards: ridge, mean, column:F or config:PATH[#MODEL] (default ridge)")
	f.IntVar(&in.folds, "folds", 5, "folds of the cross-fitted model of rewards; 1: each row by those before it")
	f.Float64SliceVar(&in.bounds, "reward-range", nil, "lowest and highest possible reward, as in -1,1 (default those configured, or 0,1)")
	f.Float64Var(&in.alpha, "alpha", 0.05, "intervals hold the value with probability 1-alpha")
	f.Float64Var(&in.weights.Clip, "clip", in.weights.Clip, "clipped-ips: largest importance weight")
	f.Float64Var(&in.weights.Switch, "switch", in.weights.Switch, "switch-dr: weight above which the model alone is trusted")
	f.Float64Var(&in.weights.Shrinkage, "shrinkage", in.weights.Shrinkage, "dr-os: larger shrinks weights less")
	f.Float64Var(&in.weights.SubGaussian, "sub-gaussian", in.weights.SubGaussian, "sg-ips and sg-dr: 0 leaves weights alone, 1 makes all of them 1")
	f.StringVar(&in.options.Format, "format", "auto", "format of the files: auto, csv, dsjson, json (or jsonl), parquet, vwadf or vwcb")
	f.StringVar(&in.options.Header, "header", "auto", "csv: whether the first row names the columns: auto, yes or no")
	f.StringVar(&in.plot, "plot", "", "draw the estimates with their intervals to this file, .svg or .png")
	jsonFlag(cmd, &in.asJSON)
	return cmd
}

// check refuses flags that mean nothing.
func (in *opeInput) check() error {
	if err := picture.Check(in.plot); err != nil {
		return err
	}
	switch {
	case !(in.alpha > 0 && in.alpha < 1):
		return fmt.Errorf("--alpha %v: must be above 0 and below 1", in.alpha)
	case in.folds < 1 || in.folds > 100:
		return fmt.Errorf("--folds %d: must be from 1 to 100", in.folds)
	case in.bounds != nil && len(in.bounds) != 2:
		return fmt.Errorf("--reward-range %v: must be two numbers, as in 0,1", in.bounds)
	case in.targetProb == "" && len(in.policies) == 0:
		return errors.New("--policy: name at least one candidate, such as --policy uniform, or --target-prob FIELD")
	case in.model != "" && in.file == "":
		return errors.New("--model: needs -c FILE")
	}
	return nil
}

// logModel returns the settings of the log and of the model of rewards: those of the configuration, or the defaults.
func (in *opeInput) logModel() (configs.Model, error) {
	if in.file == "" {
		m := configs.DefaultModel()
		m.Learner.Kind = "bandit"
		return m, nil
	}
	return banditOf(in.file, in.model)
}

// banditOf returns the model of a configuration with that name, or the only one.
func banditOf(path, name string) (configs.Model, error) {
	cfg, err := loadConfig(path, nil)
	if err != nil {
		return configs.Model{}, err
	}
	pick := replayInput{model: name}
	name, m, err := pick.pick(cfg)
	if err == nil && m.Learner.Kind != "bandit" {
		err = fmt.Errorf("%s: models.%s.learner.kind: %s: must be bandit", path, name, m.Learner.Kind)
	}
	return m, err
}

// chosenEstimators parses --estimator. Without the flag there are some that fit; modelled says whether those that need
// predicted rewards do.
func (in *opeInput) chosenEstimators(modelled bool) ([]ope.Estimator, error) {
	names := in.estimators
	switch {
	case len(names) == 1 && names[0] == "all":
		return ope.Estimators(), nil
	case len(names) == 0 && modelled:
		names = []string{"ips", "snips", "dr", "cressie-read"}
	case len(names) == 0:
		names = []string{"ips", "snips", "cressie-read"}
	}
	var out []ope.Estimator
	for _, name := range names {
		k, err := ope.ParseEstimator(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("--estimator: %w", err)
		}
		out = append(out, k)
	}
	return out, nil
}
