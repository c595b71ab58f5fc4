package catalog

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// TestDetectorsConform runs the rules of detectors on every name, so that a new
// entry is held to them without being asked.
func TestDetectorsConform(t *testing.T) {
	quick := map[string]map[string]string{"e_detector": {"reference": "2000"}, "page_hinkley": {"threshold": "20"},
		"eddm": {"alpha": "0.8", "beta": "0.7"}, "kswin": {"alpha": "1e-5"}, "cusum_frozen": {"min_instances": "500", "threshold": "20"}}
	for _, name := range Detectors() {
		t.Run(name, func(t *testing.T) {
			conform.Detector(t, name, func() drift.Detector {
				d, err := Detector(name, quick[name])
				if err != nil {
					t.Fatal(err)
				}
				return d
			})
		})
	}
}

func TestDetectorErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  map[string]string
		want string
	}{
		{"adwn", nil, `detector "adwn": must be one of adwin, cusum, cusum_frozen, ddm, e_detector, eddm, hddm_a, hddm_w, kswin, mewma, page_hinkley`},
		{"adwin", map[string]string{"delt": "1"}, "detector adwin: delt: there is no such parameter; it has delta, clock, max_buckets, min_window_length, grace_period, mode"},
		{"adwin", map[string]string{"delta": "x"}, `detector adwin: delta: "x": must be a number`},
		{"adwin", map[string]string{"clock": "1.5"}, `detector adwin: clock: "1.5": must be a whole number`},
		{"adwin", map[string]string{"clock": "0"}, "clock: 0: must be between 1 and 1000000"},
		{"page_hinkley", map[string]string{"mode": "sideways"}, `mode: "sideways": must be up, down or both`},
	} {
		if _, err := Detector(tc.name, tc.set); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %v: got %v, want %s", tc.name, tc.set, err, tc.want)
		}
	}
}

func TestDetectorParameters(t *testing.T) {
	count := func(set map[string]string) (alarms int) {
		d, err := Detector("page_hinkley", set)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if d.Observe(float64(i/100)) == drift.Drift { // one step up
				alarms++
			}
		}
		return alarms
	}
	if strict, lax := count(map[string]string{"threshold": "5", "mode": "up"}), count(map[string]string{"threshold": "1e6"}); strict == 0 || lax != 0 {
		t.Errorf("%d alarms with a low threshold, %d with a high one", strict, lax)
	}
}

// fixture is what the rules of models and decoders are tried with.
type fixture struct {
	learner Learner
	task    metric.Task
	clip    drift.LossClip
	label   func(r *rand.Rand, e *event.Event)
	refused conform.Refused
}

func fixtures() map[string]fixture {
	sgd, squared, bandit := DefaultLearner(), DefaultLearner(), DefaultLearner()
	squared.Loss = "squared"
	sgd.Bits, squared.Bits = 10, 10
	bandit.Kind, bandit.Bandit.Arms = "bandit", []string{"a", "b", "c"}
	pairs, rating := DefaultLearner(), DefaultLearner()
	pairs.Kind, rating.Kind, rating.Factor.Loss = "factor", "factor", "squared"
	class := func(r *rand.Rand, e *event.Event) { e.Label = float64(r.IntN(2)) }
	noClass := conform.Refused{Name: "label", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = 2 }}
	return map[string]fixture{
		"sgd": {sgd, metric.Classification, drift.ClipLogistic, class, noClass},
		"sgd squared": {squared, metric.Regression, drift.ClipQuantile, func(r *rand.Rand, e *event.Event) { e.Label = r.NormFloat64() },
			conform.Refused{Name: "label", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = math.Inf(1) }}},
		"factor": {pairs, metric.Classification, drift.ClipLogistic, class, noClass},
		"factor squared": {rating, metric.Regression, drift.ClipQuantile, func(r *rand.Rand, e *event.Event) { e.Label = r.NormFloat64() },
			conform.Refused{Name: "label", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = math.NaN() }}},
		"bandit": {bandit, metric.Bandit, drift.ClipQuantile, func(r *rand.Rand, e *event.Event) {
			e.Label, e.Arm, e.Prob = float64(r.IntN(2)), r.IntN(3), 0.5
		}, conform.Refused{Name: "arm", Reason: event.ArmUnknown, Spoil: func(e *event.Event) { e.Arm = 3 }}},
	}
}

