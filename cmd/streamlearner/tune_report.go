package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/tune"
)

// tuneReport is the document of replay --json with many configurations. Events
// are counted from 0, and the configurations are in order, the best one first.
type tuneReport struct {
	Model          string                `json:"model"`
	Files          []string              `json:"files"`
	Format         string                `json:"format"`
	Label          string                `json:"label,omitempty"`
	Events         uint64                `json:"events"`
	Criterion      string                `json:"criterion"` // what the configurations are ranked by
	Seconds        float64               `json:"seconds"`
	Rate           float64               `json:"events_per_second"` // of the whole pass
	Configurations []configurationReport `json:"configurations"`
	Best           *configurationReport  `json:"best"`

	keys []string // settings that differ
}

// configurationReport is what came of one configuration.
type configurationReport struct {
	Set          map[string]string `json:"set"` // what it was asked for
	Score        *float64          `json:"score"`
	Loss         *float64          `json:"loss"` // mean progressive loss of the learning model
	LossFunction string            `json:"loss_function,omitempty"`
	Fed          uint64            `json:"events"`
	Learned      uint64            `json:"learned"`
	Rejected     map[string]uint64 `json:"rejected"`
	Metrics      metric.Report     `json:"metrics"`
	Rate         float64           `json:"events_per_second"` // of its learning alone
	Alarms       []tune.Alarm      `json:"alarms"`
	Freezes      []tune.Freeze     `json:"freezes"`
	Mode         string            `json:"mode"`
	Params       string            `json:"params_sha256"`
	DroppedAt    *uint64           `json:"dropped_at"` // events that it was fed; null when it went to the end
	DroppedBy    string            `json:"dropped_by,omitempty"`

	settings string // all of them
	set      []string
}

// newConfigurationReport reports on the result of a trial.
func newConfigurationReport(t *trial, r *tune.Result) configurationReport {
	out := configurationReport{
		Set: map[string]string{}, Score: r.Score, Fed: r.Stats.Fed, Learned: r.Stats.Learned, Rejected: byReason(r.Stats.Rejected),
		Metrics: r.Report, Alarms: r.Account.Alarms, Freezes: r.Account.Freezes, Mode: r.Stats.Mode.String(), Params: r.Params.String(),
		settings: t.model.Settings(), set: t.set,
	}
	for _, s := range t.set {
		key, value, _ := strings.Cut(s, "=")
		out.Set[strings.TrimSpace(key)] = value
	}
	out.Loss, out.Metrics.Loss = out.Metrics.Loss, nil
	out.LossFunction = lossName(&t.model.Learner)
	if s := r.Busy.Seconds(); s > 0 {
		out.Rate = float64(r.Stats.Fed) / s
	}
	if d := r.Dropped; d != nil {
		out.DroppedAt, out.DroppedBy = &d.Event, d.Cause
	}
	return out
}

func newTuneReport(s *replaySource, trials []trial, results *tune.Results, by string, elapsed time.Duration) *tuneReport {
	m := &trials[0].model
	out := &tuneReport{
		Model: s.name, Files: s.names(), Format: m.Source.Format, Label: m.Source.Label,
		Events: results.Events, Criterion: by, Seconds: elapsed.Seconds(),
	}
	if out.Seconds > 0 {
		out.Rate = float64(out.Events) / out.Seconds
	}
	for i := range results.Ranking {
		r := &results.Ranking[i]
		out.Configurations = append(out.Configurations, newConfigurationReport(&trials[r.Candidate], r))
	}
	out.Best = &out.Configurations[0]
	out.keys = out.differing(trials)
	return out
}

// differing returns the settings that are not the same everywhere, in the
// order in which they were asked for. With one configuration it is all of them.
func (r *tuneReport) differing(trials []trial) []string {
	var keys []string
	for i := range trials {
		for _, s := range trials[i].set {
			key, _, _ := strings.Cut(s, "=")
			if key = strings.TrimSpace(key); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	if len(trials) == 1 {
		return keys
	}
	return slices.DeleteFunc(keys, func(key string) bool {
		first := r.Configurations[0].value(key)
		return !slices.ContainsFunc(r.Configurations, func(c configurationReport) bool { return c.value(key) != first })
	})
}

// value is the value of a setting, as it was asked for or else as it is.
func (c *configurationReport) value(key string) string {
	if v, ok := c.Set[key]; ok {
		return v
	}
	for line := range strings.Lines(c.settings) {
		if k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "="); k == key {
			if plain, err := strconv.Unquote(v); err == nil {
				return plain
			}
			return v
		}
	}
	return "-"
}

// name tells a configuration from the others.
func (c *configurationReport) name(keys []string) string {
	parts := make([]string, len(keys))
	for i, key := range keys {
		short := key[strings.LastIndexByte(key, '.')+1:]
		parts[i] = short + "=" + c.value(key)
	}
	return strings.Join(parts, " ")
}

// figure is what the curves show.
func (r *tuneReport) figure() string { return figureOf(r.Criterion, r.Best.LossFunction) }

// figureOf names a criterion in full.
func figureOf(criterion, loss string) string {
	if criterion == "loss" && loss != "" {
		criterion = loss + " loss"
	}
	return "progressive " + strings.ReplaceAll(criterion, "_", " ")
}

// drawn are the curves of all configurations, in order.
func (r *tuneReport) drawn(results *tune.Results) []drawn {
	out := make([]drawn, len(r.Configurations))
	for i := range out {
		c := &r.Configurations[i]
		out[i] = drawn{label: c.name(r.keys), account: results.Ranking[i].Account, dropped: c.DroppedAt != nil}
	}
	return out
}

// show prints the report, and fails when nothing at all was learned.
func (r *tuneReport) show(cmd *cobra.Command, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = r.print(cmd.OutOrStdout())
	}
	if err == nil && r.Events > 0 && r.Best.Learned == 0 {
		return fmt.Errorf("all %d events were refused in every configuration; replay of one of them shows why", r.Events)
	}
	return err
}

