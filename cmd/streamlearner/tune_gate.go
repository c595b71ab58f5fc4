package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/tune"
)

// gate compares a candidate configuration with the current one.
type gate struct {
	on        bool
	candidate string  // its file
	margin    float64 // of the current loss
}

func (g *gate) flags(f *pflag.FlagSet) {
	f.BoolVar(&g.on, "gate", false, "compare --candidate with -c; exit code 1 when it is worse")
	f.StringVar(&g.candidate, "candidate", "", "configuration file that is to replace -c")
	f.Float64Var(&g.margin, "margin", 0, "how much worse the candidate may be, as a share of the current loss")
}

func (g *gate) check(f *pflag.FlagSet, in *replayInput) error {
	switch {
	case in.file == "":
		return errors.New("--gate: needs -c FILE, the current configuration")
	case g.candidate == "":
		return errors.New("--gate: needs --candidate FILE, the configuration that is to replace it")
	case !(g.margin >= 0 && g.margin <= 1):
		return fmt.Errorf("--margin %v: must be a share between 0 and 1, as in 0.005", g.margin)
	}
	for _, name := range searchFlags {
		if f.Changed(name) {
			return fmt.Errorf("--%s: does not go with --gate, which compares two configurations", name)
		}
	}
	return checkAlpha(in.tuning.alpha)
}

// gateReport is the document of replay --gate --json.
type gateReport struct {
	Model     string              `json:"model"`
	Files     []string            `json:"files"`
	Events    uint64              `json:"events"`
	Criterion string              `json:"criterion"`
	Margin    float64             `json:"margin"`
	Alpha     float64             `json:"alpha"`
	Current   configurationReport `json:"current"`
	Candidate configurationReport `json:"candidate"`
	Compared  uint64              `json:"compared"`   // events that both have learned, in whole blocks
	Change    *float64            `json:"difference"` // candidate's mean minus current mean, over these
	Relative  *float64            `json:"relative"`   // the same as a share of the current mean
	Interval  []float64           `json:"interval"`   // of relative, at confidence 1-alpha; null when there are too few events
	Verdict   string              `json:"verdict"`    // better, worse, or alike
	Pass      bool                `json:"pass"`
	Reason    string              `json:"reason"`
}

// runGate fails when the candidate is worse beyond the margin.
func (in *replayInput) runGate(cmd *cobra.Command, log *slog.Logger) error {
	next := *in
	next.file = in.gate.candidate
	s := &replaySource{}
	var err error
	if s.files, err = openAll(in.files, cmd.InOrStdin(), in.options); err != nil {
		return usageError(err)
	}
	defer s.close()
	var models []configs.Model
	for _, side := range []*replayInput{in, &next} {
		name, m, err := side.baseModel()
		if err == nil {
			m, err = side.complete(s.files, m, in.set, log)
		}
		if err != nil {
			return usageError(fmt.Errorf("%s: %w", side.file, err))
		}
		s.name = name
		models = append(models, m)
	}
	by, criterion, err := chooseCriterion(in.tuning.by, models, log)
	if err != nil {
		return usageError(err)
	}
	results, _, err := in.pass(cmd, s, models, tune.Options{Criterion: criterion, Compare: true})
	if err != nil {
		return err
	}
	report := in.gateReport(s, models, results, by)
	ordered := make([]drawn, 2)
	for i := range results.Ranking {
		r := &results.Ranking[i]
		ordered[r.Candidate] = drawn{label: [...]string{"current", "candidate"}[r.Candidate], account: r.Account}
	}
	if err := in.draw(figureOf(by, report.Current.LossFunction), ordered); err != nil {
		return err
	}
	if in.asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = report.print(cmd.OutOrStdout())
	}
	if err == nil && !report.Pass {
		return fmt.Errorf("the candidate does not pass: %s", report.Reason)
	}
	return err
}

