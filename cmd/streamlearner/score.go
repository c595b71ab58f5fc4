package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// scoreInput is what score is told by its flags.
type scoreInput struct {
	target
	model      string
	key        string
	partition  int32
	partitions int32
	explain    bool
	top        int // features to explain by; 0 for all
}

// scoreReport is the document of score --json.
type scoreReport struct {
	Model      string       `json:"model"`
	Prediction *float64     `json:"prediction,omitempty"`
	Class      *int         `json:"class,omitempty"`   // the decision of a classifier
	Classes    []classScore `json:"classes,omitempty"` // of a model of several
	Choice     *choice      `json:"choice,omitempty"`  // of a bandit
	Version    uint64       `json:"version"`
	Partition  int32        `json:"partition"`
	Age        float64      `json:"age_seconds"` // since the last record that the version has learned
	Mode       string       `json:"mode"`
	Stale      bool         `json:"stale"`

	Explanation *explanationReport `json:"explanation,omitempty"`
}

// choice is an arm, drawn by the bandit's probabilities.
type choice struct {
	Arm  int     `json:"arm"`
	Name string  `json:"name"`
	Prob float64 `json:"probability"`
}

func scoreCommand() *cobra.Command {
	var in scoreInput
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "score [-c FILE] --model M [EVENT]",
		Short: "Score one event with the published model",
		Long: `Score one event, given as the argument or on standard input, with the model that is
published in Redis, and print the prediction with the version that made it. The
event needs no label.

Which fields are features, which one is the key, and the format is published with
the model. With -c the configuration says it instead, with a warning when that
makes other features.

A model of several classes prints the probability of each (of sets of labels those
that are at least 0.5 are predicted), or its cost.

A bandit chooses an arm instead: by the id of the event, so that it repeats, or at
random when the event has none.

--explain divides the score among the features: weight times value of each, in
units of the margin (log-odds of a classifier, else units of the label), which
with the intercept add up to the margin. A numeric field is scaled to standard
deviations from its mean before. Of a model of pairs each pair counts half for
either feature; of several classes it is the linear score of the predicted one.

There is one model per partition. The key of the event chooses it as Kafka's
default partitioner does; --partition chooses it instead.`,
		Example: `  streamlearner score -c configs/fraud.yaml --model fraud '{"card":"4711","amount":12.5}'
  streamlearner score --redis localhost:6379 --model fraud '{"card":"4711","amount":12.5}'
  streamlearner score --redis localhost:6379 --model fraud --partition 0 --json < event.json
  streamlearner score -c configs/fraud.yaml --explain --top 10 '{"card":"4711","amount":12.5}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := in.check(cmd.Flags()); err != nil {
				return usageError(err)
			}
			raw, err := oneEvent(cmd.InOrStdin(), args)
			if err != nil {
				return usageError(err)
			}
			report, err := in.score(cmd, raw)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			return report.print(cmd.OutOrStdout())
		},
	}
	in.redisFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.model, "model", "", "name of the model; not needed when the configuration has only one")
	f.StringVar(&in.key, "key", "", "field of the key; default: that of the configuration, or else the published one")
	f.Int32Var(&in.partition, "partition", -1, "score with the model of this partition")
	f.Int32Var(&in.partitions, "partitions", 0, "partitions of the topic; default: as many as have a state")
	f.BoolVar(&in.explain, "explain", false, "show what each feature contributes to the score")
	f.IntVar(&in.top, "top", 20, "with --explain: only so many features, largest contribution first; 0 for all")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// oneEvent returns the event of the argument or of standard input.
func oneEvent(stdin io.Reader, args []string) ([]byte, error) {
	raw := []byte(strings.Join(args, ""))
	if len(args) == 0 || args[0] == "-" {
		var err error
		if raw, err = io.ReadAll(stdin); err != nil {
			return nil, fmt.Errorf("reading the event: %w", err)
		}
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return nil, errors.New("the event is empty: give it as the argument or on standard input")
	}
	return raw, nil
}

// settings returns the model's name and the configured layout of its records,
// nil when no model is configured.
func (in *scoreInput) settings(cfg *configs.Config) (string, *event.Layout, error) {
	names := cfg.Names()
	name := in.model
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if name == "" {
		return "", nil, errors.New("--model: must name the model" + oneOfNames(names))
	}
	m, ok := cfg.Models[name]
	switch {
	case ok:
		l := m.Layout()
		return name, &l, nil
	case len(names) > 0:
		return "", nil, fmt.Errorf("--model %q: is not configured%s", name, oneOfNames(names))
	}
	return name, nil, nil
}

func oneOfNames(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": one of " + strings.Join(names, ", ")
}

func (in *scoreInput) score(cmd *cobra.Command, raw []byte) (*scoreReport, error) {
	cfg, err := in.config()
	if err != nil {
		return nil, err
	}
	name, layout, err := in.settings(cfg)
	if err != nil {
		return nil, usageError(err)
	}
	o := serve.Options{
		Redis: redisOptions(&cfg.Redis), Model: name, Partitions: in.partitions, Logger: newLogger(cmd.ErrOrStderr(), cfg.Log),
	}
	if layout != nil {
		o.Schema = layout.Schema
	}
	client, err := serve.Open(cmd.Context(), o)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }() // only read
	if layout == nil {
		if layout, err = in.published(client); err != nil {
			return nil, err
		}
	}
	if in.key != "" {
		layout.Key = in.key
	}
	d, err := catalog.Decoder(*layout, false)
	if err != nil {
		return nil, usageError(err)
	}
	named, keeps := d.(event.Named)
	if keeps && in.explain {
		named.KeepNames()
	}
	var e event.Event
	if err := d.Decode(raw, &e); err != nil {
		return nil, fmt.Errorf("the event is refused: %w", err)
	}
	r := &scoreReport{Model: name}
	if err := in.ask(client, &e, r); err != nil {
		return nil, err
	}
	if !in.explain {
		return r, nil
	}
	if r.Choice != nil {
		return nil, usageError(errors.New("--explain: the model is a bandit, whose choices are drawn by probabilities and have no margin"))
	}
	x, err := client.ExplainIn(r.Partition, &e)
	if err != nil {
		return nil, err
	}
	r.Explanation = explanationOf(&x, named.Names(), in.top)
	return r, nil
}

// check refuses flags that do not go together.
func (in *scoreInput) check(f *pflag.FlagSet) error {
	if in.top < 0 {
		return fmt.Errorf("--top %d: must not be negative; 0 shows all features", in.top)
	}
	if in.explain {
		return nil
	}
	return needs(f, "--explain", "top")
}

// published returns the layout that was published with the model of the
// partition that is given, or else of the first one.
func (in *scoreInput) published(client *serve.Client) (*event.Layout, error) {
	served, _ := client.Status()
	for _, s := range served {
		if in.partition >= 0 && s.Partition != in.partition {
			continue
		}
		if len(s.Pointer.Schema) == 0 {
			return nil, usageError(fmt.Errorf("%w: partition %d was published without one: give the configuration with -c FILE", serve.ErrSchema, s.Partition))
		}
		l, err := event.ParseLayout(s.Pointer.Schema)
		return &l, err
	}
	return nil, fmt.Errorf("%w of %s in Redis", serve.ErrNoModel, in.model)
}

// ask scores with the partition that is given, or with that of the key.
func (in *scoreInput) ask(client *serve.Client, e *event.Event, r *scoreReport) error {
	var s serve.Score
	var err error
	if in.partition >= 0 {
		s, err = client.ScoreIn(in.partition, e)
	} else {
		s, err = client.Score(e)
	}
	switch {
	case err == nil:
		r.Prediction = &s.Prediction
		r.from(s.Provenance)
		return r.classes(client, e, &s)
	case errors.Is(err, serve.ErrNoKey):
		return usageError(fmt.Errorf("%w: give --key FIELD, or --partition N", err))
	case !errors.Is(err, serve.ErrKind):
		return err
	case in.partition >= 0:
		return usageError(errors.New("--partition: a bandit is asked by the key of the event"))
	}
	if len(e.ID) == 0 {
		e.ID = strconv.AppendUint(e.ID, rand.Uint64(), 16)
	}
	var d serve.Decision
	if err := client.ChooseEvent(&d, e); err != nil {
		return err
	}
	r.Choice = &choice{d.Arm, d.Name, d.Prob}
	r.Version, r.Partition, r.Age, r.Mode, r.Stale = d.Version, d.Partition, d.Age.Seconds(), d.Learner, d.Stale
	return nil
}

func (r *scoreReport) from(p serve.Provenance) {
	r.Version, r.Partition, r.Age, r.Mode, r.Stale = p.Version, p.Partition, p.Age.Seconds(), p.Mode, p.Stale
}

func (r *scoreReport) print(w io.Writer) error {
	stale := ""
	if r.Stale {
		stale = ", stale"
	}
	var what string
	switch {
	case r.Classes != nil:
		if err := r.printClasses(w); err != nil {
			return err
		}
		what = r.decision()
	case r.Prediction != nil:
		what = fmt.Sprintf("%.6g", *r.Prediction)
	default:
		what = fmt.Sprintf("arm %d %s, probability %.6g", r.Choice.Arm, r.Choice.Name, r.Choice.Prob)
	}
	_, err := fmt.Fprintf(w, "%s\nmodel %s/%d, version %d, %s old%s, learner %s\n", what, r.Model, r.Partition, r.Version, seconds(r.Age), stale, r.Mode)
	if err != nil || r.Explanation == nil {
		return err
	}
	return r.Explanation.print(w)
}
