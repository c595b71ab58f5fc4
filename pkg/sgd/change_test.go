package sgd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// someEvent has some of three numeric fields and of twenty others.
func someEvent(r *rand.Rand, p *plan) event.Event {
	e := event.Event{Weight: 1, Label: float64(r.IntN(9)), Labelled: true}
	switch {
	case p.classes > 0:
		k := r.IntN(p.classes)
		e.Label, e.Labels, e.Costs = float64(k), []uint32{uint32(k)}, []event.Cost{{Class: uint32(k), Cost: r.Float64()}}
	case p.binary():
		e.Label = float64(r.IntN(2))
	}
	for i := range 3 {
		if r.IntN(2) == 0 {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String(fmt.Sprint("field", i)), Value: r.NormFloat64()})
		}
	}
	for range 2 {
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String(fmt.Sprint("city=", r.IntN(20))), Value: 1})
	}
	return e
}

func bin(t testing.TB, m *Model) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// chain is a model with a copy that is kept up by its changes alone.
type chain struct {
	m, copy *Model
	parts   [][]byte // the model at the beginning, and the changes since
}

func (c *chain) step(t *testing.T) {
	t.Helper()
	delta := c.m.Capture(false)(nil)
	c.m.Mark()
	c.parts = append(c.parts, delta)
	if err := c.copy.ApplyChange(delta); err != nil {
		t.Fatal(err)
	}
	if got := c.copy.Capture(false)(nil); !bytes.Equal(got, delta) {
		t.Errorf("what an applied change brought is not what has changed: %d bytes, want %d", len(got), len(delta))
	}
	c.copy.Mark()
}

