package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// armState is what a learner knows of an arm.
type armState struct {
	Arm      string   `json:"arm"`
	Status   string   `json:"status"`
	Baseline bool     `json:"baseline"`
	Out      string   `json:"taken_out_by,omitempty"` // metric of the guard rail that did
	Events   uint64   `json:"events"`                 // learned since the arm was added
	Reward   *float64 `json:"mean_reward"`            // of those; null when there are none

	Share       *float64 `json:"share"`                 // of the decisions that could choose it, those that did
	Logged      *float64 `json:"logged_share"`          // what the logged propensities say that it should be
	Evidence    float64  `json:"sample_ratio_evidence"` // that it is chosen more often than they say
	SampleRatio string   `json:"sample_ratio"`          // as logged, or wrong

	Rails []railState `json:"guard_rails,omitempty"`
}

// railState is what a guard rail knows of an arm.
type railState struct {
	Metric  string   `json:"metric"`
	Values  uint64   `json:"values"`
	Absent  uint64   `json:"absent"`  // events without a value
	Clipped uint64   `json:"clipped"` // values outside of the range
	Mean    *float64 `json:"mean"`
	// To the baseline, at all times with probability 1 - alpha; null for the baseline, and where nothing is known.
	Difference *float64 `json:"difference"`
	Low        *float64 `json:"difference_low"`
	High       *float64 `json:"difference_high"`
	Alpha      float64  `json:"alpha"`
	// E-values, and the p-values 1/e, which may be looked at at any time.
	Harm     float64 `json:"harm_evidence"`
	NotWorse float64 `json:"not_worse_evidence"`
	Better   float64 `json:"better_evidence"`
	PHarm    float64 `json:"harm_p"`
	PBetter  float64 `json:"better_p"`
	Verdict  string  `json:"verdict"` // harmful, better, not worse or undecided; empty for the baseline
}

// Verdicts of the sample-ratio check.
const (
	asLogged = "as logged"
	notDue   = "wrong"
)

// armStates puts together what is known of the arms that are not gone.
func armStates(arms []event.ArmReport, rails []event.RailReport) []armState {
	var out []armState
	for i := range arms {
		a := &arms[i]
		s := armState{Arm: a.Name, Status: a.Status, Baseline: a.Baseline, Out: a.Out, Events: a.Events, Evidence: a.Evidence, SampleRatio: asLogged}
		if a.Evidence > event.SampleRatioWrong {
			s.SampleRatio = notDue
		}
		if a.Events > 0 {
			mean := a.Rewards / float64(a.Events)
			s.Reward = &mean
		}
		if a.Due > 0 {
			s.Share, s.Logged = &a.Got, &a.Due
		}
		for k := range rails {
			if rails[k].Arm == a.Name {
				s.Rails = append(s.Rails, railOf(&rails[k]))
			}
		}
		out = append(out, s)
	}
	return out
}

// armsOf are the arms of a learner; nil where it has none.
func armsOf(s *learner.ArmStats, rails []event.RailReport) []armState {
	if s == nil {
		return nil
	}
	return armStates(s.Arms, rails)
}

func railOf(r *event.RailReport) railState {
	p := func(e float64) float64 {
		if e <= 1 {
			return 1
		}
		return 1 / e
	}
	s := railState{
		Metric: r.Metric, Values: r.Values, Absent: r.Absent, Clipped: r.Clipped, Mean: r.Mean, Alpha: r.Alpha,
		Harm: r.Harm, NotWorse: r.NotWorse, Better: r.Better, PHarm: p(r.Harm), PBetter: p(r.Better), Verdict: r.Verdict,
	}
	if d := r.Difference; d != nil {
		s.Difference, s.Low, s.High = &d.Value, &d.Low, &d.High
	}
	return s
}

// shown returns the name of an arm, with a mark for the baseline.
func (a *armState) shown() string {
	if a.Baseline {
		return a.Arm + " *"
	}
	return a.Arm
}

// standing returns the status, and what took the arm out.
func (a *armState) standing() string {
	if a.Out != "" {
		return a.Status + " (" + a.Out + ")"
	}
	return a.Status
}

// railTable has a row for every arm and guard rail; nil without guard rails. partitions name those that the arms are of; nil for one.
func railTable(arms []armState, partitions []string) table.Writer {
	columns := []string{"arm", "metric", "values", "absent", "mean", "difference", "low", "high", "p harmful", "p better", "verdict"}
	if partitions != nil {
		columns = append([]string{"partition"}, columns...)
	}
	t := newTable(columns...)
	rows := 0
	for i := range arms {
		a := &arms[i]
		for _, r := range a.Rails {
			row := table.Row{a.shown(), r.Metric, r.Values, r.Absent, sixDigits(r.Mean)}
			if r.Verdict == "" {
				row = append(row, "-", "-", "-", "-", "-", "-")
			} else {
				row = append(row, sixDigits(r.Difference), sixDigits(r.Low), sixDigits(r.High), fmt.Sprintf("%.3g", r.PHarm), fmt.Sprintf("%.3g", r.PBetter), r.Verdict)
			}
			if partitions != nil {
				row = append(table.Row{partitions[i]}, row...)
			}
			t.AppendRow(row)
			rows++
		}
	}
	if rows == 0 {
		return nil
	}
	var right []table.ColumnConfig
	for column := len(columns) - 8; column < len(columns); column++ {
		right = append(right, rightAligned(column))
	}
	t.SetColumnConfigs(right)
	return t
}

// printArms prints the arms of one partition below its other figures.
func printArms(w io.Writer, arms []armState) error {
	if len(arms) == 0 {
		return nil
	}
	t := newTable("arm", "status", "events", "mean reward", "share", "logged share", "evidence", "sample ratio")
	for i := range arms {
		a := &arms[i]
		t.AppendRow(table.Row{a.shown(), a.standing(), a.Events, sixDigits(a.Reward), sixDigits(a.Share), sixDigits(a.Logged), fmt.Sprintf("%.3g", a.Evidence), a.SampleRatio})
	}
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(3), rightAligned(4), rightAligned(5), rightAligned(6), rightAligned(7)})
	if _, err := fmt.Fprintf(w, "\n%s\n", t.Render()); err != nil {
		return err
	}
	if t := railTable(arms, nil); t != nil {
		_, err := fmt.Fprintf(w, "\n%s\n", t.Render())
		return err
	}
	return nil
}
