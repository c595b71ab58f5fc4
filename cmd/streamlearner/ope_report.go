package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// opeReport is the document of ope --json.
type opeReport struct {
	Files       []string            `json:"files"`
	Format      string              `json:"format"`
	Rows        uint64              `json:"rows"`
	Used        uint64              `json:"used"`
	Refused     []offpolicy.Refused `json:"refused"`
	Join        *joinReport         `json:"join,omitempty"` // of a log whose rewards are records of their own
	RewardMin   float64             `json:"reward_min"`
	RewardMax   float64             `json:"reward_max"`
	RewardModel string              `json:"reward_model,omitempty"`
	Alpha       float64             `json:"alpha"`
	Policies    []opePolicy         `json:"policies"`
	Warnings    []string            `json:"warnings"` // about the whole log

	estimators []ope.Estimator
}

// opePolicy is what is estimated of one candidate.
type opePolicy struct {
	Name string `json:"policy"`
	ope.Summary
}

// fill takes over the results.
func (r *opeReport) fill(v *offpolicy.Evaluator, join *opeJoin, candidates []offpolicy.Candidate, rewards offpolicy.Rewards) {
	r.Refused = append([]offpolicy.Refused{}, v.Refusals.List()...)
	r.Used, r.Warnings = r.Rows, []string{}
	r.fillJoin(join)
	for _, x := range r.Refused {
		r.Used -= x.Count
	}
	if refused := r.Rows - r.Used; r.Used > 0 && float64(refused) > 0.01*float64(r.Rows) {
		r.warn("%.3g%% of the rows are refused: what is left may not be like the whole", 100*float64(refused)/float64(r.Rows))
	}
	if g, ok := rewards.(*offpolicy.Regression); ok {
		for _, x := range g.Untaught.List() {
			r.warn("the model of rewards could not learn %d rows: %s (%s)", x.Count, x.Reason, x.Example)
		}
	}
	for i, result := range v.Results() {
		p := r.policy(&result, i)
		var untaught []offpolicy.Refused
		switch b := candidates[i].Policy.(type) {
		case *offpolicy.Bandit:
			untaught = b.Untaught.List()
		case *offpolicy.Numbers:
			untaught = b.Untaught.List()
		}
		for _, x := range untaught {
			p.Warnings = append(p.Warnings, fmt.Sprintf("the candidate could not learn %d rows: %s (%s)", x.Count, x.Reason, x.Example))
		}
		r.Policies = append(r.Policies, p)
	}
	r.compare(v.Results()[0].Evaluation)
}

func (r *opeReport) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// policy describes a candidate by its place; the first is the logged policy.
func (r *opeReport) policy(e *offpolicy.Result, place int) opePolicy {
	p := opePolicy{Name: e.Name, Summary: e.Summary(r.estimators, e.Modelled, r.Alpha)}
	if !e.Modelled && p.Decisions > 0 && place > 0 && slices.ContainsFunc(r.estimators, ope.Estimator.NeedsModel) {
		p.Warnings = append(p.Warnings, "estimators with a model of rewards need the probabilities of all actions, and the log holds that of one")
	}
	return p
}

// compare sets every interval beside that of the logged policy's mean reward.
func (r *opeReport) compare(logged *ope.Evaluation) {
	if lo, hi, ok := logged.Interval(ope.IPS, r.Alpha); ok {
		for i := range r.Policies[1:] {
			r.Policies[i+1].Compare(lo, hi)
		}
	}
}

// print shows the report to people.
func (r *opeReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d decisions of %d rows, rewards from %.6g to %.6g\n", strings.Join(r.Files, " "), r.Used, r.Rows, r.RewardMin, r.RewardMax)
	if r.RewardModel != "" {
		fmt.Fprintf(w, "model of rewards: %s\n", r.RewardModel)
	}
	r.Join.rows(func(name, format string, args ...any) { fmt.Fprintf(w, name+": "+format+"\n", args...) })
	for _, x := range r.Refused {
		fmt.Fprintf(w, "refused: %d rows, the first %v: %s (%s)\n", x.Count, x.Rows, x.Reason, x.Example)
	}
	if r.Used > 0 {
		fmt.Fprintf(w, "\n%s\n\n%s\n", estimateTable(r.Policies, r.Alpha), trustTable(r.Policies))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	return printWarnings(w, r.Policies)
}

func printWarnings(w io.Writer, policies []opePolicy) (err error) {
	for _, p := range policies {
		for _, warning := range p.Warnings {
			_, err = fmt.Fprintf(w, "warning: %s: %s\n", p.Name, warning)
		}
	}
	return err
}

// printCandidates shows what the candidates of a learner would have earned.
func printCandidates(w io.Writer, all []learner.EvaluationStats, alpha float64) error {
	if len(all) == 0 {
		return nil
	}
	policies := make([]opePolicy, len(all))
	for i := range all {
		policies[i] = opePolicy{all[i].Name, all[i].Summary}
	}
	fmt.Fprintf(w, "\ncandidates on %.0f decisions\n\n%s\n\n%s\n", all[0].Decisions, estimateTable(policies, alpha), trustTable(policies))
	return printWarnings(w, policies)
}

// estimateTable has a row for every candidate and estimator.
func estimateTable(policies []opePolicy, alpha float64) string {
	level := fmt.Sprintf("%.4g%%", 100*(1-alpha))
	t := newTable("policy", "estimator", "estimate", level+" low", level+" high", "against logged")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(3), rightAligned(4), rightAligned(5)})
	for _, p := range policies {
		name := p.Name
		for _, x := range p.Estimates {
			t.AppendRow(table.Row{name, x.Estimator, sixDigits(x.Value), sixDigits(x.Low), sixDigits(x.High), x.Against})
			name = ""
		}
	}
	return t.Render()
}

// trustTable has a row for every candidate.
func trustTable(policies []opePolicy) string {
	t := newTable("policy", "effective size", "share", "mean weight", "max weight", "clipped", "any-time low", "any-time high")
	var right []table.ColumnConfig
	for column := 2; column <= 8; column++ {
		right = append(right, rightAligned(column))
	}
	t.SetColumnConfigs(right)
	for _, p := range policies {
		var lo, hi *float64
		if p.Sequence != nil {
			lo, hi = &p.Sequence[0], &p.Sequence[1]
		}
		t.AppendRow(table.Row{
			p.Name, fmt.Sprintf("%.1f", p.Effective), percent(p.Share), fmt.Sprintf("%.4g", p.MeanWeight), fmt.Sprintf("%.4g", p.MaxWeight),
			percent(p.ClippedShare), sixDigits(lo), sixDigits(hi),
		})
	}
	return t.Render()
}

// sixDigits shows a figure; "-" for none.
func sixDigits(x *float64) string {
	if x == nil || math.IsNaN(*x) {
		return "-"
	}
	return fmt.Sprintf("%.6g", *x)
}
