package sgd

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// river is what River's StandardScaler and LogisticRegression(SGD(lr)) or
// LinearRegression did on a stream (streams/linear_parity.json).
type river struct {
	LR           float64            `json:"lr"`
	InterceptLR  float64            `json:"intercept_lr"`
	First        []float64          `json:"first20"`
	FinalWeights map[string]float64 `json:"final_weights"`
	Intercept    float64            `json:"intercept"`
	Mean         map[string]float64 `json:"scaler_mean"`
	Var          map[string]float64 `json:"scaler_var"`
	Accuracy     float64            `json:"accuracy"`
	MAE          float64            `json:"MAE"`
}

// By configuration alone every prediction of River is reproduced, and what its
// model and its scaler are in the end.
func TestRiverParity(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(dataDir, "streams/linear_parity.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]river
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  string
		read func(testing.TB) table
		loss string
	}{
		{"phishing_1250", phishing, "logistic"},
		{"elec2_8feat (label: file class 0 = UP = positive)", elec2, "logistic"},
		{"trump_approval", trump, "squared"},
	} {
		t.Run(c.key, func(t *testing.T) {
			want, ok := all[c.key]
			if !ok {
				t.Fatalf("no such case")
			}
			m := newModel(t, func(cfg *Config) {
				cfg.Loss, cfg.Compat, cfg.Rate, cfg.InterceptRate = c.loss, "river", want.LR, want.InterceptLR
			})
			want.compare(t, m, run(t, m, c.read(t)))
		})
	}
}

// River's documentation prints 23.7587 for its LinearRegression on chick weights.
func TestRiverChicks(t *testing.T) {
	p := run(t, newModel(t, func(c *Config) { c.Loss, c.Compat = "squared", "river" }), chicks(t))
	if got := fmt.Sprintf("%.4f", p.mae); got != "23.7587" {
		t.Errorf("mean absolute error %s, want 23.7587", got)
	}
}

// Cost and regret are those of the decision that was made, not of one with the scaler after it.
func TestRiverDecisionsCost(t *testing.T) {
	m, r := newModel(t, func(c *Config) {
		c.Loss, c.Compat, c.Rate, c.FalseNegativeCost = "logistic", "river", 1, 5
	}), rand.New(rand.NewPCG(3, 4))
	wrong := 0
	for range 300 {
		e := someEvent(r, &m.p)
		s := m.Learn(&e)
		if s.Reject != nil {
			t.Fatal(s.Reject)
		}
		if s.Cost > 0 {
			wrong++
		}
		if (s.Cost > 0) != (float64(s.Class) != s.Label) || s.Regret != s.Cost {
			t.Fatalf("class %d of label %v costs %v, regret %v", s.Class, s.Label, s.Cost, s.Regret)
		}
	}
	if wrong == 0 || wrong == 300 {
		t.Errorf("%d of 300 decisions are wrong", wrong)
	}
}

func (want *river) compare(t *testing.T, m *Model, got *progress) {
	t.Helper()
	for i, p := range want.First {
		near(t, "prediction", got.predictions[i], p)
	}
	for name, w := range want.FinalWeights {
		h := xxhash.Sum64String(name)
		near(t, "weight of "+name, m.slots[h&m.mask].W, w)
		f := m.scaler.Field(m.scaler.Lookup(h))
		near(t, "mean of "+name, f.Mean, want.Mean[name])
		near(t, "variance of "+name, f.M2/f.Weight, want.Var[name])
	}
	near(t, "intercept", m.slots[len(m.slots)-1].W, want.Intercept)
	if acc := got.accuracyAbove(0.5); want.Accuracy > 0 && acc != want.Accuracy {
		t.Errorf("accuracy %v, want %v", acc, want.Accuracy)
	}
	if want.MAE > 0 {
		near(t, "mean absolute error", got.mae, want.MAE)
	}
}

// accuracyAbove is the accuracy when a probability equal to the threshold
// means the negative class, as in River.
func (p *progress) accuracyAbove(threshold float64) float64 {
	right := 0
	for i, y := range p.labels {
		if (p.predictions[i] > threshold) == (y == 1) {
			right++
		}
	}
	return float64(right) / float64(len(p.labels))
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
