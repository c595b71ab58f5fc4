package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// row is what one detector did in all runs of one case.
type row struct {
	Case     string  `json:"case"`
	Kind     kind    `json:"kind"`
	Detector string  `json:"detector"`
	Runs     int     `json:"runs"`         // in which there was no alarm before the change, if the first one ends a run
	Armed    int     `json:"armed_events"` // before the change
	Alarms   int     `json:"false_alarms"`
	Rate     float64 `json:"false_alarms_per_100000"`
	Found    float64 `json:"found"`  // share of runs with an alarm after the change
	Median   int     `json:"median"` // delay in events, over all runs; 0 when fewer than half found it
	P90      int     `json:"p90"`
}

func summarise(c *study, runs [][]outcome, others bool) []row {
	names := []string{guardName}
	if others {
		names = besideNames()
	}
	var out []row
	for i, name := range names {
		r := row{Case: c.name, Kind: c.kind, Detector: name}
		var delays []int
		for _, run := range runs {
			o := run[i]
			r.Armed += o.armed
			r.Alarms += o.alarms
			if c.change != nil && !others && o.alarms > 0 {
				continue // it ended before the change
			}
			r.Runs++
			if o.delay > 0 {
				delays = append(delays, o.delay)
			}
		}
		slices.Sort(delays)
		r.Rate = float64(r.Alarms) / float64(r.Armed) * 1e5
		r.Found = float64(len(delays)) / float64(max(1, r.Runs))
		r.Median, r.P90 = quantile(delays, r.Runs, .5), quantile(delays, r.Runs, .9)
		out = append(out, r)
	}
	return out
}

// quantile is that of n delays of which only the given ones, ascending, are finite.
func quantile(delays []int, n int, q float64) int {
	if k := int(q * float64(n)); k < len(delays) {
		return delays[k]
	}
	return 0
}

// writeTables writes rows as tables in Markdown, one a kind of case.
func writeTables(w io.Writer, rows []row) error {
	var names []string
	for _, r := range rows {
		if !slices.Contains(names, r.Detector) {
			names = append(names, r.Detector)
		}
	}
	var b strings.Builder
	for _, k := range []kind{calm, changed, harmless} {
		var cases []string
		cells := map[[2]string]string{}
		for _, r := range rows {
			if r.Kind != k {
				continue
			}
			if !slices.Contains(cases, r.Case) {
				cases = append(cases, r.Case)
			}
			cells[[2]string{r.Case, r.Detector}] = r.cell()
		}
		if len(cases) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s |\n|---|%s\n", k, strings.Join(names, " | "), strings.Repeat("---|", len(names)))
		for _, c := range cases {
			fmt.Fprintf(&b, "| %s |", c)
			for _, n := range names {
				fmt.Fprintf(&b, " %s |", cells[[2]string{c, n}])
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *row) cell() string {
	if r.Kind == calm {
		return fmt.Sprintf("%.2f", r.Rate)
	}
	text := fmt.Sprintf("%.0f%%", 100*r.Found)
	if r.Kind == changed && r.Median > 0 {
		text += fmt.Sprintf(" %d", r.Median)
	}
	return text
}
