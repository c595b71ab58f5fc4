package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/picture"
	"github.com/streamlearner/streamlearner/pkg/drift"
)

// driftReport is the document of drift --json. Indices count records from 0.
type driftReport struct {
	Detector string `json:"detector"`
	N        int    `json:"n"`
	Alarms   []int  `json:"alarms"`
	Warnings []int  `json:"warnings"` // where the detector warns and does not alarm

	values []float64 // for --plot
}

// driftInput is what the flags of drift say.
type driftInput struct {
	detector, column string
	set              []string
	options          dataset.Options
	plot             string // file to draw to; empty for none
	list, json       bool
}

func driftCommand() *cobra.Command {
	var in driftInput
	cmd := &cobra.Command{
		Use:   "drift --detector NAME --column C FILE",
		Short: "Run a change detector over a column of numbers",
		Long: `Run a change detector over one column of a CSV file and print the records, counted
from 0, at which it alarms, and those at which it warns.

Parameters have the names and defaults of River where River has the detector.
--list shows all detectors with their parameters; docs/detectors.md says what each
is good for. FILE may be compressed by gzip or zstd; - is standard input.

` + detectorTable(),
		Example: `  streamlearner drift --detector adwin --column error errors.csv
  streamlearner drift --detector page_hinkley --set threshold=20 --set mode=up --column 0 --json losses.csv.gz
  streamlearner drift --detector hddm_w --column wrong --plot alarms.svg errors.csv
  streamlearner drift --list`,
		Args: func(cmd *cobra.Command, args []string) error {
			if in.list {
				return cobra.NoArgs(cmd, args)
			}
			if in.detector == "" {
				return fmt.Errorf("required flag(s) \"detector\" not set: it must be one of %s", strings.Join(catalog.Detectors(), ", "))
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.list {
				return in.print(cmd.OutOrStdout())
			}
			return in.run(cmd, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.detector, "detector", "", "name of the detector: "+strings.Join(catalog.Detectors(), ", "))
	f.StringVar(&in.column, "column", "0", "name of the column, its number from 0, or last")
	f.StringArrayVar(&in.set, "set", nil, "parameter of the detector, as in delta=0.01 (repeatable)")
	f.StringVar(&in.options.Header, "header", "auto", "whether the first row names the columns: auto, yes or no")
	f.StringVar(&in.plot, "plot", "", "draw the column with its alarms to this file, .svg or .png")
	f.BoolVar(&in.list, "list", false, "list the detectors and their parameters with the defaults")
	jsonFlag(cmd, &in.json)
	return cmd
}

// run observes the column of a file and reports.
func (in *driftInput) run(cmd *cobra.Command, path string) error {
	if err := picture.Check(in.plot); err != nil {
		return usageError(err)
	}
	params, err := assignments(in.set)
	if err != nil {
		return usageError(err)
	}
	d, err := catalog.Detector(in.detector, params)
	if err != nil {
		return usageError(err)
	}
	in.options.Format = dataset.CSV
	f, err := dataset.Open(path, cmd.InOrStdin(), in.options)
	if err != nil {
		return usageError(err)
	}
	defer func() { _ = f.Close() }() // only read
	i, err := f.Column(in.column)
	if err != nil {
		return usageError(err)
	}
	report := driftReport{Detector: in.detector, Alarms: []int{}, Warnings: []int{}}
	if err := report.observe(d, f, i, in.plot != "", cmd.ErrOrStderr()); err != nil {
		return err
	}
	if err := report.draw(in.plot, f.Name, f.Columns[i]); err != nil {
		return err
	}
	if in.json {
		return printJSON(cmd.OutOrStdout(), report)
	}
	return report.print(cmd.OutOrStdout())
}

// print lists the detectors.
func (in *driftInput) print(w io.Writer) error {
	if in.json {
		return printJSON(w, catalog.DescribeDetectors())
	}
	_, err := fmt.Fprintln(w, detectorTable())
	return err
}

// detectorTable shows every detector with its parameters and their defaults.
func detectorTable() string {
	const parameters = "parameters and defaults"
	t := newTable("detector", "values", "definition of", parameters)
	t.SetColumnConfigs([]table.ColumnConfig{{Name: parameters, WidthMax: 44, WidthMaxEnforcer: text.WrapSoft}})
	for _, d := range catalog.DescribeDetectors() {
		params := make([]string, len(d.Params))
		for i, p := range d.Params {
			params[i] = fmt.Sprintf("%s=%v", p.Name, p.Default)
		}
		t.AppendRow(table.Row{d.Name, d.Domain, d.Follows, strings.Join(params, " ")})
	}
	return t.Render()
}

// assignments splits "key=value" flags.
func assignments(set []string) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: must be key=value", s)
		}
		m[strings.TrimSpace(key)] = value
	}
	return m, nil
}

// observe feeds a column to a detector, with a progress bar when w is a terminal.
func (r *driftReport) observe(d drift.Detector, f *dataset.File, column int, keep bool, w io.Writer) error {
	records := newRecordReader([]*dataset.File{f}, w)
	defer records.close()
	var fields [][]byte
	for ; ; r.N++ {
		record, err := records.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fields = dataset.Fields(fields[:0], record, f.Comma)
		x, err := numberAt(fields, column)
		if err == nil && !d.Domain().Has(x) {
			err = fmt.Errorf("%v: %s", x, r.remedy(d.Domain()))
		}
		if err != nil {
			return fmt.Errorf("%s: line %d, record %d, column %s: %w", f.Name, f.Line(), r.N, f.Columns[column], err)
		}
		switch d.Observe(x) {
		case drift.Drift:
			r.Alarms = append(r.Alarms, r.N)
		case drift.Warning:
			r.Warnings = append(r.Warnings, r.N)
		case drift.Stable:
		}
		if keep {
			r.values = append(r.values, x)
		}
	}
}

// remedy says what to do about a value that the detector is not defined on.
func (r *driftReport) remedy(d drift.Domain) string {
	if d == drift.ZeroOrOne {
		return r.Detector + " takes 0 for a right and 1 for a wrong prediction; give it a column of errors, or use adwin or page_hinkley"
	}
	return r.Detector + " takes numbers from 0 to 1; divide the column by its largest possible value, or use adwin or page_hinkley"
}

func numberAt(fields [][]byte, i int) (float64, error) {
	if i >= len(fields) {
		return 0, fmt.Errorf("there are only %d columns", len(fields))
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(string(fields[i])), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q: must be a finite number; remove such records or give them a value", fields[i])
	}
	return x, nil
}

func (r *driftReport) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s over %d values\nalarms   (%d): %s\nwarnings (%d): %s\n",
		r.Detector, r.N, len(r.Alarms), ranges(r.Alarms), len(r.Warnings), ranges(r.Warnings))
	return err
}

// spans returns the runs of successive numbers: first and last.
func spans(list []int) (out [][2]int) {
	for _, n := range list {
		if k := len(out) - 1; k >= 0 && out[k][1] == n-1 {
			out[k][1] = n
		} else {
			out = append(out, [2]int{n, n})
		}
	}
	return out
}

// ranges writes indices, successive ones as first-last.
func ranges(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	var parts []string
	for _, s := range spans(list) {
		if s[0] == s[1] {
			parts = append(parts, strconv.Itoa(s[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", s[0], s[1]))
		}
	}
	return strings.Join(parts, " ")
}
