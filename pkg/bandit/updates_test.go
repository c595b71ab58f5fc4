package bandit

import (
	"fmt"
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// traced is one step of a trace.
type traced struct {
	A        int
	R        float64
	PMF      []float64 `json:"pmf_before"`
	H        []float64 `json:"H_after"`
	Baseline float64   `json:"baseline_after"`
	P        []float64
	W        []float64 `json:"w_after"`
	N, S     []float64
	UCB      []*float64
	Alpha    []float64
	Beta     []float64
}

func traces(t *testing.T) map[string][]traced {
	t.Helper()
	type section struct{ Steps []traced }
	var file struct {
		Gradient section `json:"gradient_bandit"`
		EXP3     section `json:"exp3"`
		UCB      section `json:"discounted_ucb"`
		TS       section `json:"discounted_beta_ts"`
	}
	vectors(t, "bandit_updates.json", &file)
	return map[string][]traced{"gradient": file.Gradient.Steps, "exp3": file.EXP3.Steps, "ucb": file.UCB.Steps, "ts": file.TS.Steps}
}

func play1(t *testing.T, m *Model, arm int, p, r float64) {
	t.Helper()
	e := &event.Event{}
	e.Reset()
	e.Arm, e.Prob, e.Label, e.Labelled = arm, p, r, true
	if s := m.Learn(e); s.Reject != nil {
		t.Fatal(s.Reject)
	}
}

// Sutton and Barto's equation 2.12, with rates of one event and no entropy.
func TestGradientVectors(t *testing.T) {
	c := config(Gradient, 3)
	c.Rate, c.Floor = .1, 0
	m := newModel(t, c)
	for i, s := range traces(t)["gradient"] {
		name := fmt.Sprintf("step %d ", i)
		p := m.Distribution(&event.Event{}, nil, nil)
		near(t, name+"pmf", p, s.PMF, 1e-12)
		play1(t, m, s.A, p[s.A], s.R)
		g := m.live.(*gradient)
		near(t, name+"H", []float64{g.theta[0][0], g.theta[1][0], g.theta[2][0]}, s.H, 1e-12)
		near(t, name+"baseline", []float64{g.baseline()}, []float64{s.Baseline}, 1e-12)
	}
}

func TestEXP3Vectors(t *testing.T) {
	c := config(EXP3, 3)
	c.Gamma, c.Floor = .1, 0
	m := newModel(t, c)
	for i, s := range traces(t)["exp3"] {
		p := m.Distribution(&event.Event{}, nil, nil)
		near(t, fmt.Sprintf("step %d p", i), p, s.P, 1e-12)
		play1(t, m, s.A, p[s.A], s.R)
		var w []float64
		for _, a := range m.live.(*counts).sums {
			w = append(w, math.Exp(.1/3*a.w))
		}
		near(t, fmt.Sprintf("step %d w", i), w, s.W, 1e-12)
	}
}

// The discount of the vectors is one per event, 0.9.
func TestDiscountVectors(t *testing.T) {
	all := traces(t)
	for name, policy := range map[string]string{"ucb": UCB1, "ts": Thompson} {
		c := config(policy, 2)
		c.Alpha = 1
		s := newModel(t, c).live.(*counts)
		if len(all[name]) < 5 {
			t.Fatalf("%d steps", len(all[name]))
		}
		for i, want := range all[name] {
			for a := range s.sums {
				s.sums[a].scale(.9)
			}
			s.sums[want.A].add(&armSums{n: 1, s: want.R})
			what := fmt.Sprintf("%s step %d ", name, i)
			if policy == Thompson {
				a, b := s.posterior(0), s.posterior(1)
				near(t, what+"alpha", []float64{a.alpha, b.alpha}, want.Alpha, 1e-9)
				near(t, what+"beta", []float64{a.beta, b.beta}, want.Beta, 1e-9)
				continue
			}
			near(t, what+"N", []float64{s.sums[0].n, s.sums[1].n}, want.N, 1e-9)
			near(t, what+"S", []float64{s.sums[0].s, s.sums[1].s}, want.S, 1e-9)
			p := make([]float64, 2)
			s.index(p, nil)
			for a, u := range want.UCB {
				if u == nil && !math.IsInf(p[a], 1) || u != nil && math.Abs(p[a]-*u) > 1e-9 {
					t.Errorf("%sbound %d: %v, want %v", what, a, p[a], u)
				}
			}
		}
	}
}

// MABWiser's UCB1 and softmax (Apache-2.0).
func TestMABWiserVectors(t *testing.T) {
	var file struct {
		UCB1 []struct {
			Alpha     float64
			Decisions []int
			Rewards   []float64
			Expect    []float64
		}
		Softmax []struct {
			Tau    float64
			Means  []float64
			Expect []float64 `json:"expect_pmf"`
		}
		Ridge []struct {
			X       [][]float64
			Y       []float64
			L2      float64
			Beta    []float64
			BetaTol float64 `json:"beta_tol"`
			Query   []float64
			Pred    float64
			PredTol float64 `json:"pred_tol"`
			Step1   armRows
			Step2   struct{ Arm0, Arm1 armRows }
		}
	}
	vectors(t, "mabwiser_linear.json", &file)
	for i, c := range file.UCB1 {
		sums := make([]armSums, len(c.Expect))
		for k, d := range c.Decisions {
			sums[d-1].add(&armSums{n: 1, s: c.Rewards[k]})
		}
		var got []float64
		for a := range sums {
			got = append(got, ucb1(&sums[a], float64(len(c.Decisions)), c.Alpha))
		}
		near(t, fmt.Sprintf("UCB1 case %d", i), got, c.Expect, 1e-9)
	}
	for i, c := range file.Softmax {
		softmax(c.Means, 1/c.Tau)
		near(t, fmt.Sprintf("softmax case %d", i), c.Means, c.Expect, 1e-9)
	}
	regressions := 0
	for i, c := range file.Ridge {
		if c.X == nil { // in two steps, of which the second learns another arm too
			var arm0, arm1 ldl
			near(t, "first step", learnRows(&arm1, 1, c.Step1.X, c.Step1.Y), c.Step1.Beta1, 1e-8)
			near(t, "second step, arm 0", learnRows(&arm0, 1, c.Step2.Arm0.X, c.Step2.Arm0.Y), c.Step2.Arm0.Beta0, 1e-8)
			near(t, "second step, arm 1", learnRows(&arm1, 1, c.Step2.Arm1.X, c.Step2.Arm1.Y), c.Step2.Arm1.Beta1, 1e-8)
			regressions++
			continue
		}
		var f ldl
		learnRows(&f, c.L2, c.X, c.Y)
		near(t, fmt.Sprintf("ridge case %d", i), f.theta, c.Beta, c.BetaTol)
		if c.Query != nil {
			near(t, fmt.Sprintf("ridge case %d prediction", i), []float64{f.predict(c.Query)}, []float64{c.Pred}, c.PredTol)
		}
		regressions++
	}
	if len(file.UCB1) != 3 || len(file.Softmax) != 3 || regressions != 3 {
		t.Errorf("%d, %d and %d cases checked", len(file.UCB1), len(file.Softmax), regressions)
	}
}

type armRows struct {
	X            [][]float64
	Y            []float64
	Beta0, Beta1 []float64
}

// learnRows learns rows and returns theta.
func learnRows(f *ldl, lambda float64, x [][]float64, y []float64) []float64 {
	f.grow(len(x[0]), lambda)
	for k := range x {
		var g ldl
		g.update(f, append([]float64(nil), x[k]...), y[k], 1)
		g.solve()
		*f = g
	}
	return f.theta
}
