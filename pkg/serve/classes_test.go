package serve_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// What a reader says of the classes is, bit for bit, what the learner's model
// predicts, with the names that were published.
func TestScoreClasses(t *testing.T) {
	for loss, label := range map[string]struct{ kind, text string }{
		"ova": {"", `"b"`}, "softmax": {"", `"b"`}, "multilabel": {event.LabelSet, `["a","b"]`}, "csoaa": {event.LabelCosts, `{"a":2,"b":0.5,"c":3}`},
	} {
		layout := event.Layout{Format: "json", Schema: event.Schema{Label: "y", Classes: []string{"a", "b", "c"}, LabelType: label.kind}}
		cfg := sgd.Default()
		cfg.Loss, cfg.Classes, cfg.Bits = loss, 3, 8
		if loss == "ova" {
			cfg.Calibrate = "isotonic"
		}
		m, err := sgd.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		decoder, err := event.NewJSON(layout.Schema, true)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		for i := range 300 {
			y := label.text
			if i%3 == 0 {
				y = map[string]string{"": `"a"`, event.LabelSet: `[]`, event.LabelCosts: `[0,4,4]`}[label.kind]
			}
			if err := decoder.Decode(fmt.Appendf(nil, `{"y":%s,"x":%d}`, y, i%3), &e); err != nil {
				t.Fatal(err)
			}
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		b, _ := m.AppendBinary(nil)
		store := state.NewMem()
		w := newWriter(t, store, state.Key{Model: "fraud"})
		if w.schema, err = json.Marshal(layout); err != nil {
			t.Fatal(err)
		}
		w.publish(1, "learning", b)
		c := openPlain(t, store)
		for x := range 3 {
			body := fmt.Appendf(nil, `{"x":%d}`, x)
			got, err := c.ScoreClassesJSON(body, nil)
			if err != nil {
				t.Fatal(err)
			}
			scoring, err := event.NewJSON(layout.Schema, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := scoring.Decode(body, &e); err != nil {
				t.Fatal(err)
			}
			want := m.Predict(&e)
			if got.Class != want.Class || !slices.Equal(got.Probs, want.Probs) || !slices.Equal(got.Names, layout.Classes) ||
				got.Costs != (loss == "csoaa") || got.Labels != (loss == "multilabel") || got.Version != 1 {
				t.Fatalf("%s: %+v, the model predicts class %d, %v", loss, got, want.Class, want.Probs)
			}
			if wantClass := min(x, 1); loss != "multilabel" && got.Class != wantClass {
				t.Errorf("%s: class %d of x %d, want %d", loss, got.Class, x, wantClass)
			}
			s, err := c.Score(&e)
			if err != nil || s.Prediction != want.Prediction || s.Classifier == got.Labels || s.Classifier && s.Class != want.Class {
				t.Fatalf("%s: %+v (%v), the model predicts %v", loss, s, err, want.Prediction)
			}
			buffer := make([]float64, 0, 3)
			if n := testing.AllocsPerRun(100, func() { _, err = c.ScoreClasses(&e, buffer) }); n != 0 || err != nil {
				t.Errorf("%s: ScoreClasses allocates %v times (%v)", loss, n, err)
			}
		}
		e.X.Dense[0].Value = math.NaN()
		var rejection *event.Rejection
		if _, err := c.ScoreClassesIn(0, &e, nil); !errors.As(err, &rejection) || rejection.Reason != event.NonFinite {
			t.Errorf("%s: NaN gives %v", loss, err)
		}
	}
}

// The decision between two classes follows the costs that were published with the model.
func TestScoreDecidesByCosts(t *testing.T) {
	for missed, want := range map[float64]int{1: 0, 50: 1} {
		cfg := sgd.Default()
		cfg.Bits, cfg.FalseNegativeCost = 4, missed
		m, err := sgd.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			e := event.Event{Weight: 1, Labelled: true}
			if i%5 == 0 {
				e.Label = 1
			}
			m.Learn(&e)
		}
		b, _ := m.AppendBinary(nil)
		store := state.NewMem()
		newWriter(t, store, state.Key{Model: "fraud"}).publish(1, "learning", b)
		c := open(t, serve.Options{Store: store})
		s, err := c.Score(&event.Event{})
		if err != nil || !s.Classifier || s.Class != want || math.Abs(s.Prediction-0.2) > 0.05 {
			t.Errorf("cost %v of a missed positive: %+v (%v), want class %d", missed, s, err, want)
		}
		if _, err := c.ScoreClasses(&event.Event{}, nil); !errors.Is(err, serve.ErrKind) {
			t.Errorf("classes of a model of two: %v", err)
		}
	}
}
