package sgd_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

var _ learner.Referenced = (*sgd.Model)(nil)

func build(t testing.TB, c sgd.Config) *sgd.Model {
	t.Helper()
	m, err := sgd.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fill fills an event with up to 80 numeric fields (so that some fall into the
// sketch) and some categories, and a label that depends on them.
func fill(lossName string) func(r *rand.Rand, e *event.Event) {
	return func(r *rand.Rand, e *event.Event) {
		z := 0.3
		for k := range 8 {
			j := k
			if k >= 4 {
				j = r.IntN(80)
			}
			if k >= 4 && hasDense(e, j) {
				continue
			}
			x := r.NormFloat64()*float64(1+j) + 10
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String("d" + strconv.Itoa(j)), Value: x})
			z += math.Sin(float64(j)) * (x - 10) / float64(1+j)
		}
		for range r.IntN(4) {
			j := r.IntN(500)
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String("s=" + strconv.Itoa(j)), Value: 1 + float64(r.IntN(2))})
			z += math.Cos(float64(j))
		}
		e.Weight = float64(1+r.IntN(4)) / 2
		e.Labelled = true
		e.Label = 50*z + r.NormFloat64()
		switch {
		case binary(lossName):
			e.Label = 0
			if r.Float64() < 1/(1+math.Exp(-z)) {
				e.Label = 1
			}
		case several(lossName):
			e.Label = math.Floor(max(0, min(3, 2+z)))
		case lossName == "poisson":
			e.Label = math.Round(math.Abs(z))
		case lossName == "multilabel":
			for k := range uint32(4) {
				if z > float64(k)-1+r.NormFloat64() {
					e.Labels = append(e.Labels, k)
				}
			}
		case lossName == "csoaa":
			for k := range uint32(4) {
				if k == 1 || r.IntN(4) > 0 {
					e.Costs = append(e.Costs, event.Cost{Class: k, Cost: math.Abs(z - float64(k))})
				}
			}
		}
	}
}

func binary(lossName string) bool { return lossName == "logistic" || lossName == "hinge" }

func several(lossName string) bool { return lossName == "ova" || lossName == "softmax" }

func hasDense(e *event.Event, j int) bool {
	h := xxhash.Sum64String("d" + strconv.Itoa(j))
	for _, f := range e.X.Dense {
		if f.Hash == h {
			return true
		}
	}
	return false
}

// wild fills an event with finite numbers over the whole range of float64.
func wild(lossName string) func(r *rand.Rand, e *event.Event) {
	return func(r *rand.Rand, e *event.Event) {
		number := func() float64 {
			switch r.IntN(6) {
			case 0:
				return 0
			case 1:
				return r.NormFloat64()
			case 2:
				return math.Ldexp(r.NormFloat64(), r.IntN(660)-330)
			case 3:
				return [...]float64{1e100, -1e100, math.SmallestNonzeroFloat64, 1e-308, math.MaxFloat64}[r.IntN(5)]
			}
			return math.Ldexp(r.NormFloat64(), r.IntN(2000)-1000)
		}
		for j := range 5 {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String("d" + strconv.Itoa(j)), Value: number()})
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(r.IntN(20)), Value: number()})
		}
		e.Labelled, e.Label = true, number()
		switch {
		case binary(lossName) || several(lossName):
			e.Label = float64(r.IntN(2))
		case lossName == "multilabel" && r.IntN(2) == 0:
			e.Labels = append(e.Labels, uint32(r.IntN(4)))
		case lossName == "csoaa":
			e.Costs = append(e.Costs, event.Cost{Class: uint32(r.IntN(4)), Cost: number()})
		}
		if r.IntN(2) == 0 {
			e.Weight = math.Abs(number())
		}
	}
}