// Whatever the optimizer, a model and its changes come to the model at the end,
// bit for bit, applied one by one or merged in any grouping.
func TestChanges(t *testing.T) {
	for name, edit := range goldens {
		t.Run(name, func(t *testing.T) {
			m := trained(t, edit)
			r := rand.New(rand.NewPCG(7, 7))
			learn := func(n int) {
				for range n {
					e := someEvent(r, &m.p)
					if s := m.Learn(&e); s.Reject != nil {
						t.Fatal(s.Reject)
					}
				}
			}
			learn(40)
			m.Mark()
			ch := chain{m: m, copy: newModel(t, func(c *Config) { *c = m.Config() }), parts: [][]byte{bin(t, m)}}
			if err := ch.copy.UnmarshalBinary(ch.parts[0]); err != nil {
				t.Fatal(err)
			}
			var at [][]byte
			for range 7 {
				learn(3)
				ch.step(t)
				at = append(at, bin(t, m))
			}
			want := bin(t, m)
			if got := bin(t, ch.copy); !bytes.Equal(got, want) {
				t.Fatalf("the changes applied give another model")
			}
			merged := func(parts ...[]byte) []byte {
				t.Helper()
				b, err := m.Merge(parts...)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			if got := merged(ch.parts...); !bytes.Equal(got, want) {
				t.Errorf("the changes merged with their base give another model")
			}
			for i := 1; i < len(ch.parts); i++ {
				tail := merged(ch.parts[i:]...)
				if got := merged(append(ch.parts[:i:i], tail)...); !bytes.Equal(got, want) {
					t.Errorf("changes from %d on merged first give another model", i)
				}
				if got := merged(ch.parts[:i+1]...); !bytes.Equal(got, at[i-1]) {
					t.Errorf("the first %d changes give another model than there was", i)
				}
			}
			change, whole := m.Footprint()
			if size := len(want); whole < size/2 || whole > 2*size || change > whole {
				t.Errorf("footprint %d of %d; the model has %d bytes", change, whole, size)
			}
		})
	}
}

// The golden model, a change to it, and what both come to: the example for
// readers in other languages.
func TestGoldenChanges(t *testing.T) {
	for _, name := range []string{"nag_squared", "auto_logistic", "exact", "softmax"} {
		m := trained(t, goldens[name])
		m.Mark()
		for _, e := range small()[3:5] {
			switch {
			case m.p.classes > 0:
				e.Label = float64(int(e.Label) % 3)
			case m.p.binary():
				e.Label = float64(int(e.Label) % 2)
			}
			e.X.Dense = e.X.Dense[:1]
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		conform.Golden(t, name+".change", m.Capture(false)(nil), *rewrite)
		conform.Golden(t, name+".changed", bin(t, m), *rewrite)
	}
}

// A capture is a copy: the model may learn on before it is encoded.
func TestCaptureIsACopy(t *testing.T) {
	m := newModel(t, func(c *Config) { c.Bits = 6 })
	r := rand.New(rand.NewPCG(1, 1))
	learn := func() {
		e := someEvent(r, &m.p)
		m.Learn(&e)
	}
	for range 20 {
		learn()
	}
	whole, delta := m.Capture(true), m.Capture(false)
	wantWhole, wantDelta := bin(t, m), m.Capture(false)([]byte("ahead"))
	for range 20 {
		learn()
	}
	if !bytes.Equal(whole(nil), wantWhole) || !bytes.Equal(delta([]byte("ahead")), wantDelta) {
		t.Error("what was learned after a capture is in it")
	}
}

func TestDamagedChangesAreRefused(t *testing.T) {
	m := newModel(t, func(c *Config) { c.Loss, c.Bits = "squared", 6 })
	r := rand.New(rand.NewPCG(1, 1))
	e := someEvent(r, &m.p)
	m.Learn(&e)
	before := bin(t, m)
	delta := m.Capture(false)(nil)
	other := newModel(t, func(c *Config) { c.Loss, c.Bits = "squared", 7 }).Capture(false)(nil)
	bad := map[string][]byte{"other bits": other, "short": delta[:len(delta)-1], "nothing": nil, "no change": wire.Seal(wire.Begin(nil, wire.KindState, 1), 0)}
	for i := range delta {
		flipped := bytes.Clone(delta)
		flipped[i] ^= 0x40
		bad[fmt.Sprint("bit in byte ", i)] = flipped
	}
	for name, b := range bad {
		if m.ApplyChange(b) == nil {
			t.Errorf("%s: applied", name)
		}
		if _, err := m.Merge(before, b); err == nil {
			t.Errorf("%s: merged", name)
		}
	}
	if !bytes.Equal(bin(t, m), before) {
		t.Error("a refused change left a trace")
	}
}

// A reference may be kept as the model that was frozen.
func TestReferenceFromAModel(t *testing.T) {
	for name, edit := range goldens {
		m := trained(t, edit)
		model := bin(t, m)
		m.SetReference(1)
		want, err := m.AppendReference(1, nil)
		if err != nil {
			t.Fatal(err)
		}
		other := newModel(t, func(c *Config) { *c = m.Config() })
		if err := other.UnmarshalReference(1, model); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := other.AppendReference(1, nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, another reference than SetReference freezes", name, err)
		}
		if other.UnmarshalReference(0, model[:len(model)-1]) == nil {
			t.Errorf("%s: a damaged model was taken", name)
		}
	}
}

func FuzzMerge(f *testing.F) {
	for _, bits := range []int{0, 4} {
		m := newModel(f, func(c *Config) { c.Loss, c.Bits = "squared", bits })
		r := rand.New(rand.NewPCG(1, 1))
		e := someEvent(r, &m.p)
		m.Learn(&e)
		whole := m.Capture(true)(nil)
		m.Mark()
		e = someEvent(r, &m.p)
		m.Learn(&e)
		f.Add(whole, m.Capture(false)(nil))
	}
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		m := newModel(t, func(c *Config) { c.Loss, c.Bits = "squared", 4 })
		resealed := func(b []byte) []byte {
			if len(b) < wire.HeaderLen+wire.ChecksumLen {
				return b
			}
			return wire.Seal(bytes.Clone(b[:len(b)-wire.ChecksumLen]), 0)
		}
		base, delta = resealed(base), resealed(delta)
		// A change of another rate merges to a model of that rate, but m learns at its own.
		if p, _, err := openEnvelope(delta, wire.KindSGDDelta); err != nil || p != m.p {
			return
		}
		merged, err := m.Merge(base, delta)
		if err != nil || m.UnmarshalBinary(base) != nil || m.ApplyChange(delta) != nil {
			return
		}
		if got := m.Capture(true)(nil); !bytes.Equal(got, merged) {
			t.Errorf("merged %d bytes, applied %d", len(merged), len(got))
		}
	})
}

// An event whose feature has the value 0 says nothing of the feature: it moves no number
// that a change would not bring.
func TestFeaturesOfValueZero(t *testing.T) {
	for _, opt := range []string{"nag", "sgd", "adagrad", "adam", "ftrl", "coin", "arow", "scw", "auto"} {
		for _, decay := range []float64{1, 0.9} {
			if decay < 1 && opt != "nag" && opt != "adagrad" {
				continue
			}
			m := newModel(t, func(c *Config) {
				c.Loss, c.Optimizer, c.Decay, c.Standardize, c.Bits = "logistic", opt, decay, "off", 10
			})
			learn := func(x float64) {
				e := event.Event{Weight: 1, Labelled: true, X: event.Vector{
					Dense: []event.Feature{{Hash: 1, Value: x}}, Sparse: []event.Feature{{Hash: 2, Value: x}, {Hash: 3, Value: 1}},
				}}
				if s := m.Learn(&e); s.Reject != nil {
					t.Fatal(s.Reject)
				}
			}
			learn(1)
			base := bin(t, m)
			m.Mark()
			learn(0)
			got, err := m.Merge(base, m.Capture(false)(nil))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, bin(t, m)) {
				t.Errorf("%s, decay %v: base and change give another model", opt, decay)
			}
		}
	}
}
