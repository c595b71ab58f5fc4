package encode_test

import (
	"bytes"
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

var update = flag.Bool("update", false, "write the golden files")

// setting is a model behind encodings.
type setting struct {
	encode  encode.Config
	learner func(l *catalog.Learner)
	classes int
}

func settings() map[string]setting {
	return map[string]setting{
		"target":           {encode.Config{Prior: 20, Bits: 6}, func(l *catalog.Learner) { l.Optimizer = "nag" }, 2},
		"target half-life": {encode.Config{Prior: 5, Bits: 6, HalfLife: 100}, func(*catalog.Learner) {}, 2},
		"rare":             {encode.Config{MinCount: 3}, func(*catalog.Learner) {}, 2},
		"expiry":           {encode.Config{ExpireAfter: 20}, func(l *catalog.Learner) { l.Optimizer = "ftrl" }, 2},
		"all, exact":       {encode.Config{Prior: 20, Bits: 6, MinCount: 2, ExpireAfter: 30}, func(l *catalog.Learner) { l.Bits = 0 }, 2},
		"classes": {encode.Config{Bits: 6, ExpireAfter: 25}, func(l *catalog.Learner) {
			l.Loss, l.Classes, l.Optimizer = "softmax", 3, "adagrad"
		}, 3},
		"factor": {encode.Config{Prior: 20, Bits: 6, MinCount: 2}, func(l *catalog.Learner) { l.Kind = "factor" }, 2},
	}
}

func (s setting) model(t testing.TB) learner.Model {
	t.Helper()
	l := catalog.DefaultLearner()
	l.Bits = 8
	s.learner(&l)
	m, err := catalog.Encoded(l, s.encode)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s setting) fill(scale float64) func(r *rand.Rand, e *event.Event) {
	return func(r *rand.Rand, e *event.Event) {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1, Value: scale * r.NormFloat64(), Field: 1})
		for range 3 {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1000 + uint64(r.ExpFloat64()*30), Value: 1, Field: 2})
		}
		for range 1 + r.IntN(2) {
			e.Categories = append(e.Categories, event.Category{Hash: uint64(r.ExpFloat64() * 20), Field: 3, Target: 30, Count: 31})
		}
		e.Categories = append(e.Categories, event.Category{Hash: 100 + uint64(r.IntN(4)), Field: 4, Target: 40})
		e.Label, e.Labelled = float64(r.IntN(s.classes)), true
	}
}

func (s setting) models() conform.Models {
	return conform.Models{
		New: func(t testing.TB) learner.Model { return s.model(t) }, Fill: s.fill(1), Wild: s.fill(1e100),
		Refused: []conform.Refused{{Name: "label", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = 77.5 }}},
	}
}

func TestConform(t *testing.T) {
	for name, s := range settings() {
		t.Run(name, func(t *testing.T) { conform.Model(t, s.models()) })
	}
}

// trained returns a model that has learned, and the events.
func (s setting) trained(t testing.TB, events int) (*encode.Model, []event.Event) {
	t.Helper()
	m, ok := s.model(t).(*encode.Model)
	if !ok {
		t.Fatal("no encodings")
	}
	r, fill := rand.New(rand.NewPCG(5, 6)), s.fill(1)
	all := make([]event.Event, events)
	for i := range all {
		all[i].Reset()
		fill(r, &all[i])
		if step := m.Learn(&all[i]); step.Reject != nil {
			t.Fatal(step.Reject)
		}
	}
	return m, all
}

// What a reader opens has the same bytes, and scores the same to the bit.
func TestOpen(t *testing.T) {
	for name, s := range settings() {
		m, events := s.trained(t, 300)
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		opened, kind, err := catalog.Open(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := map[bool]string{true: "factor", false: "sgd"}[name == "factor"]; kind != want {
			t.Errorf("%s: opened as %s", name, kind)
		}
		again, err := opened.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: the opened model has other bytes: %v", name, err)
		}
		for i := range events {
			want := m.Predict(&events[i]).Prediction
			if got := opened.(*encode.Model).Score(&events[i]); math.Float64bits(got) != math.Float64bits(want) {
				t.Fatalf("%s: event %d scores %v, predicted %v", name, i, got, want)
			}
		}
	}
}