func refused(lossName string) []conform.Refused {
	bad := []conform.Refused{
		{Name: "NaN", Reason: event.NonFinite, Spoil: func(e *event.Event) { e.X.Dense[3].Value = math.NaN() }},
		{Name: "Inf", Reason: event.NonFinite, Spoil: func(e *event.Event) {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1, Value: math.Inf(-1)})
		}},
		{Name: "Huge", Reason: event.Extreme, Spoil: func(e *event.Event) { e.X.Dense[0].Value = -1e101 }},
		{Name: "Extreme", Reason: event.Extreme, Spoil: func(e *event.Event) { e.X.Dense[0].Value = 1.1e6 }},
		{Name: "ExtremeSparse", Reason: event.Extreme, Spoil: func(e *event.Event) {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1, Value: 1.1e6})
		}},
		{Name: "ExtremeNewField", Reason: event.Extreme, Spoil: func(e *event.Event) {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1, Value: 1.1e21})
		}},
		{Name: "Unlabelled", Reason: event.LabelMissing, Spoil: func(e *event.Event) { e.Labelled = false }},
		{Name: "LabelNaN", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = math.NaN() }},
		{Name: "WeightNegative", Reason: event.WeightInvalid, Spoil: func(e *event.Event) { e.Weight = -1 }},
		{Name: "WeightNaN", Reason: event.WeightInvalid, Spoil: func(e *event.Event) { e.Weight = math.NaN() }},
		{Name: "WeightOverflows", Reason: event.Unstable, Spoil: func(e *event.Event) { e.Weight = math.MaxFloat64 }},
		{Name: "TooManyFields", Reason: event.TooManyFeatures, Spoil: func(e *event.Event) {
			for j := range uint64(4096) {
				e.X.Dense = append(e.X.Dense, event.Feature{Hash: j, Value: 1})
			}
		}},
	}
	if lossName == "poisson" {
		bad = append(bad, conform.Refused{Name: "Negative", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = -1 }})
	}
	switch lossName {
	case "multilabel":
		bad = slices.DeleteFunc(bad, func(r conform.Refused) bool { return r.Name == "LabelNaN" })
		return append(bad, conform.Refused{Name: "NoClass", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Labels = []uint32{4} }})
	case "csoaa":
		bad = slices.DeleteFunc(bad, func(r conform.Refused) bool { return r.Name == "LabelNaN" })
		return append(bad,
			conform.Refused{Name: "NoCosts", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Costs = nil }},
			conform.Refused{Name: "NoClass", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Costs = []event.Cost{{Class: 4}} }},
			conform.Refused{Name: "CostNaN", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Costs[0].Cost = math.NaN() }},
			conform.Refused{Name: "CostExtreme", Reason: event.Extreme, Spoil: func(e *event.Event) { e.Costs[0].Cost = 1e7 }},
		)
	}
	if several(lossName) {
		return append(bad,
			conform.Refused{Name: "NoClass", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = 4 }},
			conform.Refused{Name: "HalfClass", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = 1.5 }},
		)
	}
	if binary(lossName) {
		return append(bad, conform.Refused{Name: "Label2", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = 2 }})
	}
	return append(bad, conform.Refused{Name: "LabelExtreme", Reason: event.Extreme, Spoil: func(e *event.Event) { e.Label = 1e7 }})
}

