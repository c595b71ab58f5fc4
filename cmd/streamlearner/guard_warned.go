package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	warnedColumns = 75 // what the columns beside what moved take, at least
	mostBins      = 30 // characters of the largest bar of a distribution
)

// inputAlarm is a warning of the inputs with its evidence, as documents show it.
type inputAlarm struct {
	state.InputWarning
	Findings []string          `json:"findings"`           // what moved, in words
	Names    map[string]string `json:"features,omitempty"` // known names of the features in the evidence, by hash
}

// inputAlarmsOf completes warnings by names, newest first. warned is oldest first.
func inputAlarmsOf(warned []state.InputWarning, name func(state.Hash) (string, bool)) []inputAlarm {
	out := []inputAlarm{}
	for _, w := range newestFirst(warned) {
		a := inputAlarm{InputWarning: w, Findings: append([]string{}, w.Findings(name)...), Names: map[string]string{}}
		if e := w.Evidence; e != nil {
			for _, p := range e.Parts {
				if s, ok := name(p.Hash); ok {
					b, _ := p.Hash.MarshalText() // never fails
					a.Names[string(b)] = s
				}
			}
		}
		out = append(out, a)
	}
	return out
}

// printWarned shows the newest warnings of the inputs, and what the newest of a distribution is made of.
func (g *guardStatus) printWarned(w io.Writer) error {
	t := newTable("input warning", "of", "event", "offsets", "value", "limit", "", "what moved")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(3), rightAligned(5), rightAligned(6)})
	room := nameRoom(w, warnedColumns)
	for i := range g.Warned {
		a := &g.Warned[i]
		offsets, state := fmt.Sprint(a.Offset), "stands"
		if e := a.Evidence; e != nil {
			offsets = fmt.Sprintf("%d to %d", e.From, e.To)
		}
		if a.Over != 0 {
			state = "over"
		}
		t.AppendRow(table.Row{a.Check, cutName(a.Field, room), a.Event, offsets, number(a.Value), number(a.Limit), state, cutName(strings.Join(a.Findings, "; "), room)})
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", t.Render()); err != nil {
		return err
	}
	for i := range g.Warned {
		if a := &g.Warned[i]; a.Evidence != nil && len(a.Evidence.Bins) > 0 {
			return printBins(w, a)
		}
	}
	return nil
}

// printBins shows how the numbers of a field were distributed, and are.
func printBins(w io.Writer, a *inputAlarm) error {
	t := newTable(a.Field, "was", "now", "")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3)})
	var from *float64
	for _, b := range a.Evidence.Bins {
		t.AppendRow(table.Row{b.Between(from), percentOf(b.Was), percentOf(b.Now), strings.Repeat("█", int(b.Now*mostBins+0.5))})
		from = b.Below
	}
	_, err := fmt.Fprintf(w, "\ndistribution at offsets %d to %d\n\n%s\n", a.Evidence.From, a.Evidence.To, t.Render())
	return err
}
