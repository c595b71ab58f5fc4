package sgd

import (
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// A weight is penalised from the event on that moved it first, not for the events before: neither
// those whose gradient was 0, nor those that had no cost of its class.
func TestPenaltyBeginsWithTheWeight(t *testing.T) {
	learn := func(t *testing.T, m *Model, n int, label float64, costs []event.Cost, hashes ...uint64) {
		t.Helper()
		for range n {
			e := event.Event{Weight: 1, Label: label, Costs: costs, Labelled: true}
			for _, h := range hashes {
				e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: h, Value: 1})
			}
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
	}
	t.Run("hinge", func(t *testing.T) {
		m := newModel(t, func(c *Config) { c.Loss, c.Optimizer, c.L1, c.Bits = "hinge", "nag", 1e-3, 4 })
		for range 1000 {
			learn(t, m, 1, 1, nil, 1)
			learn(t, m, 1, 1, nil, 4)
			learn(t, m, 1, 0, nil, 2)
		}
		e := event.Event{X: event.Vector{Sparse: []event.Feature{{Hash: 1, Value: 1}, {Hash: 4, Value: 1}, {Hash: 3, Value: 1}}}}
		if z := m.Predict(&e).Margin; z < 1 {
			t.Fatalf("margin %v: the gradient is not 0", z)
		}
		learn(t, m, 1, 1, nil, 1, 4, 3)
		learn(t, m, 3, 1, nil, 2, 3)
		if w := m.slots[3<<m.shift].W; !(w > 0.1) {
			t.Errorf("weight %v", w)
		}
	})
	t.Run("csoaa", func(t *testing.T) {
		m := newModel(t, func(c *Config) {
			c.Loss, c.Classes, c.Optimizer, c.L1, c.ScaleLabel, c.Bits = "csoaa", 2, "sgd", 0.1, "off", 4
		})
		learn(t, m, 2000, 0, []event.Cost{{Class: 0, Cost: 1}}, 3)
		learn(t, m, 50, 0, []event.Cost{{Class: 1, Cost: 1}}, 3)
		if w := m.slots[3<<m.shift+m.lanes].W; !(w > 0.1) {
			t.Errorf("weight %v", w)
		}
	})
}
