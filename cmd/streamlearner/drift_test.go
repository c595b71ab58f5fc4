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

// TestDriftAgainstRiver compares the alarms with those of River's detectors, by
// River's parameter names. Of ADWIN the runs with the corrected loop count.
func TestDriftAgainstRiver(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(shared, "drift/expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Expected map[string][]struct {
			Impl, Detector string
			Params         map[string]any
			Drift          []int
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	compared := map[string]int{}
	for stream, runs := range doc.Expected {
		for _, run := range runs {
			name := map[string]string{"ADWIN": "adwin", "PageHinkley": "page_hinkley"}[run.Detector]
			if name == "" || !strings.HasPrefix(run.Impl, "river") || name == "adwin" && !strings.Contains(run.Impl, ">=0.22") {
				continue
			}
			args := []string{"drift", "--json", "--detector", name, "--column", "x"}
			for k, v := range run.Params {
				args = append(args, "--set", fmt.Sprintf("%s=%v", k, v))
			}
			var out, errs bytes.Buffer
			args = append(args, filepath.Join(shared, "drift/streams", stream+".csv"))
			if code := (program{bytes.NewReader(nil), &out, &errs}).run(t.Context(), args); code != exitOK {
				t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
			}
			var got driftReport
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(run.Drift, got.Alarms); diff != "" && len(run.Drift)+len(got.Alarms) > 0 {
				t.Errorf("%v: %s", args, diff)
			}
			compared[name]++
		}
	}
	if compared["adwin"] == 0 || compared["page_hinkley"] == 0 {
		t.Errorf("compared only %v", compared)
	}
}
