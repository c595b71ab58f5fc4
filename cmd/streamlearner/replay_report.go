package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/tune"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// replayReport is the document of replay --json. Events are counted from 0.
type replayReport struct {
	Model        string               `json:"model"`
	Files        []string             `json:"files"`
	Format       string               `json:"format"`
	Label        string               `json:"label,omitempty"`
	Positive     string               `json:"positive,omitempty"`
	LossFunction string               `json:"loss_function,omitempty"`
	Events       uint64               `json:"events"`
	Learned      uint64               `json:"learned"`
	Rejected     map[string]uint64    `json:"rejected"` // by reason
	Examples     []tune.Example       `json:"rejected_examples"`
	Loss         *float64             `json:"loss"`        // mean progressive loss of the learning model
	ServedLoss   *float64             `json:"served_loss"` // the same of the model that is served: the last good one while frozen
	Metrics      metric.Report        `json:"metrics"`
	Rate         float64              `json:"events_per_second"`
	Alarms       []tune.Alarm         `json:"alarms"`
	Freezes      []tune.Freeze        `json:"freezes"`
	Harm         []tune.Harm          `json:"taken_out,omitempty"` // arms of a bandit that did harm
	Mode         string               `json:"mode"`
	Armed        *int64               `json:"guard_armed"` // event at which the guard was first armed; null for never
	Published    uint64               `json:"published"`   // number of the newest proven version; 0 for none
	Params       string               `json:"params_sha256"`
	Descent      descentReport        `json:"descent"`
	Join         *joinReport          `json:"join,omitempty"`
	Inputs       *inputsReport        `json:"inputs"`         // null when nothing is looked at
	Warnings     []state.InputWarning `json:"input_warnings"` // the first of them; those that are over have an entry of their own
	occupancyReport
	Weights *weightsReport `json:"weights,omitempty"`

	Evaluations []learner.EvaluationStats `json:"evaluations,omitempty"` // candidate policies of a bandit
	Arms        []armState                `json:"arms,omitempty"`        // of a bandit
	alpha       float64                   // of their intervals

	points metric.Points
}

func (r *replay) report() replayReport {
	m := &r.source.model
	stats := r.learner.Stats()
	out := replayReport{
		Model: r.source.name, Format: m.Source.Format, Label: m.Source.Label, Positive: m.Source.Positive,
		Events: stats.Fed, Learned: stats.Learned, Rejected: byReason(stats.Rejected), Examples: r.account.Examples,
		points: r.account.Metrics.Points(), Metrics: r.account.Metrics.Report(), Alarms: r.account.Alarms, Freezes: r.account.Freezes, Harm: r.account.Harm,
		Mode: stats.Mode.String(), Armed: r.account.Armed, Published: stats.Published, Params: r.learner.Params().String(),
	}
	if o, ok := r.learner.Occupancy(); ok {
		out.occupancyReport = newOccupancyReport(o)
	}
	out.Files = r.source.names()
	out.Evaluations, out.alpha = r.learner.Evaluations(), m.Evaluate.Alpha
	out.Arms = armsOf(stats.Arms, r.learner.Judge())
	out.Descent, out.Join = descentOf(&stats.Descent), joinOf(stats.Join)
	out.Inputs, out.Warnings = inputsOf(stats.Inputs, stats.Warned), r.account.Warnings
	out.LossFunction = lossName(&m.Learner)
	out.Loss, out.Metrics.Loss = out.Metrics.Loss, nil
	if w := r.account.Metrics.Weight(); w > 0 {
		served := r.account.Served / w
		out.ServedLoss = &served
	}
	if s := r.elapsed.Seconds(); s > 0 {
		out.Rate = float64(stats.Fed) / s
	}
	return out
}

// figure is what a curve of the loss shows.
func (r *replayReport) figure() string { return figureOf("loss", r.LossFunction) }

