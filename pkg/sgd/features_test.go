package sgd

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Without collisions a model without hashing learns the same, in the order of
// the features of each event.
func TestExactLearnsAsHashed(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"auto": func(*Config) {},
		"ova":  func(c *Config) { c.Loss, c.Classes, c.Optimizer = "ova", 2, "nag" },
	} {
		hashed := newModel(t, func(c *Config) { edit(c); c.Bits = 22 })
		exact := newModel(t, func(c *Config) { edit(c); c.Bits = 0 })
		for i, e := range a9a(t)[:2000] {
			h, x := hashed.Learn(&e), exact.Learn(&e)
			if h.Prediction != x.Prediction || h.Loss != x.Loss {
				t.Fatalf("%s: event %d: without hashing %v, %v, with it %v, %v", name, i, x.Prediction, x.Loss, h.Prediction, h.Loss)
			}
		}
		if n := exact.touched().len(); n != hashed.touched().len() {
			t.Errorf("%s: %d features without hashing, %d with it", name, n, hashed.touched().len())
		}
	}
}

// Features whose hashes agree in their low bits keep weights of their own.
func TestExactHasNoCollisions(t *testing.T) {
	m := newModel(t, func(c *Config) { c.Bits = 0 })
	for i := range 200 {
		e := event.Event{Weight: 1, Label: float64(i % 2), Labelled: true}
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(i%2) << 40, Value: 1})
		m.Learn(&e)
	}
	for i := range uint64(2) {
		e := event.Event{X: event.Vector{Sparse: []event.Feature{{Hash: i << 40, Value: 1}}}}
		if p := m.Score(&e); (p > 0.8) != (i == 1) || (p < 0.2) != (i == 0) {
			t.Errorf("feature of class %d scores %v", i, p)
		}
	}
	unknown := event.Event{X: event.Vector{Sparse: []event.Feature{{Hash: 77, Value: 1e6}}}}
	if got, want := m.Score(&unknown), m.Score(&event.Event{}); got != want {
		t.Errorf("an unknown feature scores %v, the intercept alone %v", got, want)
	}
}

// A refused event leaves no feature behind.
func TestExactForgetsTheRefused(t *testing.T) {
	m := newModel(t, func(c *Config) {
		plain(c)
		c.Bits, c.Loss, c.Optimizer, c.Rate, c.Extreme = 0, "squared", "sgd", 1e6, 0
	})
	e := one(1e90, 1e90)
	if s := m.Learn(&e); s.Reject == nil {
		t.Fatalf("step %+v", s)
	}
	if n := len(m.exact.hashes) - len(m.exact.free); n != 2 || m.exact.number(e.X.Sparse[0].Hash) != exactUnknown {
		t.Errorf("%d features", n)
	}
}

// A directory finds what was added and not removed, whatever the order, and gives
// numbers that are free again.
func TestDirectory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, want := newDirectory(), map[uint64]uint32{}
		most := 0
		for range rapid.IntRange(1, 300).Draw(t, "operations") {
			hash := rapid.Uint64Range(0, 200).Draw(t, "hash") * 64
			if j, ok := want[hash]; ok {
				delete(want, hash)
				d.remove(j)
			} else {
				want[hash] = d.add(hash)
			}
			most = max(most, len(want))
		}
		if len(d.hashes) != most+2 {
			t.Fatalf("%d numbers for at most %d features", len(d.hashes)-2, most)
		}
		for h := range uint64(201) {
			j, ok := want[h*64]
			if !ok {
				j = exactUnknown
			}
			if got := d.number(h * 64); got != j {
				t.Fatalf("hash %d has number %d, want %d", h*64, got, j)
			}
		}
	})
}
