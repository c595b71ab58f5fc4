package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/tune"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// guardComparison is the document of guard replay --json.
type guardComparison struct {
	Model   string        `json:"model"`
	Files   []string      `json:"files,omitempty"`
	Kafka   *guardRange   `json:"kafka,omitempty"`
	Events  uint64        `json:"events"`
	Columns []guardColumn `json:"columns"` // the first is as the settings are
}

// guardRange is a range of records of Kafka.
type guardRange struct {
	Partition string `json:"partition"`
	First     int64  `json:"first_offset"`
	Last      int64  `json:"last_offset"`
	From      uint64 `json:"from_version,omitempty"` // whose state a column begins with; 0 for an untaught model
	Commands  int    `json:"commands_left_out"`      // of operators
}

// guardColumn is what the guard did under one configuration.
type guardColumn struct {
	Settings   []string      `json:"settings"` // that differ from the first column's
	Learned    uint64        `json:"learned"`
	Armed      *int64        `json:"armed_at"` // event at which it was armed first, from 0; null for never
	Guarded    uint64        `json:"armed_events"`
	Alarms     int           `json:"alarms"` // of additional detectors that only warn, too
	Freezes    []guardFreeze `json:"freezes"`
	Frozen     float64       `json:"frozen_share"` // of the events
	Budget     float64       `json:"false_freezes_allowed"`
	Loss       *float64      `json:"loss"`        // mean progressive loss of the learning model; while frozen of the challenger
	ServedLoss *float64      `json:"served_loss"` // the same of the model that is served
	Published  uint64        `json:"published"`   // number of the newest proven version
	Mode       string        `json:"mode"`        // at the end
}

// guardFreeze is one freeze.
type guardFreeze struct {
	Event     uint64          `json:"event"` // of the run, from 0
	Offset    int64           `json:"offset"`
	Cause     string          `json:"cause"`
	Detector  string          `json:"detector,omitempty"`
	Statistic float64         `json:"statistic,omitempty"`
	Threshold float64         `json:"threshold,omitempty"`
	Restored  uint64          `json:"restored"` // version; 0 when none was proven yet
	Events    uint64          `json:"frozen_events"`
	By        string          `json:"ended_by"` // empty while it lasts
	Moved     []string        `json:"moved"`
	Findings  []string        `json:"findings"`
	Evidence  *state.Evidence `json:"evidence,omitempty"`
}

func newGuardColumn(r *tune.Result, m *configs.Model, name func(state.Hash) (string, bool)) guardColumn {
	a := r.Account
	c := guardColumn{
		Settings: []string{}, Learned: r.Stats.Learned, Armed: a.Armed, Guarded: a.Guarded, Alarms: len(a.Alarms), Freezes: []guardFreeze{},
		Loss: r.Report.Loss, Published: r.Stats.Published, Mode: r.Stats.Mode.String(),
		Budget: float64(a.Guarded) / m.Guard.FalseFreezeEvery,
	}
	if w := a.Metrics.Weight(); w > 0 {
		served := a.Served / w
		c.ServedLoss = &served
	}
	if a.Fed > 0 {
		c.Frozen = float64(a.Frozen) / float64(a.Fed)
	}
	for i := range a.Freezes {
		f := &a.Freezes[i]
		g := guardFreeze{Event: f.Number, Offset: f.Offset, Cause: f.Cause, Restored: f.Restored, Events: f.Events, By: f.By, Moved: []string{}, Findings: []string{}}
		if w := f.Alarm; w != nil {
			g.Detector, g.Statistic, g.Threshold, g.Evidence = w.Detector, w.Statistic, w.Threshold, w.Evidence
			g.Moved = append(g.Moved, w.Evidence.What()...)
			g.Findings = append(g.Findings, w.Evidence.Findings(name)...)
		}
		c.Freezes = append(c.Freezes, g)
	}
	return c
}

// title names a column.
func (c *guardColumn) title() string {
	if len(c.Settings) == 0 {
		return "as it is"
	}
	return strings.Join(c.Settings, " ")
}

// print shows the comparison to people.
func (r *guardComparison) print(w io.Writer) error {
	what := strings.Join(r.Files, " ")
	if k := r.Kafka; k != nil {
		what = fmt.Sprintf("%s, offsets %d to %d", k.Partition, k.First, k.Last)
	}
	header := []string{""}
	var aligned []table.ColumnConfig
	for i := range r.Columns {
		// A setting a line, so that columns stay narrow.
		header = append(header, strings.ReplaceAll(r.Columns[i].title(), " ", "\n"))
		if i == 0 {
			header[1] = r.Columns[i].title()
		}
		aligned = append(aligned, rightAligned(2+i))
	}
	t := newTable(header...)
	t.SetColumnConfigs(aligned)
	row := func(name string, value func(c *guardColumn) string) {
		cells := table.Row{name}
		for i := range r.Columns {
			cells = append(cells, value(&r.Columns[i]))
		}
		t.AppendRow(cells)
	}
	row("freezes", func(c *guardColumn) string { return fmt.Sprint(len(c.Freezes)) })
	row("false freezes allowed", func(c *guardColumn) string { return number(c.Budget) })
	row("events frozen", func(c *guardColumn) string { return percentOf(c.Frozen) })
	row("alarms", func(c *guardColumn) string { return fmt.Sprint(c.Alarms) })
	row("loss, live", func(c *guardColumn) string { return figureText(c.Loss) })
	row("loss, served", func(c *guardColumn) string { return figureText(c.ServedLoss) })
	row("events armed", func(c *guardColumn) string { return fmt.Sprint(c.Guarded) })
	row("newest version", func(c *guardColumn) string { return fmt.Sprint(c.Published) })
	row("mode at the end", func(c *guardColumn) string { return c.Mode })
	if _, err := fmt.Fprintf(w, "%s: %d events\n", what, r.Events); err != nil {
		return err
	}
	if k := r.Kafka; k != nil {
		if err := k.print(w); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", t.Render()); err != nil {
		return err
	}
	return r.printFreezes(w)
}

func (k *guardRange) print(w io.Writer) error {
	begin := "an untaught model"
	if k.From > 0 {
		begin = fmt.Sprintf("the state of version %d", k.From)
	}
	if _, err := fmt.Fprintf(w, "begins with %s\n", begin); err != nil || k.Commands == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%d commands of operators of then are left out\n", k.Commands)
	return err
}

// printFreezes lists the freezes of all columns.
func (r *guardComparison) printFreezes(w io.Writer) error {
	t := newTable("settings", "event", "offset", "detector", "value", "frozen for", "ended by", "what moved")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3), rightAligned(5), rightAligned(6)})
	room, frozen := nameRoom(w, alarmColumns), false
	for i := range r.Columns {
		for _, f := range r.Columns[i].Freezes {
			frozen = true
			moved := strings.Join(f.Findings[:min(2, len(f.Findings))], "; ")
			t.AppendRow(table.Row{
				r.Columns[i].title(), f.Event, f.Offset, cmp.Or(f.Detector, f.Cause), number(f.Statistic), f.Events, cmp.Or(f.By, "(still frozen)"), cutName(moved, room),
			})
		}
	}
	if !frozen {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s\n", t.Render())
	return err
}

func figureText(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.6g", *v)
}
