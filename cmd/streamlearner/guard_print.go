package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	evidenceBar    = 30 // characters of the detector's bar
	alarmColumns   = 84 // what the columns beside what moved take, at least
	shareColumns   = 40 // what the columns beside the names take, at least
	adviceIndent   = "  "
	shareBarLength = 10
)

// print shows the guard to people.
func (g *guardStatus) print(w io.Writer) error {
	t := newTable("guard of", g.Key)
	row := func(name, format string, args ...any) { t.AppendRow(table.Row{name, fmt.Sprintf(format, args...)}) }
	row("mode", "%s", g.modeText())
	row("way back", "%s", g.wayBack())
	if w := g.Way; w != nil && !g.Held {
		row("", "quiet for %d records (guard.quiet_events: %d, times %d)", w.Quiet, g.settings.Guard.QuietEvents, w.Patience)
		row("challenger", "loss lower by %.3g on %d events; evidence %s of %s; better on %d of %d groups of keys",
			w.Lead, w.Compared, number(w.Wealth), number(w.Needed), w.Keys.Won, w.Keys.Groups)
	}
	row("next offset", "%d", g.Next)
	if g.Served == 0 {
		row("served", "nothing yet")
	} else {
		row("served", "version %d%s", g.Served, map[bool]string{true: ", held by an operator"}[g.Pinned])
	}
	row("detector", "%s", g.watchText())
	if g.Armed {
		row("value", "%s of %s  %s", number(g.Statistic), number(g.Threshold), levelBar(g.Statistic, g.Warns, g.Threshold))
		if g.Statistic > 0 {
			row("", "%.0f%% by direction, %.0f%% by loss; warns at %s", 100*g.Direction, 100*(1-g.Direction), number(g.Warns))
		}
	}
	row("alarms", "%d, and %d freezes, since the state began", g.Alarms, g.Freezes)
	if _, err := fmt.Fprintln(w, t.Render()); err != nil {
		return err
	}
	if len(g.Recent) > 0 {
		if err := g.printAlarms(w); err != nil {
			return err
		}
	}
	if len(g.Warned) > 0 {
		if err := g.printWarned(w); err != nil {
			return err
		}
	}
	return g.printAdvice(w)
}

func (g *guardStatus) modeText() string {
	switch {
	case g.Way == nil:
		return g.Mode
	case g.Held:
		return fmt.Sprintf("%s for %d records, by an operator", g.Mode, g.Way.Frozen)
	}
	return fmt.Sprintf("%s for %d records", g.Mode, g.Way.Frozen)
}

// wayBack says what ends the mode.
func (g *guardStatus) wayBack() string {
	c := &g.settings.Guard
	switch {
	case g.Mode == learner.Learning.String():
		return "recovery: " + g.Recovery
	case g.Held:
		return "an operator froze it, and only an operator unfreezes it"
	case g.Recovery == learner.RecoveryManual:
		return "recovery: manual, so only an operator unfreezes it"
	case g.Mode == learner.Recovering.String():
		return fmt.Sprintf("recovery: %s; probation takes %d events", g.Recovery, c.ProbationEvents)
	}
	if g.Recovery == learner.RecoveryCooldown {
		return fmt.Sprintf("recovery: cooldown; a freeze takes %d records", c.CooldownEvents)
	}
	return "recovery: auto; when the stream is quiet again, or the challenger has proven better"
}

func (g *guardStatus) watchText() string {
	switch {
	case !g.Enabled:
		return "switched off by guard.enabled: only the reject rate is watched"
	case !g.Armed && g.Calibrating:
		return "not armed yet: its first reference is being calibrated"
	case !g.Armed:
		return "not armed: there is no reference yet"
	}
	text := fmt.Sprintf("armed; its reference is %d events old", g.Age)
	if g.Calibrating {
		text += ", and a successor is being calibrated"
	}
	if g.Warning {
		text += "; WARNING"
	}
	return text
}

// levelBar shows on a logarithmic scale how far a detector is from its alarm, with a mark at its warning.
func levelBar(v, warns, alarms float64) string {
	at := func(x float64) int {
		if alarms <= 0 {
			return 0
		}
		return min(evidenceBar, int(math.Round(evidenceBar*math.Log1p(max(0, x))/math.Log1p(alarms))))
	}
	n, mark := at(v), at(warns)
	cells := []rune(strings.Repeat("█", n) + strings.Repeat("·", evidenceBar-n))
	if mark > n && mark <= len(cells) {
		cells[mark-1] = '|'
	}
	return string(cells)
}