// figureColumn is a figure of the table.
type figureColumn struct {
	name string
	of   func(*configurationReport) *float64
}

// figures are the columns of figures: what the ranking goes by, and those
// metrics that the task has.
func (r *tuneReport) figures() []figureColumn {
	columns := []figureColumn{{strings.ReplaceAll(r.Criterion, "_", " "), func(c *configurationReport) *float64 { return c.Score }}}
	for _, f := range []figureColumn{
		{"accuracy", func(c *configurationReport) *float64 { return c.Metrics.Accuracy }},
		{"ROC AUC", func(c *configurationReport) *float64 { return c.Metrics.ROCAUC }},
		{"log loss", func(c *configurationReport) *float64 { return c.Metrics.LogLoss }},
		{"calibration", func(c *configurationReport) *float64 { return c.Metrics.CalibrationError }},
		{"Hamming loss", func(c *configurationReport) *float64 { return c.Metrics.HammingLoss }},
		{"micro F1", func(c *configurationReport) *float64 { return c.Metrics.MicroF1 }},
		{"cost", func(c *configurationReport) *float64 { return c.Metrics.Cost }},
		{"MAE", func(c *configurationReport) *float64 { return c.Metrics.MAE }},
		{"RMSE", func(c *configurationReport) *float64 { return c.Metrics.RMSE }},
		{"mean reward", func(c *configurationReport) *float64 { return c.Metrics.MeanReward }},
	} {
		if f.name != columns[0].name && slices.ContainsFunc(r.Configurations, func(c configurationReport) bool { return f.of(&c) != nil }) {
			columns = append(columns, f)
		}
	}
	return columns
}

// print shows the report to people.
func (r *tuneReport) print(w io.Writer) error {
	figures := r.figures()
	heads := append([]string{"#"}, r.keys...)
	for _, f := range figures {
		heads = append(heads, f.name)
	}
	heads = append(heads, "rejected", "freezes", "events/s", "dropped at")
	t := newTable(heads...)
	aligned := make([]table.ColumnConfig, len(heads))
	for i := range heads {
		aligned[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	aligned[len(heads)-1].Align, aligned[len(heads)-1].AlignHeader = text.AlignLeft, text.AlignLeft
	t.SetColumnConfigs(aligned)
	for i := range r.Configurations {
		t.AppendRow(r.Configurations[i].row(i+1, r.keys, figures))
	}
	_, err := fmt.Fprintf(w, "%s\n%d configurations over %d events in %.3gs, %.0f events/s\nbest: %s\n",
		t.Render(), len(r.Configurations), r.Events, r.Seconds, r.Rate, r.Best.flags())
	return err
}

func (c *configurationReport) row(rank int, keys []string, figures []figureColumn) table.Row {
	row := table.Row{rank}
	for _, key := range keys {
		row = append(row, c.value(key))
	}
	for _, f := range figures {
		cell := "-"
		if v := f.of(c); v != nil {
			cell = fmt.Sprintf("%.5f", *v)
			if *v >= 1000 {
				cell = fmt.Sprintf("%.6g", *v)
			}
		}
		row = append(row, cell)
	}
	dropped := ""
	if c.DroppedAt != nil {
		dropped = fmt.Sprintf("%d by %s", *c.DroppedAt, c.DroppedBy)
	}
	return append(row, c.Fed-c.Learned, len(c.Freezes), fmt.Sprintf("%.0f", c.Rate), dropped)
}

// flags are what to give to replay for this configuration.
func (c *configurationReport) flags() string {
	parts := make([]string, len(c.set))
	for i, s := range c.set {
		parts[i] = "--set " + quoted(s)
	}
	return strings.Join(parts, " ")
}

// quoted makes text one word of a shell.
func quoted(s string) string {
	if !strings.ContainsAny(s, " \t*?;&|<>()$`\\\"'#~") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
