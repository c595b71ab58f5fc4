package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// weighted is a model whose weights can be listed. A bandit is none.
type weighted interface {
	Weights() event.Weights
	Fields() []event.FieldStats
}

// weightsReport is the largest weights of a model.
type weightsReport struct {
	Count int            `json:"weights"` // that are not 0, intercepts included
	Top   []weightReport `json:"top"`     // by impact, largest first
}

type weightReport struct {
	Feature string  `json:"feature"`
	ID      string  `json:"id,omitempty"`    // low bits of the hash; empty for the intercept
	Class   *int    `json:"class,omitempty"` // of a model of several classes
	Weight  float64 `json:"weight"`          // in units of the margin
	Impact  float64 `json:"impact"`          // weight times typical size of the value
}

// intercept is the name of a weight that belongs to no feature.
const intercept = "(intercept)"

// topWeights returns the n weights with the greatest impact.
func topWeights(m weighted, known map[uint64]string, n int) *weightsReport {
	w := m.Weights()
	list := slices.Clone(w.List)
	slices.SortStableFunc(list, func(a, b event.Weight) int { return cmp.Compare(math.Abs(b.Impact), math.Abs(a.Impact)) })
	r := &weightsReport{Count: len(list), Top: []weightReport{}}
	several := slices.ContainsFunc(list, func(w event.Weight) bool { return w.Class > 0 })
	resolver := names.NewResolver(known, w.Bits)
	for _, v := range list[:min(n, len(list))] {
		t := weightReport{Feature: intercept, Weight: v.Value, Impact: v.Impact}
		if !v.Intercept {
			t.Feature, t.ID = resolver.Name(v.ID), fmt.Sprintf("%x", v.ID)
		}
		if several {
			class := v.Class
			t.Class = &class
		}
		r.Top = append(r.Top, t)
	}
	return r
}

const weightColumns = 44 // what the columns beside the names take, at least

// print shows the weights to people.
func (r *weightsReport) print(w io.Writer) error {
	scaled, several := false, false
	longest := 0.0
	for _, t := range r.Top {
		scaled = scaled || t.Impact != t.Weight
		several = several || t.Class != nil
		longest = max(longest, math.Abs(t.Impact))
	}
	columns := []string{"feature"}
	if several {
		columns = append(columns, "class")
	}
	columns = append(columns, "weight")
	if scaled {
		columns = append(columns, "impact")
	}
	list := newTable(append(columns, "")...)
	var aligned []table.ColumnConfig
	for i := 1; i < len(columns); i++ {
		aligned = append(aligned, rightAligned(i+1))
	}
	list.SetColumnConfigs(aligned)
	room := nameRoom(w, weightColumns)
	for _, t := range r.Top {
		row := table.Row{cutName(t.Feature, room)}
		if several {
			row = append(row, *t.Class)
		}
		row = append(row, number(t.Weight))
		if scaled {
			row = append(row, number(t.Impact))
		}
		list.AppendRow(append(row, bar(t.Impact, longest)))
	}
	var err error
	switch {
	case r.Count == 0:
		_, err = fmt.Fprint(w, "\nno weight differs from 0\n")
	case len(r.Top) < r.Count:
		_, err = fmt.Fprintf(w, "\nthe %d of %d weights that count most\n%s\n", len(r.Top), r.Count, list.Render())
	default:
		_, err = fmt.Fprintf(w, "\nall %d weights\n%s\n", r.Count, list.Render())
	}
	return err
}
