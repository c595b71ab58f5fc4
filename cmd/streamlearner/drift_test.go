package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// driftRuns are the runs of published implementations that a detector of ours
// reproduces: its name, and how their record of the implementation begins.
var driftRuns = map[string]struct{ name, impl string }{
	"ADWIN":         {"adwin", "river>=0.22"}, // older ones skip the last bucket of every row
	"PageHinkley":   {"page_hinkley", "river"},
	"DDM":           {"ddm", "river"},
	"EDDM":          {"eddm", "river"},
	"HDDM_A":        {"hddm_a", "river"},
	"HDDM_W":        {"hddm_w", "river"},
	"KSWIN":         {"kswin", "river"},
	"frouros.CUSUM": {"cusum", "frouros"},
	"moa.CUSUM":     {"cusum", "MOA"},
}

// driftRun is one of them. Warnings are counted where there is no alarm at the same record.
type driftRun struct {
	Impl, Detector string
	Params         map[string]any
	Drift          []int
	FirstWarning   *int `json:"first_warning"`
	Warnings       *int `json:"n_warning"`
}

// TestDriftAgainstPublished compares alarms and warnings with those of the published
// implementations, by River's parameter names, on all reference streams.
func TestDriftAgainstPublished(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(shared, "drift/expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Expected map[string][]driftRun }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	compared := map[string]int{}
	for stream, runs := range doc.Expected {
		for _, run := range runs {
			detector, _, _ := strings.Cut(run.Detector, " (") // a remark follows
			which, known := driftRuns[detector]
			if !known || !strings.HasPrefix(run.Impl, which.impl) {
				continue
			}
			args := []string{"drift", "--json", "--detector", which.name, "--column", "x"}
			for k, v := range run.Params {
				args = append(args, "--set", fmt.Sprintf("%s=%v", k, v))
			}
			got := driftOf(t, append(args, filepath.Join(shared, "drift/streams", stream+".csv")))
			if diff := cmp.Diff(run.Drift, got.Alarms); diff != "" && len(run.Drift)+len(got.Alarms) > 0 {
				t.Errorf("%s %v: alarms %s", stream, args, diff)
			}
			if run.Warnings != nil && *run.Warnings != len(got.Warnings) {
				t.Errorf("%s %v: %d warnings, %d published", stream, args, len(got.Warnings), *run.Warnings)
			}
			if run.FirstWarning != nil && (len(got.Warnings) == 0 || got.Warnings[0] != *run.FirstWarning) {
				t.Errorf("%s %v: warnings %v, the first published one is %d", stream, args, got.Warnings, *run.FirstWarning)
			}
			compared[which.name]++
		}
	}
	want := map[string]int{"adwin": 66, "page_hinkley": 66, "ddm": 10, "eddm": 10, "hddm_a": 10, "hddm_w": 15, "kswin": 22, "cusum": 22}
	if diff := cmp.Diff(want, compared); diff != "" {
		t.Errorf("runs compared: %s", diff)
	}
}

// driftOf runs the command and returns its document.
func driftOf(t *testing.T, args []string) (report driftReport) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := (program{bytes.NewReader(nil), &out, &errs}).run(t.Context(), args); code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	return report
}