// configs are the combinations that the conformance suite runs on.
func configs() map[string]sgd.Config {
	out := map[string]sgd.Config{}
	for _, l := range []string{"hinge", "quantile", "huber", "poisson"} {
		for _, o := range []string{"auto", "nag"} {
			c := sgd.Default()
			c.Loss, c.Optimizer, c.Bits = l, o, 12
			out[l+"/"+o] = c
		}
	}
	ova := sgd.Default()
	ova.Loss, ova.Classes, ova.Optimizer, ova.Bits = "ova", 4, "nag", 0
	out["exact/ova"] = ova
	for _, o := range []string{"auto", "nag", "coin"} {
		c := sgd.Default()
		c.Optimizer, c.Bits = o, 0
		out["exact/"+o] = c
	}
	for _, o := range []string{"auto", "adam", "coin"} {
		c := sgd.Default()
		c.Loss, c.Classes, c.Optimizer, c.Bits = "softmax", 4, o, 8
		out["softmax/"+o] = c
	}
	for _, o := range []string{"auto", "nag", "coin"} {
		c := sgd.Default()
		c.Loss, c.Classes, c.Optimizer, c.Bits = "ova", 4, o, 9
		out["ova/"+o] = c
	}
	for _, l := range []string{"multilabel", "csoaa"} {
		for _, o := range []string{"auto", "nag", "coin", "adam"} {
			c := sgd.Default()
			c.Loss, c.Classes, c.Optimizer, c.Bits = l, 4, o, 5
			out[l+"/"+o] = c
		}
	}
	for _, method := range []string{"platt", "isotonic"} {
		for _, l := range []string{"logistic", "hinge", "ova", "multilabel"} {
			c := sgd.Default()
			c.Loss, c.Calibrate, c.Optimizer, c.Bits = l, method, "nag", 5
			if l != "logistic" && l != "hinge" {
				c.Classes = 4
			} else {
				c.Optimizer = "auto"
			}
			out[l+"/"+method] = c
		}
	}
	for _, l := range []string{"logistic", "squared"} {
		for _, o := range []string{"auto", "nag", "sgd", "adagrad", "adam", "ftrl", "coin", "arow", "scw", "rls"} {
			if l == "squared" && (o == "arow" || o == "scw") || l == "logistic" && o == "rls" {
				continue
			}
			c := sgd.Default()
			c.Loss, c.Optimizer, c.Bits = l, o, 12
			if o == "rls" {
				c.Bits = 7 // the events have more than 200 features
			}
			out[l+"/"+o] = c
		}
		for _, o := range []string{"nag", "sgd", "adagrad"} {
			c := sgd.Default()
			c.Loss, c.Optimizer, c.Bits, c.L1, c.L2 = l, o, 12, 1e-3, 1e-3
			if l == "logistic" || o == "nag" {
				out[l+"/"+o+"/penalised"] = c
			}
		}
		for o, s := range map[string]string{"nag": "exponential", "sgd": "inverse", "adam": "power", "adagrad": "constant"} {
			c := sgd.Default()
			c.Loss, c.Optimizer, c.Bits, c.Schedule, c.Warmup = l, o, 12, s, 50
			switch s {
			case "power":
				c.Power, c.ClipCoordinate = 0.5, 0.1
			case "constant":
				c.ClipCoordinate, c.Tracking = 0.1, true
			default:
				c.RateDecay = 1e-3
			}
			out[l+"/"+o+"/"+s] = c
		}
		c := sgd.Default()
		c.Loss, c.Compat, c.Bits = l, "vw", 12
		out[l+"/vw"] = c
		c = sgd.Default()
		c.Loss, c.Optimizer, c.Bits, c.Standardize, c.ScaleLabel, c.Power, c.InterceptRate = l, "sgd", 12, "off", "off", 0.5, 0.01
		c.Rate, c.Clip = 1e-5, 0
		out[l+"/plain"] = c
	}
	return out
}

func TestConformance(t *testing.T) {
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			conform.Model(t, conform.Models{
				New:     func(t testing.TB) learner.Model { return build(t, c) },
				Fill:    fill(c.Loss),
				Wild:    wild(c.Loss),
				Refused: refused(c.Loss),
			})
		})
	}
}

// Many goroutines may score with one model at a time.
func TestScoreConcurrently(t *testing.T) {
	events := benchEvents(10, 10)
	m := build(t, sgd.Default())
	want := make([]float64, len(events))
	for i := range events {
		m.Learn(&events[i])
	}
	for i := range events {
		want[i] = m.Predict(&events[i]).Prediction
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range events {
				if got := m.Score(&events[i]); got != want[i] {
					t.Errorf("event %d: score %v, want %v", i, got, want[i])
					return
				}
			}
		})
	}
	wg.Wait()
}

// What Learn says of an event it refuses, field by field, is nothing.
func TestRefusedStepIsEmpty(t *testing.T) {
	m := build(t, sgd.Default())
	s := m.Learn(&event.Event{Weight: 1, Label: 3, Labelled: true})
	if s.Reject == nil || s.Reject.Reason != event.LabelInvalid || !strings.Contains(s.Reject.Detail, "source.positive") {
		t.Fatalf("rejection %v", s.Reject)
	}
	s.Reject = nil
	if d := cmp.Diff(event.Step{}, s); d != "" {
		t.Errorf("step: %s", d)
	}
}
