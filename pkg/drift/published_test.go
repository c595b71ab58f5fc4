package drift_test

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/drift"
)

var published = flag.String("published", "testdata/published.json.gz", "alarms of published implementations, written by testdata/published.py")

// publishedRuns are the alarms and warnings of River's and frouros' detectors,
// run by testdata/published.py, on streams that it made.
type publishedRuns struct {
	Versions map[string]string
	Streams  [][]float64
	Runs     []struct {
		Stream           int
		Detector         string
		Params           map[string]any
		Alarms, Warnings []int // warnings as runs: first index, length
	}
}

func readPublished(t *testing.T) (doc publishedRuns) {
	t.Helper()
	f, err := os.Open(*published)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every detector alarms and warns where the published implementation does.
func TestAgainstPublished(t *testing.T) {
	doc := readPublished(t)
	runs, alarms := map[string]int{}, map[string]int{}
	for _, run := range doc.Runs {
		set := map[string]string{}
		for k, v := range run.Params {
			set[k] = fmt.Sprint(v)
			if f, ok := v.(float64); ok && f == float64(int64(f)) {
				set[k] = fmt.Sprint(int64(f)) // also where it is too large for the short form
			}
		}
		d, err := catalog.Detector(run.Detector, set)
		if err != nil {
			t.Fatal(err)
		}
		got, warned := []int{}, []int{}
		for i, x := range doc.Streams[run.Stream] {
			if !d.Domain().Has(x) {
				t.Fatalf("%s: stream %d has %v", run.Detector, run.Stream, x)
			}
			switch d.Observe(x) {
			case drift.Drift:
				got = append(got, i)
			case drift.Warning:
				if n := len(warned); n > 0 && warned[n-2]+warned[n-1] == i {
					warned[n-1]++
				} else {
					warned = append(warned, i, 1)
				}
			}
		}
		runs[run.Detector]++
		alarms[run.Detector] += len(got)
		if diff := cmp.Diff(run.Alarms, got); diff != "" {
			t.Errorf("stream %d, %s %v: alarms (-published +ours)\n%s", run.Stream, run.Detector, run.Params, diff)
		}
		if diff := cmp.Diff(run.Warnings, warned); diff != "" {
			t.Errorf("stream %d, %s %v: warnings (-published +ours)\n%s", run.Stream, run.Detector, run.Params, diff)
		}
	}
	for _, name := range []string{"adwin", "cusum", "ddm", "eddm", "hddm_a", "hddm_w", "kswin", "page_hinkley"} {
		if runs[name] < 8 || alarms[name] < 8 {
			t.Errorf("%s: %d runs with %d alarms compare too little", name, runs[name], alarms[name])
		}
	}
	t.Logf("%v: runs %v, alarms %v", doc.Versions, runs, alarms)
}
