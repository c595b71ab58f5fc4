package drift

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dataDir holds the reference vectors, beside the repository.
const dataDir = "../../../shared/data/drift"

// vector is one run of a published implementation. Its indices are 0-based.
type vector struct {
	Impl     string         `json:"impl"`
	Detector string         `json:"detector"`
	Params   map[string]any `json:"params"`
	Drift    []int          `json:"drift"`
	State    [][4]float64   `json:"state_i_width_total_variance"`
}

// adwinImpl are the runs whose loop over the buckets is the corrected one;
// older releases of River skip the last bucket of every row.
const adwinImpl = "river>=0.22 / MOA loop bounds; river reset semantics"

func vectors(t *testing.T) map[string][]vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dataDir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Expected map[string][]vector }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Expected
}

func readStream(t *testing.T, name string) []float64 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dataDir, "streams", name+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, line := range strings.Fields(string(raw))[1:] {
		x, err := strconv.ParseFloat(line, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// with sets the named parameters of a vector and fails on unknown ones.
func with(t *testing.T, params map[string]any, fields map[string]any) {
	t.Helper()
	for k, v := range params {
		switch p := fields[k].(type) {
		case *float64:
			*p = v.(float64)
		case *int:
			*p = int(v.(float64))
		case *string:
			*p = v.(string)
		default:
			t.Fatalf("vector has parameter %s", k)
		}
	}
}

func alarms(d Detector, stream []float64) []int {
	out := []int{}
	for i, x := range stream {
		if d.Observe(x) == Drift {
			out = append(out, i)
		}
	}
	return out
}

func TestADWINAgainstRiver(t *testing.T) {
	runs := 0
	for stream, list := range vectors(t) {
		xs := readStream(t, stream)
		for _, v := range list {
			if v.Detector != "ADWIN" || v.Impl != adwinImpl {
				continue
			}
			runs++
			p := DefaultADWINParams()
			with(t, v.Params, map[string]any{
				"delta": &p.Delta, "clock": &p.Clock, "max_buckets": &p.MaxBuckets,
				"min_window_length": &p.MinWindowLength, "grace_period": &p.GracePeriod,
			})
			d, err := NewADWIN(p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Drift, alarms(d, xs)); diff != "" {
				t.Errorf("%s %v: alarms (-river +ours)\n%s", stream, v.Params, diff)
			}
			d.Reset()
			for i, x := range xs {
				d.Observe(x)
				for _, s := range v.State {
					if int(s[0]) == i && !(d.width == s[1] && near(d.total, s[2]) && near(d.variance, s[3])) {
						t.Errorf("%s %v at %d: width %v, total %v, variance %v; river has %v",
							stream, v.Params, i, d.width, d.total, d.variance, s[1:])
					}
				}
			}
		}
	}
	if runs != 66 {
		t.Errorf("%d runs compared, 66 are listed", runs)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }

func TestPageHinkleyAgainstRiver(t *testing.T) {
	runs := 0
	for stream, list := range vectors(t) {
		xs := readStream(t, stream)
		for _, v := range list {
			if v.Detector != "PageHinkley" {
				continue
			}
			runs++
			p := DefaultPageHinkleyParams()
			with(t, v.Params, map[string]any{
				"min_instances": &p.MinInstances, "delta": &p.Delta, "threshold": &p.Threshold, "alpha": &p.Alpha, "mode": &p.Mode,
			})
			d, err := NewPageHinkley(p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Drift, alarms(d, xs)); diff != "" {
				t.Errorf("%s %v: alarms (-river +ours)\n%s", stream, v.Params, diff)
			}
		}
	}
	if runs != 66 {
		t.Errorf("%d runs compared, 66 are listed", runs)
	}
}
