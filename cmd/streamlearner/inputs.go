package main

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// inputsReport is what the guard of the inputs knows, in documents; see inputs.Report.
type inputsReport struct {
	Armed     bool   `json:"armed"`
	Collected uint64 `json:"collected"` // events of the reference window that is being collected

	Warnings []state.InputWarning `json:"warnings"`        // that stand, with the figures of the last block
	Recent   []state.InputWarning `json:"recent_warnings"` // that have begun of late, newest first, with what moved
	Begun    map[string]uint64    `json:"begun"`           // warnings that have begun, by check
	Fields   []inputField         `json:"fields"`          // those that have shifted most first
	Sources  []inputSource        `json:"sources"`         // large ones of the last block, the largest first

	NewFields  float64 `json:"new_fields"` // shares of the events of the last block
	Duplicates float64 `json:"duplicates"`
	Logged     float64 `json:"logged"`
	Skewed     float64 `json:"skewed"` // of those logged
	Unreadable float64 `json:"unreadable"`
	ClipBound  float64 `json:"clip_bound"` // norm above which gradients are bounded; 0 for none
	Clipped    float64 `json:"clipped"`
}

type inputField struct {
	Field            string     `json:"field"`
	Missing          float64    `json:"missing"`
	ReferenceMissing float64    `json:"reference_missing"`
	Unseen           float64    `json:"unseen"`
	ReferenceUnseen  float64    `json:"reference_unseen"`
	OutOfRange       float64    `json:"out_of_range"`
	Range            [2]float64 `json:"range"` // both 0 where there is none
	PSI              float64    `json:"psi"`
	KS               float64    `json:"ks"`
	Skew             float64    `json:"skew"`
}

type inputSource struct {
	Source  string  `json:"source"`
	Share   float64 `json:"share"`
	Refused uint64  `json:"refused"`
}

// inputsOf is nil when nothing is looked at. warned are the newest warnings, oldest first.
func inputsOf(r *inputs.Report, warned []state.InputWarning) *inputsReport {
	if r == nil {
		return nil
	}
	out := &inputsReport{
		Armed: r.Armed, Collected: r.Collected, Warnings: []state.InputWarning{}, Recent: newestFirst(warned), Begun: map[string]uint64{}, Fields: []inputField{}, Sources: []inputSource{},
		NewFields: r.NewFields, Duplicates: r.Duplicates, Logged: r.Logged, Skewed: r.Skewed, Unreadable: r.Unreadable,
		ClipBound: r.ClipBound, Clipped: r.Clipped,
	}
	for _, w := range r.Active {
		d := w.Document()
		for _, begun := range out.Recent {
			if begun.Over == 0 && begun.Check == d.Check && begun.Field == d.Field {
				d.Event, d.Offset = begun.Event, begun.Offset
			}
		}
		out.Warnings = append(out.Warnings, d)
	}
	for c, n := range r.Begun {
		if n > 0 {
			out.Begun[inputs.Check(c).String()] = n
		}
	}
	for _, f := range r.Shifted(len(r.Fields)) {
		out.Fields = append(out.Fields, inputField{
			f.Name, f.Missing, f.ReferenceMissing, f.Unseen, f.ReferenceUnseen, f.OutOfRange, [2]float64{f.Low, f.High}, f.PSI, f.KS, f.Skew,
		})
	}
	for _, s := range r.Sources {
		out.Sources = append(out.Sources, inputSource{s.Source, s.Share, s.Refused})
	}
	slices.SortStableFunc(out.Sources, func(a, b inputSource) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	return out
}

// newestFirst turns warnings around.
func newestFirst(warned []state.InputWarning) []state.InputWarning {
	out := append([]state.InputWarning{}, warned...)
	slices.Reverse(out)
	return out
}

// rows shows the report to people.
func (r *inputsReport) rows(row func(name, format string, args ...any)) {
	if r == nil {
		return
	}
	if len(r.Fields) > 0 {
		state := "no reference yet"
		if r.Armed {
			f := r.Fields[0]
			state = fmt.Sprintf("%s has shifted most: PSI %.3g, KS %.3g", f.Field, f.PSI, f.KS)
		}
		row("inputs", "%d fields watched; %s", len(r.Fields), state)
	}
	if len(r.Sources) > 0 {
		s := r.Sources[0]
		row("largest source", "%q with %.3g%% of the last block, %d events of it refused", s.Source, 100*s.Share, s.Refused)
	}
	if r.ClipBound > 0 {
		row("gradients", "bounded at %.3g, %.3g%% of the last block were", r.ClipBound, 100*r.Clipped)
	}
	if r.Logged > 0 {
		row("train/serve skew", "%.3g%% of the events with features of decision time differ, %.3g%% cannot be read", 100*r.Skewed, 100*r.Unreadable)
	}
}
