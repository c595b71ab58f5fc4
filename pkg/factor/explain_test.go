package factor_test

import (
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// The contributions and the intercept add up to the margin of Predict.
func TestExplanationAddsUp(t *testing.T) {
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			m, r := build(t, c), rand.New(rand.NewPCG(5, 6))
			var e event.Event
			for n := range 300 {
				e.Reset()
				fill(c.Loss == "logistic")(r, &e)
				if x, step, same := conform.Explained(t, m, &e); !same {
					t.Fatalf("event %d: explained margin %v, predicted %v", n, x.Margin, step.Margin)
				}
				m.Learn(&e)
			}
			linear, _ := m.Rows()
			w := m.Weights()
			if w.Bits != c.Bits || len(w.List) == 0 || len(w.List) > linear+1 || !w.List[0].Intercept {
				t.Errorf("%d weights of %d bits, %d rows", len(w.List), w.Bits, linear)
			}
			if len(m.Fields()) == 0 {
				t.Error("no fields")
			}
		})
	}
}

// The squares of all parameters add up alike in a model that was restored.
func TestSweepNorm(t *testing.T) {
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			m, r := build(t, c), rand.New(rand.NewPCG(5, 6))
			var e event.Event
			for range 300 {
				e.Reset()
				fill(c.Loss == "logistic")(r, &e)
				m.Learn(&e)
			}
			b, err := m.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			restored := build(t, c)
			if err := restored.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			linear := 0.0
			for _, w := range m.Weights().List {
				if !w.Intercept {
					linear += w.Value * w.Value
				}
			}
			sum, next := m.SweepNorm(0, 1)
			if again, _ := restored.SweepNorm(0, 1); next != 0 || again != sum || !(sum > linear) {
				t.Errorf("%v, then %d; restored %v; of linear weights %v", sum, next, again, linear)
			}
		})
	}
}
