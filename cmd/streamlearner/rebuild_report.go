package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// rebuildReport is the document of replay --to --json.
type rebuildReport struct {
	Partition string `json:"partition"`
	Same      bool   `json:"same"` // all that was compared
	From      uint64 `json:"from_version,omitempty"`
	To        uint64 `json:"to_version"`
	First     int64  `json:"first_offset"` // of the records that were to be read
	Last      int64  `json:"last_offset"`
	Records   int64  `json:"records"` // that were read
	Learned   uint64 `json:"learned"` // by the version, since its state began
	Compared  int    `json:"versions_same"`
	Want      string `json:"params_sha256"` // of the version
	// Divergence is where something else came out; null for nowhere.
	Divergence *divergenceReport `json:"divergence"`
}

type divergenceReport struct {
	First   int64    `json:"first_offset"`
	Last    int64    `json:"last_offset"`
	Version uint64   `json:"version,omitempty"` // the first one that differs
	Want    string   `json:"params_sha256,omitempty"`
	Got     string   `json:"replayed_params_sha256,omitempty"`
	Detail  string   `json:"detail"`
	Causes  []string `json:"likely_causes"`
}

func (r *rebuild) report(begin int64, d *learner.Divergence) rebuildReport {
	out := rebuildReport{
		Partition: r.key.String(), Same: d == nil, To: r.last.Number, First: begin, Last: r.replay.End() - 1, Records: r.records,
		Learned: r.last.Learned, Compared: r.replay.Same(), Want: r.last.Sum.String(),
	}
	if r.first != nil {
		out.From = r.first.Number
	}
	if d != nil {
		out.Divergence = &divergenceReport{First: d.First, Last: d.Last, Version: d.Want.Number, Detail: d.Detail, Causes: d.Causes}
		if d.Want.Number > 0 {
			out.Divergence.Want = d.Want.Sum.String()
		}
		if d.Got.Number > 0 {
			out.Divergence.Got = d.Got.Sum.String()
		}
	}
	return out
}

// print shows the report to people.
func (r *rebuildReport) print(w io.Writer) error {
	t := newTable("rebuild", r.Partition)
	row := func(name, format string, args ...any) { t.AppendRow(table.Row{name, fmt.Sprintf(format, args...)}) }
	if r.From > 0 {
		row("from", "version %d", r.From)
	} else {
		row("from", "an untaught model")
	}
	row("to", "version %d", r.To)
	row("records", "%d, offsets %d to %d", r.Records, r.First, r.Last)
	row("versions the same", "%d", r.Compared)
	row("parameters", "%s", r.Want)
	verdict := "the same, bit for bit"
	if d := r.Divergence; d != nil {
		verdict = fmt.Sprintf("DIVERGED between offsets %d and %d", d.First, d.Last)
	}
	row("replayed", "%s", verdict)
	if _, err := fmt.Fprintln(w, t.Render()); err != nil || r.Divergence == nil {
		return err
	}
	if _, err := fmt.Fprintln(w, r.Divergence.Detail); err != nil {
		return err
	}
	for _, c := range r.Divergence.Causes {
		if _, err := fmt.Fprintln(w, "likely cause: "+c); err != nil {
			return err
		}
	}
	return nil
}
