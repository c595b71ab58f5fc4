package sgd_test

import (
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// A round in small steps adds up to the squares of all weights, and so it does
// in a model that was restored.
func TestSweepNormAddsUpAllWeights(t *testing.T) {
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			m, r := build(t, c), rand.New(rand.NewPCG(5, 6))
			var e event.Event
			for range 200 {
				e.Reset()
				fill(c.Loss)(r, &e)
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
			// Of scaled labels the intercept is listed with their mean, which is no weight.
			scaled := !binary(c.Loss) && !several(c.Loss) && c.Loss != "poisson" && c.ScaleLabel != "off" && c.Compat != "vw"
			var want float64
			for _, w := range m.Weights().List {
				if !scaled || !w.Intercept {
					want += w.Value * w.Value
				}
			}
			got := 0.0
			for at := uint64(0); ; {
				sum, next := m.SweepNorm(at, 1)
				if same, after := restored.SweepNorm(at, 1); same != sum || after != next {
					t.Fatalf("at %d: %v and on to %d; restored %v, %d", at, sum, next, same, after)
				}
				got += sum
				if at = next; at == 0 {
					break
				}
			}
			if got < want*(1-1e-12) || !scaled && got > want*(1+1e-12) {
				t.Errorf("the sums add up to %v, the squares of the weights to %v", got, want)
			}
			if sum, next := m.SweepNorm(1<<40, 50); sum != 0 || next != 0 {
				t.Errorf("beyond the end: %v, %d", sum, next)
			}
		})
	}
}
