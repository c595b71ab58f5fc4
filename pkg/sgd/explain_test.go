package sgd_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// The contributions and the intercept add up to the margin of Predict, for
// every configuration, and so do weights from Weights.
func TestExplanationAddsUp(t *testing.T) {
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			m, r := build(t, c), rand.New(rand.NewPCG(1, 2))
			var e event.Event
			for n := range 400 {
				e.Reset()
				fill(c.Loss)(r, &e)
				if n >= 300 {
					checkExplanation(t, m, &e)
				}
				m.Learn(&e)
			}
		})
	}
}

func checkExplanation(t *testing.T, m *sgd.Model, e *event.Event) {
	t.Helper()
	x, s, same := conform.Explained(t, m, e)
	if x.Classes > 0 && x.Class != s.Class {
		t.Fatalf("class %d, predicted %d", x.Class, s.Class)
	}
	const bound = 29 // of the margin that no loss clips
	if softmax := m.Config().Loss == "softmax"; !softmax && math.Abs(s.Margin) < bound && !same {
		t.Fatalf("margin %v, predicted %v", x.Margin, s.Margin)
	}
}

// A weight is listed once under its slot or hash, in units of the label, and
// with impact by the deviation of a field that is used as it is.
func TestWeights(t *testing.T) {
	for name, edit := range map[string]func(*sgd.Config){
		"hashed":  func(*sgd.Config) {},
		"exact":   func(c *sgd.Config) { c.Bits = 0 },
		"as is":   func(c *sgd.Config) { c.Standardize = "off" },
		"classes": func(c *sgd.Config) { c.Loss, c.Classes, c.ScaleLabel = "ova", 2, "auto" },
	} {
		t.Run(name, func(t *testing.T) {
			c := sgd.Default()
			c.Loss, c.Optimizer = "squared", "nag"
			edit(&c)
			m, r := build(t, c), rand.New(rand.NewPCG(3, 4))
			number, category := xxhash.Sum64String("amount"), xxhash.Sum64String("c=x")
			e := event.Event{Weight: 1, Labelled: true, X: event.Vector{Dense: []event.Feature{{Hash: number}}, Sparse: []event.Feature{{Hash: category, Value: 1}}}}
			for range 500 {
				v := r.NormFloat64()
				e.X.Dense[0].Value, e.Label = 7*v, 3*v+10
				if c.Classes > 0 {
					e.Label = float64(r.IntN(2))
				}
				m.Learn(&e)
			}
			w, x := m.Weights(), m.Explain(&e)
			mask := uint64(1)<<w.Bits - 1
			found := 0
			for _, v := range w.List {
				if v.Class != x.Class || v.Intercept {
					continue
				}
				for _, term := range x.Terms {
					if term.Hash&mask == v.ID {
						found++
						if math.Abs(term.Weight-v.Value) > 1e-12*math.Abs(v.Value) {
							t.Errorf("weight %v, explained with %v", v.Value, term.Weight)
						}
					}
				}
				size := v.Impact / v.Value
				if want := 1.0; c.Standardize == "off" && v.ID == number&mask && math.Abs(size-7) > 0.5 || c.Standardize != "off" && size != want {
					t.Errorf("impact %v of weight %v", v.Impact, v.Value)
				}
			}
			if found != 2 {
				t.Errorf("%d of 2 features have a weight in %+v", found, w.List)
			}
			if f := m.Fields(); len(f) != 1 || f[0].Hash != number || f[0].Events != 500 {
				t.Errorf("fields %+v", f)
			}
		})
	}
}