// TestModelsConform runs the rules of models on every kind.
func TestModelsConform(t *testing.T) {
	all := fixtures()
	for _, kind := range Kinds() {
		if _, ok := all[kind]; !ok {
			t.Errorf("kind %s has no events to be tried with: add them to fixtures", kind)
		}
	}
	for name, f := range all {
		t.Run(name, func(t *testing.T) {
			fill := func(scale float64) func(r *rand.Rand, e *event.Event) {
				return func(r *rand.Rand, e *event.Event) {
					e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1, Value: scale * r.NormFloat64()}, event.Feature{Hash: 2, Value: 5 + r.Float64()})
					e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(100 + r.IntN(5)), Value: 1})
					e.Labelled = true
					f.label(r, e)
				}
			}
			conform.Model(t, conform.Models{
				New: func(t testing.TB) learner.Model {
					m, err := Model(f.learner)
					if err != nil {
						t.Fatal(err)
					}
					return m
				},
				Fill: fill(1), Wild: fill(1e100), Refused: []conform.Refused{f.refused},
			})
			if err := f.learner.Validate(); err != nil {
				t.Error(err)
			}
			if Task(f.learner) != f.task || LossClip(f.learner) != f.clip {
				t.Errorf("task %v, loss clip %v; want %v, %v", Task(f.learner), LossClip(f.learner), f.task, f.clip)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	for name, f := range fixtures() {
		m, err := Model(f.learner)
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, kind, err := Open(b)
		if err != nil || kind != f.learner.Kind {
			t.Fatalf("%s: opened as %q: %v", name, kind, err)
		}
		again, err := back.AppendBinary(nil)
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s: the opened model has other bytes: %v", name, err)
		}
	}
	if _, _, err := Open([]byte("no model")); err == nil || !strings.Contains(err.Error(), "as bandit") {
		t.Errorf("other bytes: %v", err)
	}
}

func TestUnknownKind(t *testing.T) {
	l := DefaultLearner()
	l.Kind = "forest"
	const want = `learner.kind: "forest": must be one of sgd, bandit, factor`
	if err := l.Validate(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Model(l); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestDecodersConform runs the rules of decoders on every format.
func TestDecodersConform(t *testing.T) {
	good := map[string]string{"json": `{"y":1,"a":2.5,"b":"x"}`, "csv": "1,2.5,x", "libsvm": "1 3:2.5", "vw": "1 |f a:2.5 b", "vwjson": `{"_label":1,"f":{"a":2.5}}`}
	bad := map[string]string{"json": `{"y":1,"a":`, "csv": "1,2.5", "libsvm": "1 3:x", "vw": "1 |f a:x", "vwjson": `{"_label":1,"f":["x"]}`}
	for _, format := range Formats() {
		if good[format] == "" || bad[format] == "" {
			t.Errorf("format %s has no records to be tried with", format)
			continue
		}
		t.Run(format, func(t *testing.T) {
			conform.Decoder(t, conform.DecoderCase{
				New: func() event.Decoder {
					d, err := Decoder(event.Layout{Format: format, Columns: []string{"y", "a", "b"}, Delimiter: ",", Schema: event.Schema{Label: "y"}}, true)
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Good: [][]byte{[]byte(good[format])}, Bad: [][]byte{[]byte(bad[format])},
			})
		})
	}
	if _, err := Decoder(event.Layout{Format: "xml"}, true); err == nil || !strings.Contains(err.Error(), `"xml": must be one of json, csv, libsvm, vw, vwjson`) {
		t.Errorf("format xml: %v", err)
	}
	if !slices.Contains(Formats(), "json") {
		t.Error("there is no json")
	}
}
