package factor_test

import (
	"math"
	"math/rand/v2"
	"testing"

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
				x := m.Explain(&e)
				sum, size := x.Intercept, math.Abs(x.Intercept)
				for _, f := range x.Terms {
					sum += f.Contribution
					size += math.Abs(f.Contribution)
				}
				unlabelled := e
				unlabelled.Labelled = false
				want := m.Predict(&unlabelled).Margin
				if len(x.Terms) != e.X.Len() || math.Abs(sum-want) > 1e-12*max(1, size) || math.Abs(x.Margin-want) > 1e-12*max(1, size) {
					t.Fatalf("event %d: %d terms of %d features add up to %v, explained margin %v, predicted %v", n, len(x.Terms), e.X.Len(), sum, x.Margin, want)
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