// The bytes of the format stay what they are.
func TestGolden(t *testing.T) {
	m, _ := settings()["all, exact"].trained(t, 60)
	m.SetReference(0)
	for name, write := range map[string]func([]byte) ([]byte, error){
		"model":     m.AppendBinary,
		"reference": func(b []byte) ([]byte, error) { return m.AppendReference(0, b) },
	} {
		got, err := write(nil)
		if err != nil {
			t.Fatal(err)
		}
		conform.Golden(t, name, got, *update)
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"target", "all, exact", "factor"} {
		m, _ := settings()[name].trained(f, 20)
		b, err := m.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 12 {
			return
		}
		m := settings()["all, exact"].model(t)
		before, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.UnmarshalBinary(wire.Seal(b[:len(b)-8:len(b)-8], 0)) != nil {
			if after, err := m.AppendBinary(nil); err != nil || !bytes.Equal(before, after) {
				t.Errorf("refused bytes changed the model: %v", err)
			}
			return
		}
		e := event.Event{X: event.Vector{Sparse: []event.Feature{{Hash: 1000, Value: 1}}}, Label: 1, Weight: 1, Labelled: true}
		if s := m.Learn(&e); s.Reject == nil && math.IsNaN(s.Loss) {
			t.Errorf("loss %v", s.Loss)
		}
	})
}

// alone is an event with one sparse feature.
func alone(hash uint64, y float64) event.Event {
	return event.Event{X: event.Vector{Sparse: []event.Feature{{Hash: hash, Value: 1}}}, Label: y, Weight: 1, Labelled: true}
}

// A feature that expired scores as one that never came, and its weight leaves the
// bytes; one event before it is still there.
func TestExpiry(t *testing.T) {
	for _, bits := range []int{0, 8} {
		m, ok := setting{encode.Config{ExpireAfter: 30}, func(l *catalog.Learner) { l.Bits = bits }, 2}.model(t).(*encode.Model)
		if !ok {
			t.Fatal("no encodings")
		}
		learn := func(hash uint64, y float64) {
			e := alone(hash, y)
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		score := func(hash uint64) float64 {
			e := alone(hash, 0)
			return m.Score(&e)
		}
		for range 50 {
			learn(3, 1)
			learn(4, 0)
		}
		m.SetReference(0) // holds on to both
		for range 28 {
			learn(4, 0)
		}
		if score(3) <= score(99) {
			t.Errorf("bits %d: gone before its time", bits)
		}
		size := func() int {
			b, err := m.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			return len(b)
		}
		before := size()
		learn(4, 0)
		if score(3) != score(99) || size() >= before {
			t.Errorf("bits %d: scores %v, an unknown feature %v; %d bytes, before %d", bits, score(3), score(99), size(), before)
		}
	}
}

// Memory and bytes stay bounded on a stream of ever new features.
func TestExpiryBoundsTheState(t *testing.T) {
	m := setting{encode.Config{ExpireAfter: 100}, func(l *catalog.Learner) { l.Bits = 0 }, 2}.model(t)
	var least, most int
	for i := range 5000 {
		e := alone(uint64(i)*0x9e3779b97f4a7c15+1, float64(i&1))
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
		if i < 200 || i%97 > 0 {
			continue
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if most = max(most, len(b)); least == 0 {
			least = len(b)
		}
	}
	if most > least+8 { // the number of events takes a byte more
		t.Errorf("from %d to %d bytes", least, most)
	}
}

// A feature is learned from the event on that makes up the count.
func TestMinCount(t *testing.T) {
	m, ok := setting{encode.Config{MinCount: 3}, func(*catalog.Learner) {}, 2}.model(t).(*encode.Model)
	if !ok {
		t.Fatal("no encodings")
	}
	for i, learned := range []bool{false, false, true} {
		e, other := alone(3, 1), alone(99, 1)
		m.Learn(&e)
		if got := m.Score(&e) != m.Score(&other); got != learned {
			t.Errorf("after %d events: has a weight: %v", i+1, got)
		}
	}
}
