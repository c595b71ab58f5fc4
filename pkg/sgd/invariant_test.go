package sgd

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// The updates were computed by solving the differential equation numerically
// (bandit_vectors/invariant_updates.json, tolerance 1e-7).
func TestInvariantUpdates(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(dataDir, "bandit_vectors/invariant_updates.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tol   float64
		Cases []struct {
			Loss    string
			Tau     float64
			P, Y    float64
			EtaH    float64 `json:"eta_h"`
			XX      float64
			Update  float64
			Comment string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	tested := map[string]int{}
	for _, c := range file.Cases {
		if c.Loss == "squared_half" {
			continue
		}
		tested[c.Loss]++
		m := newModel(t, func(cfg *Config) {
			cfg.Loss, cfg.Bits = c.Loss, 1
			if c.Loss == "quantile" {
				cfg.Tau = c.Tau
			}
		})
		u := update{y: c.Y, h: c.EtaH, z: c.P, unit: 1}
		if m.p.binary() {
			u.y = (c.Y + 1) / 2
			u.t, u.right = math.Exp(-math.Abs(c.P)), c.Y*c.P >= 0
		}
		if got := m.p.step(&u, 1, c.XX); math.Abs(got-c.Update) > file.Tol*max(1, math.Abs(c.Update)) {
			t.Errorf("%+v: %v", c, got)
		}
	}
	for _, l := range []string{"logistic", "squared", "hinge", "quantile", "poisson"} {
		if tested[l] < 20 {
			t.Errorf("%d cases tested of %s", tested[l], l)
		}
	}
}

// The solution satisfies its equation over all magnitudes whose quotients are normal numbers.
func TestInvariantLogisticSolves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(-400, 400).Draw(t, "margin")
		s := math.Exp(rapid.Float64Range(-200, 200).Draw(t, "log step"))
		odds := math.Exp(v)
		d := invariantLogistic(odds/(1+odds), 1/(1+odds), s)
		if got := d + odds*math.Expm1(d); !(math.Abs(got-s) <= 1e-9*s) {
			t.Fatalf("d = %v gives %v, want %v", d, got, s)
		}
	})
}

// With all else equal, one event of weight 2 moves the prediction as two of
// weight 1 do, and no weight overshoots a label.
func TestImportanceWeight(t *testing.T) {
	for _, lossName := range []string{"logistic", "squared"} {
		m := newModel(t, func(c *Config) { c.Loss, c.ScaleLabel, c.Rate, c.Bits = lossName, "off", 1, 4 })
		once := m.p.step(&update{y: 1, h: 2, z: .2, t: math.Exp(-.2), right: true}, 1, 3)
		first := m.p.step(&update{y: 1, h: 1, z: .2, t: math.Exp(-.2), right: true}, 1, 3)
		z := .2 + 3*first
		second := m.p.step(&update{y: 1, h: 1, z: z, t: math.Exp(-z), right: true}, 1, 3)
		near(t, lossName, first+second, once)
		if got := .2 + 3*m.p.step(&update{y: 1, h: 1e12, z: .2, t: math.Exp(-.2), right: true}, 1, 3); lossName == "squared" && got > 1 {
			t.Errorf("overshoots the label 1: %v", got)
		}
	}
}

// A scaled field and its copy in another unit give the same predictions, and a
// constant field changes none.
func TestStandardisedFieldsHaveNoUnit(t *testing.T) {
	a, b := newModel(t, nil), newModel(t, nil)
	events := phishing(t)
	for i := range events {
		e := events[i]
		moved := event.Event{Weight: e.Weight, Label: e.Label, Labelled: true}
		for _, f := range e.X.Dense {
			moved.X.Dense = append(moved.X.Dense, event.Feature{Hash: f.Hash, Value: 1024*f.Value + 64})
		}
		moved.X.Dense = append(moved.X.Dense, event.Feature{Hash: 1, Value: 0.1})
		near(t, "prediction", b.Learn(&moved).Prediction, a.Learn(&e).Prediction)
	}
}
