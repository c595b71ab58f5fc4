package sgd

import (
	"math"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// A reference reads events as a copy of the model did at the moment it was
// frozen, within the precision of its weights (float32).
func TestReferenceReadsAsTheFrozenModel(t *testing.T) {
	for _, c := range []struct {
		name string
		read func(testing.TB) table
		edit func(*Config)
	}{
		{"logistic", phishing, nil},
		{"squared", bike, squared},
		{"squared raw", trump, func(c *Config) { c.Loss, c.ScaleLabel = "squared", "off" }},
		{"sparse", a9a, nil},
		{"river", trump, func(c *Config) { c.Loss, c.Compat = "squared", "river" }},
		{"vw", trump, func(c *Config) { c.Loss, c.Compat = "squared", "vw" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := c.read(t)[:1000]
			m := newModel(t, c.edit)
			run(t, m, events[:500])
			m.SetReference(1)
			b, err := m.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			frozen, err := Open(b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range events[500:] {
				e := &events[500+i]
				want := frozen.Predict(e)
				got := m.Learn(e).Ref[1]
				if !(math.Abs(got.Loss-want.Loss) <= 1e-4*max(1, want.Loss)) || !(math.Abs(got.Grad-want.Grad) <= 1e-4*max(1, math.Abs(want.Grad))) {
					t.Fatalf("event %d: reading %v, %v, the frozen model %v, %v", i, got.Loss, got.Grad, want.Loss, want.Grad)
				}
				norm := 0.0
				for _, x := range got.X {
					norm += x * x
				}
				near(t, "norm of the score", math.Sqrt(norm)*math.Abs(want.Grad), want.GradNorm)
			}
		})
	}
}

// Coordinates follow the contract of event.Coordinates.
func TestCoordinates(t *testing.T) {
	m := newModel(t, func(c *Config) { c.Standardize = "off" })
	e := event.Event{Weight: 1, Label: 1, Labelled: true}
	for j := range 70 {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String("field" + string(rune('A'+j))), Value: float64(j + 1)})
	}
	m.Learn(&e)
	m.SetReference(0)
	e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 5<<57 | 3, Value: 2}, event.Feature{Hash: 1<<63 | 63<<57, Value: 3})
	e.X.Dense = append(e.X.Dense, event.Feature{Hash: 12345, Value: 9}) // not in the reference
	r := m.Predict(&e).Ref[0]
	if want := 1 + 71 + 2; len(r.J) != want {
		t.Fatalf("%d coordinates, want %d", len(r.J), want)
	}
	for k, j := range r.J {
		wantJ, wantX := uint16(k), float64(k)
		switch {
		case k == 0:
			wantX = 1
		case k >= 64 && k <= 70:
			h := e.X.Dense[k-1].Hash
			wantJ = uint16(64 + h>>57&63)
			if h>>63 == 1 {
				wantX = -wantX
			}
		case k == 71: // unknown, and so 0 wherever it is
			wantJ, wantX = j, 0
		case k == 72:
			wantJ, wantX = 64+5, 2
		case k == 73:
			wantJ, wantX = 64+63, -3
		}
		if j != wantJ || r.X[k] != wantX {
			t.Errorf("entry %d: %v at %d, want %v at %d", k, r.X[k], j, wantX, wantJ)
		}
	}
}

// A weight beyond the range of float32 is kept at its bound.
func TestNarrow(t *testing.T) {
	for w, want := range map[float64]float32{1.5: 1.5, 1e99: math.MaxFloat32, -1e99: -math.MaxFloat32, 0: 0} {
		if got := narrow(w); got != want {
			t.Errorf("narrow(%v) = %v, want %v", w, got, want)
		}
	}
}