// print shows the report to people.
func (r *replayReport) print(w io.Writer) error {
	t := newTable("progressive validation", strings.Join(r.Files, " "))
	row := func(name, format string, args ...any) { t.AppendRow(table.Row{name, fmt.Sprintf(format, args...)}) }
	figure := func(name string, v *float64) {
		if v != nil {
			row(name, "%.6g", *v)
		}
	}
	row("events", "%d", r.Events)
	row("learned", "%d", r.Learned)
	for _, e := range r.Examples {
		row("rejected", "%d %s; first: event %d: %s", r.Rejected[e.Reason], e.Reason, e.Event, e.Detail)
	}
	r.Join.rows(row)
	if r.LossFunction != "" {
		figure("mean "+r.LossFunction+" loss", r.Loss)
	} else {
		figure("mean loss", r.Loss)
	}
	if len(r.Freezes) > 0 {
		figure("of the served model", r.ServedLoss)
	}
	m := &r.Metrics
	for _, f := range []struct {
		name  string
		value *float64
	}{
		{"accuracy", m.Accuracy}, {"ROC AUC", m.ROCAUC}, {"log loss", m.LogLoss}, {"F1", m.F1}, {"precision", m.Precision}, {"recall", m.Recall},
		{fmt.Sprintf("precision of top %.3g%%", 100*r.points.PrecisionAtK), m.PrecisionAtK},
		{fmt.Sprintf("recall at FPR %.3g%%", 100*r.points.RecallAtFPR), m.RecallAtFPR},
		{"calibration error", m.CalibrationError}, {"MAE", m.MAE}, {"RMSE", m.RMSE}, {"R2", m.R2}, {"mean reward", m.MeanReward},
		{"Hamming loss", m.HammingLoss}, {"subset accuracy", m.SubsetAccuracy}, {"micro F1", m.MicroF1}, {"mean cost", m.Cost}, {"mean regret", m.Regret},
	} {
		figure(f.name, f.value)
	}
	r.row(row)
	row("events/s", "%.0f", r.Rate)
	r.printGuard(row)
	row("parameters", "sha256 %s", r.Params)
	if _, err := fmt.Fprintln(w, t.Render()); err != nil {
		return err
	}
	if err := printCandidates(w, r.Evaluations, r.alpha); err != nil {
		return err
	}
	if err := printArms(w, r.Arms); err != nil || r.Weights == nil {
		return err
	}
	return r.Weights.print(w)
}

func (r *replayReport) printGuard(row func(name, format string, args ...any)) {
	for _, a := range r.Alarms {
		if a.Threshold == 0 { // of an additional detector: the statistic is that of its signal
			row("alarm", "event %d: %s at %s", a.Event, a.Detector, number(a.Statistic))
			continue
		}
		row("alarm", "event %d: %s at %s, alarms at %s", a.Event, a.Detector, number(a.Statistic), number(a.Threshold))
	}
	for _, h := range r.Harm {
		row("taken out", "event %d: %s", h.Event, h.Why)
	}
	for _, f := range r.Freezes {
		back := "still frozen"
		switch {
		case f.Resumed != nil:
			back = fmt.Sprintf("resumed at event %d (%s)", *f.Resumed, f.By)
		case f.Recovering != nil:
			back = fmt.Sprintf("challenger on probation since event %d", *f.Recovering)
		}
		what := fmt.Sprintf("version %d restored", f.Restored)
		if f.Restored == 0 {
			what = "no version was proven yet"
		}
		row("freeze", "event %d (%s): %s, %s", f.Event, f.Cause, what, back)
	}
	r.printInputs(row)
	if r.Armed == nil {
		row("guard", "never armed")
	} else {
		row("guard", "armed at event %d, %d alarms", *r.Armed, len(r.Alarms))
	}
	if r.Published > 0 {
		row("published", "version %d", r.Published)
	}
}

func (r *replayReport) printInputs(row func(name, format string, args ...any)) {
	const most = 20
	for i, w := range r.Warnings {
		if i == most {
			row("warning", "%d more, see --json", len(r.Warnings)-most)
			break
		}
		if w.Over != 0 {
			row("warning", "event %d: %s %s is over", w.Event, w.Check, w.Field)
		} else {
			row("warning", "event %d: %s", w.Event, w.Text(nil))
		}
	}
	r.Inputs.rows(row)
}
