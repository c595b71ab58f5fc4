package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/internal/ope"
)

// opeReport is the document of ope --json.
type opeReport struct {
	Files       []string            `json:"files"`
	Format      string              `json:"format"`
	Rows        uint64              `json:"rows"`
	Used        uint64              `json:"used"`
	Refused     []offpolicy.Refused `json:"refused"`
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
	Name      string        `json:"policy"`
	Estimates []opeEstimate `json:"estimates"`
	// Sequence bounds the value at all times at once, see ope.Evaluation.ConfidenceSequence.
	Sequence      *[2]float64 `json:"confidence_sequence"`
	Effective     float64     `json:"effective_sample_size"`
	Share         float64     `json:"effective_share"` // of the decisions
	MeanWeight    float64     `json:"mean_weight"`
	MeanWeightSE  float64     `json:"mean_weight_se"`
	MaxWeight     float64     `json:"max_weight"`
	ClippedShare  float64     `json:"clipped_share"`
	SwitchedShare float64     `json:"switched_share"`
	MatchedShare  float64     `json:"matched_share"`
	Warnings      []string    `json:"warnings"`
}

// opeEstimate is one estimate; value is null where the log tells nothing, low and high where there is no interval.
type opeEstimate struct {
	Estimator string   `json:"estimator"`
	Value     *float64 `json:"value"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Against   string   `json:"against_logged,omitempty"` // above, below, unclear, or too few: decisions
}

// fill takes over the results.
func (r *opeReport) fill(v *offpolicy.Evaluator, candidates []offpolicy.Candidate, rewards offpolicy.Rewards) {
	r.Refused = append([]offpolicy.Refused{}, v.Refusals.List()...)
	r.Used, r.Warnings = r.Rows, []string{}
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
		p := r.policy(&result)
		if b, ok := candidates[i].Policy.(*offpolicy.Bandit); ok {
			for _, x := range b.Untaught.List() {
				p.Warnings = append(p.Warnings, fmt.Sprintf("the candidate could not learn %d rows: %s (%s)", x.Count, x.Reason, x.Example))
			}
		}
		r.Policies = append(r.Policies, p)
	}
	r.compare(v.Results()[0].Evaluation)
}

func (r *opeReport) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// policy describes one candidate.
func (r *opeReport) policy(e *offpolicy.Result) opePolicy {
	d := e.Diagnostics()
	p := opePolicy{
		Name: e.Name, Effective: d.EffectiveSize, MeanWeight: d.MeanWeight, MeanWeightSE: d.MeanWeightSE, MaxWeight: d.MaxWeight,
		ClippedShare: d.ClippedShare, SwitchedShare: d.SwitchedShare, MatchedShare: d.MatchedShare, Warnings: []string{},
	}
	if d.Rows == 0 {
		return p
	}
	p.Share = d.EffectiveSize / d.Rows
	if lo, hi, ok := e.ConfidenceSequence(r.Alpha); ok {
		p.Sequence = &[2]float64{lo, hi}
	}
	missing := false
	for _, k := range r.estimators {
		x := opeEstimate{Estimator: k.String()}
		if k.NeedsModel() && !e.Modelled {
			missing = true
		} else {
			if v, ok := e.Value(k); ok {
				x.Value = &v
			}
			if lo, hi, ok := e.Interval(k, r.Alpha); ok {
				x.Low, x.High = &lo, &hi
			}
		}
		p.Estimates = append(p.Estimates, x)
	}
	for _, doubt := range d.Doubts() {
		p.Warnings = append(p.Warnings, string(doubt)+figures(doubt, &d))
	}
	if missing && e.Name != "logged" {
		p.Warnings = append(p.Warnings, "estimators with a model of rewards need the probabilities of all actions, and the log holds that of one")
	}
	return p
}

// figures are the numbers behind a doubt.
func figures(doubt ope.Doubt, d *ope.Diagnostics) string {
	switch doubt {
	case ope.FewDecisions:
		return fmt.Sprintf(" (it is %.3g: %.0f decisions tell as much about this policy as %.3g of its own)", d.EffectiveSize, d.Rows, d.EffectiveSize)
	case ope.WrongWeights:
		return fmt.Sprintf(" (it is %.4g, with a standard error of %.2g)", d.MeanWeight, d.MeanWeightSE)
	case ope.ManyClipped:
		return fmt.Sprintf(" (%.3g%% are)", 100*d.ClippedShare)
	}
	return ""
}

// compare says of every interval where it lies beside that of the logged policy's mean reward, unless it is too
// narrow to be believed.
func (r *opeReport) compare(logged *ope.Evaluation) {
	lo, hi, ok := logged.Interval(ope.IPS, r.Alpha)
	if !ok {
		return
	}
	for i := range r.Policies[1:] {
		for j := range r.Policies[i+1].Estimates {
			x := &r.Policies[i+1].Estimates[j]
			switch {
			case x.Low == nil:
			case r.Policies[i+1].Effective < ope.FewestDecisions:
				x.Against = "too few"
			case *x.Low > hi:
				x.Against = "above"
			case *x.High < lo:
				x.Against = "below"
			default:
				x.Against = "unclear"
			}
		}
	}
}

// print shows the report to people.
func (r *opeReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d decisions of %d rows, rewards from %.6g to %.6g\n", strings.Join(r.Files, " "), r.Used, r.Rows, r.RewardMin, r.RewardMax)
	if r.RewardModel != "" {
		fmt.Fprintf(w, "model of rewards: %s\n", r.RewardModel)
	}
	for _, x := range r.Refused {
		fmt.Fprintf(w, "refused: %d rows, the first %v: %s (%s)\n", x.Count, x.Rows, x.Reason, x.Example)
	}
	if r.Used > 0 {
		fmt.Fprintf(w, "\n%s\n\n%s\n", r.estimateTable(), r.trustTable())
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	var err error
	for _, p := range r.Policies {
		for _, warning := range p.Warnings {
			_, err = fmt.Fprintf(w, "warning: %s: %s\n", p.Name, warning)
		}
	}
	return err
}

// estimateTable has a row for every candidate and estimator.
func (r *opeReport) estimateTable() string {
	level := fmt.Sprintf("%.4g%%", 100*(1-r.Alpha))
	t := newTable("policy", "estimator", "estimate", level+" low", level+" high", "against logged")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(3), rightAligned(4), rightAligned(5)})
	for _, p := range r.Policies {
		name := p.Name
		for _, x := range p.Estimates {
			t.AppendRow(table.Row{name, x.Estimator, sixDigits(x.Value), sixDigits(x.Low), sixDigits(x.High), x.Against})
			name = ""
		}
	}
	return t.Render()
}

// trustTable has a row for every candidate.
func (r *opeReport) trustTable() string {
	t := newTable("policy", "effective size", "share", "mean weight", "max weight", "clipped", "any-time low", "any-time high")
	var right []table.ColumnConfig
	for column := 2; column <= 8; column++ {
		right = append(right, rightAligned(column))
	}
	t.SetColumnConfigs(right)
	for _, p := range r.Policies {
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
