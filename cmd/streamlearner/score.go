package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
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
}

// scoreReport is the document of score --json.
type scoreReport struct {
	Model      string  `json:"model"`
	Prediction float64 `json:"prediction"`
	Version    uint64  `json:"version"`
	Partition  int32   `json:"partition"`
	Age        float64 `json:"age_seconds"` // since the last record that the version has learned
	Mode       string  `json:"mode"`
	Stale      bool    `json:"stale"`
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

The configuration says which fields are features, which one is the key, and the
format. Without -c every field of a JSON event is a feature, as it is for a model
with no settings of its own, apart from the --key.

There is one model per partition. The key of the event chooses it as Kafka's
default partitioner does; --partition chooses it instead.`,
		Example: `  streamlearner score -c configs/fraud.yaml --model fraud '{"card":"4711","amount":12.5}'
  streamlearner score --redis localhost:6379 --model fraud --partition 0 --json < event.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
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
	f.StringVar(&in.key, "key", "", "field of the key; default: that of the configuration")
	f.Int32Var(&in.partition, "partition", -1, "score with the model of this partition")
	f.Int32Var(&in.partitions, "partitions", 0, "partitions of the topic; default: as many as have a state")
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

// settings returns the model's name and settings.
func (in *scoreInput) settings(cfg *configs.Config) (string, configs.Model, error) {
	names := cfg.Names()
	name := in.model
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if name == "" {
		return "", configs.Model{}, errors.New("--model: must name the model" + oneOfNames(names))
	}
	m, ok := cfg.Models[name]
	if !ok {
		if len(names) > 0 {
			return "", m, fmt.Errorf("--model %q: is not configured%s", name, oneOfNames(names))
		}
		m = configs.DefaultModel()
	}
	if in.key != "" {
		m.Source.Key = in.key
	}
	return name, m, nil
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
	name, m, err := in.settings(cfg)
	if err != nil {
		return nil, usageError(err)
	}
	d, err := m.Decoder(false)
	if err != nil {
		return nil, usageError(err)
	}
	var e event.Event
	if err := d.Decode(raw, &e); err != nil {
		return nil, fmt.Errorf("the event is refused: %w", err)
	}
	client, err := serve.Open(cmd.Context(), serve.Options{
		Redis: redisOptions(&cfg.Redis), Model: name, Partitions: in.partitions, Schema: m.Schema(),
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }() // only read
	s, err := in.ask(client, &e)
	if err != nil {
		return nil, err
	}
	return &scoreReport{name, s.Prediction, s.Version, s.Partition, s.Age.Seconds(), s.Mode, s.Stale}, nil
}

// ask scores with the partition that is given, or with that of the key.
func (in *scoreInput) ask(client *serve.Client, e *event.Event) (serve.Score, error) {
	if in.partition >= 0 {
		return client.ScoreIn(in.partition, e)
	}
	s, err := client.Score(e)
	if errors.Is(err, serve.ErrNoKey) {
		return s, usageError(fmt.Errorf("%w: give --key FIELD, or --partition N", err))
	}
	return s, err
}

func (r *scoreReport) print(w io.Writer) error {
	stale := ""
	if r.Stale {
		stale = ", stale"
	}
	age := time.Duration(r.Age * float64(time.Second)).Round(time.Millisecond)
	_, err := fmt.Fprintf(w, "%.6g\nmodel %s/%d, version %d, %s old%s, learner %s\n", r.Prediction, r.Model, r.Partition, r.Version, age, stale, r.Mode)
	return err
}