// printAlarms shows the alarms, and what moved before the newest.
func (g *guardStatus) printAlarms(w io.Writer) error {
	t := newTable("time", "event", "offset", "detector", "value", "limit", "", "suspect offsets", "moved")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3), rightAligned(5), rightAligned(6)})
	room := nameRoom(w, alarmColumns)
	for _, a := range g.Recent {
		froze, limit, suspect := "", "-", ""
		if a.Froze {
			froze = "froze"
		}
		if a.Threshold > 0 {
			limit = number(a.Threshold)
		}
		if e := a.Evidence; e != nil {
			suspect = fmt.Sprintf("%d to %d", e.From, e.To)
		}
		t.AppendRow(table.Row{
			auditClock(a.Time), a.Event, a.Offset, a.Detector, number(a.Statistic), limit, froze, suspect, cutName(strings.Join(a.Moved, ", "), room),
		})
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", t.Render()); err != nil {
		return err
	}
	return printEvidence(w, g.Recent[0].Evidence, g.name)
}

// printEvidence shows what moved in full.
func printEvidence(w io.Writer, e *state.Evidence, name func(state.Hash) (string, bool)) error {
	if e == nil {
		return nil
	}
	t := newTable("what moved", "", "was", "now", "by", "share")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(3), rightAligned(4), rightAligned(5)})
	room := nameRoom(w, shareColumns)
	moved := func(what string, m *state.Moved) {
		if m == nil {
			return
		}
		was, now := "", ""
		if m.Mean != 0 || m.Was != 0 {
			was, now = number(m.Was), number(m.Mean)
		}
		t.AppendRow(table.Row{what, "", was, now, fmt.Sprintf("%+.1f sd", m.By), shareOf(m.Share)})
	}
	moved("loss", e.Loss)
	moved("direction", e.Direction)
	moved("label", e.Label)
	for i := range e.Pull {
		p := &e.Pull[i]
		way := "predictions too low"
		if p.TooHigh {
			way = "predictions too high"
		}
		t.AppendRow(table.Row{"gradient", cutName(p.Feature(name), room), "", "", fmt.Sprintf("%.0f%%", 100*p.Share), shareOf(p.Share) + " " + way})
	}
	feature := func(h state.Hash) string { return (&state.Pull{Coordinate: 1, Hash: h}).Feature(name) }
	for _, s := range e.Inputs {
		by := ""
		if s.By != 0 {
			by = fmt.Sprintf("%+.1f sd", s.By)
		}
		t.AppendRow(table.Row{"input", cutName(feature(s.Hash), room), percentOf(s.Was), percentOf(s.Share), by, ""})
	}
	for _, k := range e.Keys {
		t.AppendRow(table.Row{"key", fmt.Sprintf("#%016x", uint64(k.Hash)), percentOf(k.Was), percentOf(k.Share), "", ""})
	}
	for _, s := range e.Sources {
		t.AppendRow(table.Row{"source", cutName(s.Name, room), percentOf(s.Was), percentOf(s.Share), "", ""})
	}
	for _, r := range e.Rejects {
		t.AppendRow(table.Row{"refused", strings.TrimSpace(r.Reason + " " + r.Field), "", percentOf(r.Share), "", ""})
	}
	_, err := fmt.Fprintf(w, "\nnewest alarm, offsets %d to %d (%d events)\n\n%s\n", e.From, e.To, e.Events, t.Render())
	return err
}

func percentOf(share float64) string { return fmt.Sprintf("%.3g%%", 100*share) }

// shareOf draws a share.
func shareOf(share float64) string {
	n := int(math.Round(shareBarLength * max(0, min(1, share))))
	return strings.Repeat("█", n) + strings.Repeat(" ", shareBarLength-n)
}

func (g *guardStatus) printAdvice(w io.Writer) error {
	if _, err := fmt.Fprintln(w, "\nwhat you can do"); err != nil {
		return err
	}
	for _, a := range g.Commands {
		if _, err := fmt.Fprintf(w, "%s%s:\n%s%s%s\n", adviceIndent, a.For, adviceIndent, adviceIndent, a.Command); err != nil {
			return err
		}
	}
	return nil
}
