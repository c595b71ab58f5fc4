// Command drift measures the guard of a default learner, and other detectors
// beside it, on streams with and without changes: false alarms on stationary
// ones, and how soon a change is found. Every stream follows from its seed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/streamlearner/streamlearner/internal/picture"
)

func main() {
	var o options
	only := flag.String("only", ".", "regular expression: names of the cases to run")
	flag.IntVar(&o.calmRuns, "calm", 20, "runs of each stationary stream")
	flag.IntVar(&o.changeRuns, "changes", 60, "runs of each change")
	flag.IntVar(&o.lengths.calm, "events", 100_000, "armed events of a stationary run")
	flag.IntVar(&o.lengths.horizon, "horizon", 10_000, "events after a change in which it can be found")
	flag.Uint64Var(&o.seed, "seed", 1, "first seed")
	flag.IntVar(&o.workers, "workers", 1, "runs at a time")
	others := flag.Bool("others", true, "run the other detectors too")
	set := flag.String("set", "", "settings of the model, key=value,...")
	var out output
	flag.BoolVar(&out.json, "json", false, "print one JSON document")
	flag.StringVar(&out.plot, "plot", "", "draw delays against false alarms into this file (.svg or .png)")
	from := flag.String("from", "", "print the tables of a file that -json wrote, draw its picture, and run nothing")
	flag.Parse()
	if *from != "" {
		if err := show(*from, out); err != nil {
			fmt.Fprintln(os.Stderr, "drift:", err)
			os.Exit(1)
		}
		return
	}
	if *set != "" {
		o.set = strings.Split(*set, ",")
	}
	o.passes = []bool{false}
	if *others {
		o.passes = []bool{false, true}
	}
	if err := run(o, *only, out); err != nil {
		fmt.Fprintln(os.Stderr, "drift:", err)
		os.Exit(1)
	}
}

type options struct {
	calmRuns, changeRuns int
	lengths              lengths
	seed                 uint64
	workers              int
	passes               []bool // without the other detectors, with them
	set                  []string
}

// output is where the rows go.
type output struct {
	json bool
	plot string // file; empty for none
}

func (out *output) write(rows []row) error {
	if out.plot != "" {
		if err := drawStudy(out.plot, rows); err != nil {
			return err
		}
	}
	if out.json {
		return json.NewEncoder(os.Stdout).Encode(rows)
	}
	return writeTables(os.Stdout, rows)
}

func run(o options, only string, out output) error {
	if err := picture.Check(out.plot); err != nil {
		return err
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	var rows []row
	for _, c := range studies() {
		if !wanted.MatchString(c.name) {
			continue
		}
		for _, others := range o.passes {
			outcomes, err := o.all(&c, others)
			if err != nil {
				return err
			}
			rows = append(rows, summarise(&c, outcomes, others)...)
		}
	}
	o.progress("")
	return out.write(rows)
}

// show prints the tables of a file, and draws it.
func show(path string, out output) error {
	if err := picture.Check(out.plot); err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var rows []row
	if err := json.Unmarshal(b, &rows); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return out.write(rows)
}

// all runs one case with all its seeds.
func (o *options) all(c *study, others bool) ([][]outcome, error) {
	runs := o.changeRuns
	if c.change == nil {
		runs = o.calmRuns
	}
	out, errs := make([][]outcome, runs), make([]error, runs)
	seeds := make(chan int)
	var wg sync.WaitGroup
	for range o.workers {
		wg.Go(func() {
			for i := range seeds {
				out[i], errs[i] = c.once(o.seed+uint64(i), o.lengths, o.set, others)
			}
		})
	}
	for i := range runs {
		o.progress(fmt.Sprintf("%s: %d of %d", c.name, i, runs))
		seeds <- i
	}
	close(seeds)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// progress replaces the line that tells how far the study is; terminals alone have one.
func (o *options) progress(text string) {
	if i, err := os.Stderr.Stat(); err == nil && i.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprint(os.Stderr, "\r\033[K"+text)
	}
}
