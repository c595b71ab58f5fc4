package bandit

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// vectors reads a file of reference values, whose origin it names itself.
func vectors(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "bandit_vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The true probabilities for the posteriors of stitchfix/mab's tests and for
// others (computed with scipy). The test's own literals are off by up to 5.5e-4.
func TestThompsonVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Dist    string
			Params  [][2]float64
			Expect  []float64
			Precise []float64 `json:"expect_hi_precision"`
		}
	}
	vectors(t, "thompson_probs.json", &file)
	checked := 0
	for i, c := range file.Cases {
		if c.Dist != "beta" {
			continue
		}
		want := c.Precise
		if want == nil {
			want = c.Expect
		}
		var posterior []beta
		for _, p := range c.Params {
			posterior = append(posterior, beta{p[0], p[1]})
		}
		near(t, fmt.Sprintf("case %d", i), bestProbabilities(newRule(), posterior, nil), want, 1e-9)
		checked++
	}
	if checked != 5 {
		t.Errorf("%d cases checked, the file has 5 with Beta posteriors", checked)
	}
}

// A, its inverse, b, theta and the bounds of MABWiser's LinUCB (Apache-2.0) on
// contexts without intercept and standardisation.
func TestLinUCBVectors(t *testing.T) {
	var file struct {
		LinUCB []struct {
			Alpha     float64
			Lambda    float64 `json:"l2_lambda"`
			Arms      []int
			Decisions []int
			Rewards   []float64
			Contexts  [][]float64
			Query     [][]float64
			Expect    [][]float64 `json:"expect_ucb"`
			State     map[string]struct {
				A     [][]float64
				AInv  [][]float64 `json:"A_inv"`
				B     []float64   `json:"b"`
				Theta []float64
			}
		}
	}
	vectors(t, "mabwiser_linear.json", &file)
	if len(file.LinUCB) != 3 {
		t.Fatalf("%d cases", len(file.LinUCB))
	}
	for i, c := range file.LinUCB {
		cfg := Default()
		cfg.Arms = []string{"1", "2", "3"}
		cfg.Alpha, cfg.Lambda, cfg.Intercept, cfg.Standardize, cfg.Extreme = c.Alpha, c.Lambda, false, "off", 0
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for k, d := range c.Decisions {
			e := contextEvent(c.Contexts[k])
			e.Arm, e.Prob, e.Label, e.Labelled = d-1, 1, c.Rewards[k], true
			if s := m.Learn(e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		lin := m.live.(*linear)
		for a := range cfg.Arms {
			want, got := c.State[cfg.Arms[a]], &lin.arms[a]
			name := fmt.Sprintf("case %d arm %s ", i, cfg.Arms[a])
			near(t, name+"b", got.b, want.B, 1e-9)
			near(t, name+"theta", got.theta, want.Theta, 1e-9)
			for r := range want.A {
				near(t, name+"A", product(&got.a)[r], want.A[r], 1e-9)
				near(t, name+"A^-1", inverse(&got.a)[r], want.AInv[r], 1e-9)
			}
		}
		for k, q := range c.Query {
			near(t, fmt.Sprintf("case %d query %d", i, k), lin.bounds(contextEvent(q), nil), c.Expect[k], 1e-9)
		}
	}
}

// contextEvent returns an event with numeric fields x0, x1, ...
func contextEvent(x []float64) *event.Event {
	e := &event.Event{}
	e.Reset()
	for i, v := range x {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String(fmt.Sprintf("x%d", i)), Value: v})
	}
	return e
}

// product returns L L'.
func product(f *factor) [][]float64 {
	out := make([][]float64, f.n)
	for i := range out {
		out[i] = make([]float64, f.n)
		for j := range out[i] {
			for k := range min(i, j) + 1 {
				out[i][j] += f.row(i)[k] * f.row(j)[k]
			}
		}
	}
	return out
}

// inverse returns (L L')^-1, column by column, which is also row by row.
func inverse(f *factor) [][]float64 {
	out := make([][]float64, f.n)
	for i := range out {
		out[i] = make([]float64, f.n)
		out[i][i] = 1
		f.forward(out[i])
		f.backward(out[i])
	}
	return out
}

// VW's enforce_minimum_probability with update_zero is the same projection, and
// its epsilon-greedy is the projection of certainty.
func TestFloorVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Fn         string
			Eps        float64
			Epsilon    float64
			Top, N     int
			UpdateZero bool `json:"update_zero"`
			PMF        []float64
			Expect     []float64
		}
	}
	vectors(t, "explore_pmf.json", &file)
	checked := 0
	for i, c := range file.Cases {
		floor, p := c.Eps, c.PMF
		switch {
		case c.Fn == "epsilon_greedy" && c.Top < c.N:
			floor, p = c.Epsilon, make([]float64, c.N)
			p[c.Top] = 1
		case c.Fn == "enforce_minimum_probability" && c.UpdateZero && p[0]+p[1]+p[2] > 0:
		default:
			continue
		}
		enforceFloor(p, floor)
		near(t, fmt.Sprintf("case %d", i), p, c.Expect, 1e-9)
		checked++
	}
	if checked != 9 {
		t.Errorf("%d cases checked", checked)
	}
}
