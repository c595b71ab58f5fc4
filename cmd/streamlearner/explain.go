package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/serve"
)

// explanationReport is the explanation in score --explain --json.
type explanationReport struct {
	Margin    float64      `json:"margin"` // intercept plus all contributions
	Intercept float64      `json:"intercept"`
	Class     *int         `json:"class,omitempty"` // of which the contributions are, for a model of several classes
	Features  []termReport `json:"features"`        // largest contribution first
	Left      int          `json:"features_left_out"`
	Rest      float64      `json:"contribution_left_out"`
}

type termReport struct {
	Feature      string  `json:"feature"`
	Hash         string  `json:"hash"`
	Value        float64 `json:"value"`
	Scaled       float64 `json:"scaled_value"` // as the model sees it
	Weight       float64 `json:"weight"`
	Contribution float64 `json:"contribution"`
}

// explanationOf shows the top features of an explanation; 0 for all.
func explanationOf(x *serve.Explanation, names map[uint64]string, top int) *explanationReport {
	r := &explanationReport{Margin: x.Margin, Intercept: x.Intercept, Features: []termReport{}}
	if x.Classes > 0 {
		r.Class = &x.Explanation.Class
	}
	for i, t := range x.Terms {
		if top > 0 && i >= top {
			r.Left++
			r.Rest += t.Contribution
			continue
		}
		hash := fmt.Sprintf("%016x", t.Hash)
		name, ok := names[t.Hash]
		if !ok {
			name = "#" + hash
		}
		r.Features = append(r.Features, termReport{name, hash, t.Value, t.X, t.Weight, t.Contribution})
	}
	return r
}

const (
	barHalf      = 7  // characters of the longest bar
	termColumns  = 64 // what the columns beside the names take, at least
	fewestOfName = 16 // characters of a name that are shown, however narrow the terminal
)

func (r *explanationReport) print(w io.Writer) error {
	columns := newTable("feature", "value", "scaled", "weight", "contribution", "")
	columns.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3), rightAligned(4), rightAligned(5)})
	longest := math.Abs(r.Rest)
	for _, t := range r.Features {
		longest = max(longest, math.Abs(t.Contribution))
	}
	room := nameRoom(w, termColumns)
	for _, t := range r.Features {
		columns.AppendRow(table.Row{cutName(t.Feature, room), number(t.Value), number(t.Scaled), number(t.Weight), number(t.Contribution), bar(t.Contribution, longest)})
	}
	if r.Left > 0 {
		columns.AppendRow(table.Row{fmt.Sprintf("(%d others)", r.Left), "", "", "", number(r.Rest), bar(r.Rest, longest)})
	}
	columns.AppendRow(table.Row{"(intercept)", "", "", "", number(r.Intercept), ""})
	of := "margin"
	if r.Class != nil {
		of = fmt.Sprintf("margin of class %d", *r.Class)
	}
	columns.AppendRow(table.Row{of, "", "", "", number(r.Margin), ""})
	_, err := fmt.Fprintf(w, "\n%s\n", columns.Render())
	return err
}

// number shows four digits that count, without an exponent as long as that can be read.
func number(v float64) string {
	if a := math.Abs(v); a >= 1e4 && a < 1e8 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// bar shows v to the left or right of a middle line; longest fills a side.
func bar(v, longest float64) string {
	n := 0
	if longest > 0 {
		n = int(math.Round(math.Abs(v) / longest * barHalf))
	}
	left, right := strings.Repeat(" ", barHalf), ""
	if v < 0 {
		left = strings.Repeat(" ", barHalf-n) + strings.Repeat("█", n)
	} else {
		right = strings.Repeat("█", n)
	}
	return left + "│" + right
}
