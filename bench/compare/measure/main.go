// Command measure times streamlearner replay, Vowpal Wabbit and River on the
// same events and prints one table. Each process is pinned to a core. The
// contenders take turns, so that all meet the same noise of the machine.
// bench/compare/run.sh prepares what it needs and calls it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

type options struct {
	data, streamlearner, python, scripts string
	events, riverEvents, runs            int
	cores, only                          string
	asJSON                               bool
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "", "directory with the generated events")
	flag.IntVar(&o.events, "events", 0, "number of generated events")
	flag.StringVar(&o.streamlearner, "streamlearner", "", "program to measure")
	flag.StringVar(&o.python, "python", "", "interpreter that has vowpalwabbit and river")
	flag.StringVar(&o.scripts, "scripts", "", "directory with vw_run.py and river_run.py")
	flag.IntVar(&o.riverEvents, "river-events", 50_000, "events that River learns, since it is slow")
	flag.IntVar(&o.runs, "runs", 5, "runs of each contender")
	flag.StringVar(&o.cores, "cores", "1,0", "cores to pin to; learners of one core use the first")
	flag.StringVar(&o.only, "only", "", "measure only the contenders that match this regular expression")
	flag.BoolVar(&o.asJSON, "json", false, "print one JSON document")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func (o *options) run() error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	cores := strings.Split(o.cores, ",")
	chosen = slices.DeleteFunc(chosen, func(c contender) bool {
		short := len(c.commands) > len(cores)
		if short {
			fmt.Fprintf(os.Stderr, "measure: left out %s: it needs %d cores\n", c.name, len(c.commands))
		}
		return short
	})
	files, err := filepath.Glob(filepath.Join(o.data, "*.*"))
	if err != nil {
		return err
	}
	if err := warm(files); err != nil {
		return err
	}
	before := loadAverage()
	runs := make(map[string][]outcome, len(chosen))
	for round := range o.runs {
		for _, c := range chosen {
			fmt.Fprintf(os.Stderr, "measure: run %d of %d: %s\n", round+1, o.runs, c.name)
			result, err := c.run(cores)
			if err != nil {
				return err
			}
			runs[c.name] = append(runs[c.name], result)
		}
	}
	r := report{Load: before + " before, " + loadAverage() + " after", Events: o.events, Runs: o.runs}
	r.Processor, r.Cores = processor()
	for _, c := range chosen {
		r.Rows = append(r.Rows, summarise(c, runs[c.name], runs[vwJSON]))
	}
	if !o.asJSON {
		return r.print(os.Stdout)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// chosen returns the contenders that -only names.
func (o *options) chosen() ([]contender, error) {
	if o.runs < 1 {
		return nil, fmt.Errorf("-runs %d: must be at least 1", o.runs)
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	chosen := slices.DeleteFunc(o.contenders(), func(c contender) bool { return !only.MatchString(c.name) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-only %s: matches no contender", o.only)
	}
	return chosen, nil
}
