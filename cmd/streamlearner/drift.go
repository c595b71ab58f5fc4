package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/pkg/drift"
)

// driftReport is the document of drift --json. Indices count records from 0.
type driftReport struct {
	Detector string `json:"detector"`
	N        int    `json:"n"`
	Alarms   []int  `json:"alarms"`
	Warnings []int  `json:"warnings"` // where the warning level was entered
}

func driftCommand() *cobra.Command {
	var detector, column string
	var set []string
	var asJSON bool
	var o dataset.Options
	cmd := &cobra.Command{
		Use:   "drift --detector NAME --column C FILE",
		Short: "Run a change detector over a column of numbers",
		Long: `Run a change detector over one column of a CSV file and print the records, counted
from 0, at which it alarms, and those at which it begins to warn.

Detectors: ` + strings.Join(catalog.Detectors(), ", ") + `. Their parameters have the names
and defaults of River where River has the detector; a wrong name lists them.
FILE may be compressed by gzip or zstd; - is standard input.`,
		Example: `  streamlearner drift --detector adwin --column error errors.csv
  streamlearner drift --detector page_hinkley --set threshold=20 --set mode=up --column 0 --json losses.csv.gz`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			params, err := assignments(set)
			if err != nil {
				return usageError(err)
			}
			d, err := catalog.Detector(detector, params)
			if err != nil {
				return usageError(err)
			}
			o.Format = dataset.CSV
			f, err := dataset.Open(args[0], cmd.InOrStdin(), o)
			if err != nil {
				return usageError(err)
			}
			defer func() { _ = f.Close() }() // only read
			i, err := f.Column(column)
			if err != nil {
				return usageError(err)
			}
			report := driftReport{Detector: detector, Alarms: []int{}, Warnings: []int{}}
			if err := report.observe(d, f, i); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			return report.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&detector, "detector", "", "name of the detector: "+strings.Join(catalog.Detectors(), ", "))
	cmd.Flags().StringVar(&column, "column", "0", "name of the column, its number from 0, or last")
	cmd.Flags().StringArrayVar(&set, "set", nil, "parameter of the detector, as in delta=0.01 (repeatable)")
	cmd.Flags().StringVar(&o.Header, "header", "auto", "whether the first row names the columns: auto, yes or no")
	jsonFlag(cmd, &asJSON)
	if err := cmd.MarkFlagRequired("detector"); err != nil {
		panic(err)
	}
	return cmd
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

// observe feeds a column to a detector.
func (r *driftReport) observe(d drift.Detector, f *dataset.File, column int) error {
	var fields [][]byte
	last := drift.Stable
	for {
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fields = dataset.Fields(fields[:0], record, f.Comma)
		x, err := numberAt(fields, column)
		if err != nil {
			return fmt.Errorf("%s: record %d, column %s: %w", f.Name, r.N, f.Columns[column], err)
		}
		level := d.Observe(x)
		switch {
		case level == drift.Drift:
			r.Alarms = append(r.Alarms, r.N)
		case level == drift.Warning && last != drift.Warning:
			r.Warnings = append(r.Warnings, r.N)
		}
		last = level
		r.N++
	}
}

func numberAt(fields [][]byte, i int) (float64, error) {
	if i >= len(fields) {
		return 0, fmt.Errorf("there are only %d columns", len(fields))
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(string(fields[i])), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q: must be a finite number", fields[i])
	}
	return x, nil
}

func (r *driftReport) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s over %d values\nalarms   (%d): %s\nwarnings (%d): %s\n",
		r.Detector, r.N, len(r.Alarms), indices(r.Alarms), len(r.Warnings), indices(r.Warnings))
	return err
}

func indices(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, " ")
}