func (in *replayInput) gateReport(s *replaySource, models []configs.Model, results *tune.Results, by string) *gateReport {
	out := &gateReport{
		Model: s.name, Files: s.names(), Events: results.Events, Criterion: by, Margin: in.gate.margin, Alpha: in.tuning.alpha,
	}
	for i := range results.Ranking {
		r := &results.Ranking[i]
		c := newConfigurationReport(&trial{model: models[r.Candidate]}, r)
		if r.Candidate == 0 {
			out.Current = c
		} else {
			out.Candidate = c
		}
	}
	diff := results.Compare(1, 0, in.tuning.alpha)
	out.Compared = diff.Blocks * tune.Block
	if score := out.Current.Score; diff.Blocks > 0 && score != nil && *score != 0 {
		scale := math.Abs(*score)
		relative := diff.Difference / scale
		out.Change, out.Relative = &diff.Difference, &relative
		if !math.IsInf(diff.Lo, 0) {
			out.Interval = []float64{diff.Lo / scale, diff.Hi / scale}
		}
	}
	out.judge()
	return out
}

// mostRefused is the share of the events that the current configuration learns
// and that a candidate may refuse.
const mostRefused = 0.01

// judge finds the verdict. A candidate may not look good by refusing what the
// current configuration learns.
func (r *gateReport) judge() {
	r.Verdict = "alike"
	r.Pass = true
	switch lost := float64(r.Current.Learned) - float64(r.Candidate.Learned); {
	case lost > mostRefused*float64(r.Current.Learned):
		r.Verdict, r.Pass = "worse", false
		r.Reason = fmt.Sprintf("it refuses %.0f more events than the current configuration, which learned %d", lost, r.Current.Learned)
	case r.Interval == nil:
		r.Reason = "there are too few events to tell a difference"
	case r.Interval[0] > r.Margin:
		r.Verdict, r.Pass = "worse", false
		r.Reason = fmt.Sprintf("its %s is worse by at least %s, and the margin is %s", r.what(), percent(r.Interval[0]), percent(r.Margin))
	case r.Interval[1] < 0:
		r.Verdict = "better"
		r.Reason = fmt.Sprintf("its %s is better by at least %s", r.what(), percent(-r.Interval[1]))
	case r.Interval[1] <= r.Margin:
		r.Reason = fmt.Sprintf("its %s is worse by at most %s, which is within the margin", r.what(), percent(max(0, r.Interval[1])))
	default:
		r.Reason = fmt.Sprintf("nothing shows that its %s is worse by more than the margin of %s", r.what(), percent(r.Margin))
	}
}

func (r *gateReport) what() string { return strings.ReplaceAll(r.Criterion, "_", " ") }

func percent(x float64) string { return fmt.Sprintf("%.3g%%", 100*x) }

// print shows the report to people.
func (r *gateReport) print(w io.Writer) error {
	t := newTable("", "current", "candidate")
	right := table.ColumnConfig{Align: text.AlignRight, AlignHeader: text.AlignRight}
	second, third := right, right
	second.Number, third.Number = 2, 3
	t.SetColumnConfigs([]table.ColumnConfig{second, third})
	current, candidate := &r.Current, &r.Candidate
	t.AppendRow(table.Row{"learned", current.Learned, candidate.Learned})
	both := tuneReport{Criterion: r.Criterion, Configurations: []configurationReport{*current, *candidate}}
	for _, f := range both.figures() {
		row := table.Row{f.name}
		for _, c := range []*configurationReport{current, candidate} {
			cell := "-"
			if v := f.of(c); v != nil {
				cell = fmt.Sprintf("%.6g", *v)
			}
			row = append(row, cell)
		}
		t.AppendRow(row)
	}
	t.AppendRow(table.Row{"freezes", len(current.Freezes), len(candidate.Freezes)})
	line := "no difference can be told"
	if r.Relative != nil {
		line = fmt.Sprintf("candidate's %s %+.3g%%", r.what(), 100**r.Relative)
	}
	if r.Interval != nil {
		line += fmt.Sprintf(", between %+.3g%% and %+.3g%% with confidence %g", 100*r.Interval[0], 100*r.Interval[1], 1-r.Alpha)
	}
	word := "pass"
	if !r.Pass {
		word = "fail"
	}
	_, err := fmt.Fprintf(w, "%s\n%s; margin %s, %d events compared\n%s: %s\n", t.Render(), line, percent(r.Margin), r.Compared, word, r.Reason)
	return err
}
