package sgd

import (
	"bytes"
	"flag"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

func nan() float64 { return math.NaN() }

// small is a stream whose numbers are exact in every representation.
func small() table {
	var out table
	for i := range 40 {
		e := event.Event{Weight: 1 + float64(i%3)/2, Label: float64(i*i%7) * 1.5, Labelled: true}
		for j := range 3 {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String("field" + string(rune('a'+j))), Value: float64((i*(j+2))%11) - 4})
		}
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String("city=" + string(rune('a'+i%5))), Value: 1})
		out = append(out, e)
	}
	return out
}

// trained returns a small model that has learned small, with reference 0 set half way.
func trained(t testing.TB, edit func(*Config)) *Model {
	t.Helper()
	m := newModel(t, func(c *Config) {
		c.Loss, c.Bits = "squared", 10
		if edit != nil {
			edit(c)
		}
	})
	for i, e := range small() {
		e.Labels = []uint32{uint32(i % 3)}
		e.Costs = []event.Cost{{Class: 0, Cost: e.Label}, {Class: uint32(1 + i%2), Cost: 3}}
		switch {
		case m.p.classes > 0:
			e.Label = float64(int(e.Label) % 3)
		case m.p.binary():
			e.Label = float64(int(e.Label) % 2)
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
		if i == 20 {
			m.SetReference(0)
		}
	}
	return m
}

var goldens = map[string]func(*Config){
	"nag_squared":    func(c *Config) { c.Optimizer = "nag" },
	"auto_squared":   nil,
	"auto_logistic":  func(c *Config) { c.Loss = "logistic" },
	"nag_logistic":   func(c *Config) { c.Loss, c.Optimizer = "logistic", "nag" },
	"sgd_logistic":   func(c *Config) { c.Loss, c.Optimizer, c.Power, c.InterceptRate = "logistic", "sgd", 0.5, 0.01 },
	"adagrad":        func(c *Config) { c.Optimizer = "adagrad" },
	"nag_penalised":  func(c *Config) { c.Optimizer, c.L1, c.L2 = "nag", 1e-3, 1e-2 },
	"sgd_penalised":  func(c *Config) { c.Optimizer, c.L1, c.L2 = "sgd", 1e-3, 1e-2 },
	"ada_penalised":  func(c *Config) { c.Optimizer, c.L1, c.L2 = "adagrad", 1e-3, 1e-2 },
	"ova":            func(c *Config) { c.Loss, c.Classes, c.Bits = "ova", 3, 6 },
	"exact":          func(c *Config) { c.Bits = 0 },
	"exact_ova":      func(c *Config) { c.Loss, c.Classes, c.Optimizer, c.Bits = "ova", 3, "nag", 0 },
	"exact_rls":      func(c *Config) { c.Optimizer, c.Bits = "rls", 0 },
	"softmax":        func(c *Config) { c.Loss, c.Classes, c.Bits = "softmax", 3, 6 },
	"adam":           func(c *Config) { c.Optimizer = "adam" },
	"ftrl":           func(c *Config) { c.Optimizer, c.L1 = "ftrl", 0.1 },
	"coin":           func(c *Config) { c.Optimizer = "coin" },
	"arow":           func(c *Config) { c.Loss, c.Optimizer = "hinge", "arow" },
	"scw":            func(c *Config) { c.Loss, c.Optimizer = "hinge", "scw" },
	"rls":            func(c *Config) { c.Optimizer = "rls" },
	"vw_squared":     func(c *Config) { c.Compat = "vw" },
	"river_squared":  func(c *Config) { c.Compat = "river" },
	"multilabel":     func(c *Config) { c.Loss, c.Classes, c.Bits = "multilabel", 3, 6 },
	"csoaa":          func(c *Config) { c.Loss, c.Classes, c.Bits = "csoaa", 3, 6 },
	"ova_platt":      func(c *Config) { c.Loss, c.Classes, c.Bits, c.Calibrate = "ova", 3, 6, "platt" },
	"hinge_isotonic": func(c *Config) { c.Loss, c.Calibrate = "hinge", "isotonic" },
	"adam_schedule": func(c *Config) {
		c.Optimizer, c.Schedule, c.RateDecay, c.Warmup, c.ClipCoordinate = "adam", "inverse", 0.01, 10, 0.5
	},
	"raw_sgd_square": func(c *Config) { c.Optimizer, c.Standardize, c.ScaleLabel, c.Rate = "sgd", "off", "off", 1e-4 },
}

// The bytes are a contract with stored snapshots and with readers in other
// languages, and the parameters in them with every processor.
func TestGolden(t *testing.T) {
	for name, edit := range goldens {
		m := trained(t, edit)
		model, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := m.AppendReference(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		conform.Golden(t, name+".model", model, *rewrite)
		conform.Golden(t, name+".reference", ref, *rewrite)
	}
}

func TestOpen(t *testing.T) {
	for name, edit := range goldens {
		conform.Opened(t, name, trained(t, edit), Open, small())
	}
}

// Whatever optimizer and number of classes make of a feature, all of it is in the bytes.
func TestEveryRowIsStored(t *testing.T) {
	for _, opt := range []string{"nag", "sgd", "adagrad", "adam", "ftrl", "coin", "arow", "scw", "auto"} {
		for classes := 2; classes <= 7; classes++ {
			m := newModel(t, func(c *Config) { c.Loss, c.Classes, c.Optimizer, c.Bits = "ova", classes, opt, 10 })
			r := rand.New(rand.NewPCG(1, uint64(classes)))
			for range 30 {
				e := someEvent(r, &m.p)
				if s := m.Learn(&e); s.Reject != nil {
					t.Fatal(s.Reject)
				}
			}
			got, err := Open(bin(t, m))
			if err != nil {
				t.Fatal(err)
			}
			m.eachRow(m.touched(), func(at, k int) {
				if want := m.numbers(at); got.numbers(at) != want {
					t.Errorf("%s, %d classes, row %d: numbers %v, learned were %v", opt, classes, k, got.numbers(at), want)
				}
			})
		}
	}
}

func TestOtherConfigurationIsRefused(t *testing.T) {
	nag := func(edit func(*Config)) *Model {
		return trained(t, func(c *Config) { c.Optimizer = "nag"; edit(c) })
	}
	model, err := nag(func(*Config) {}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, edit := range map[string]func(*Config){
		"learner.loss":        func(c *Config) { c.Loss = "logistic" },
		"learner.optimizer":   func(c *Config) { c.Optimizer = "sgd" },
		"learner.bits":        func(c *Config) { c.Bits = 11 },
		"learner.compat":      func(c *Config) { c.Compat = "vw" },
		"learner.standardize": func(c *Config) { c.Standardize = "off" },
		"learner.clip":        func(c *Config) { c.Clip = 4 },
		"learner.scale_label": func(c *Config) { c.ScaleLabel = "off" },
	} {
		m := nag(edit)
		before, _ := m.AppendBinary(nil)
		if err := m.UnmarshalBinary(model); err == nil || !strings.Contains(err.Error(), key+" ") {
			t.Errorf("%s: error %v", key, err)
		}
		if after, _ := m.AppendBinary(nil); !bytes.Equal(before, after) {
			t.Errorf("%s: the refused bytes changed the model", key)
		}
	}
	m := nag(func(c *Config) { c.Rate, c.Extreme = 0.7, 10 })
	if err := m.UnmarshalBinary(model); err != nil {
		t.Errorf("another rate: %v", err)
	}
}

// reseal puts fuzzed payload under a valid checksum, so that what lies behind it is reached.
func reseal(kind wire.Kind, payload []byte) []byte {
	return wire.Seal(append(wire.Begin(nil, kind, formatVersion), payload...), 0)
}

func payload(b []byte) []byte { return b[4 : len(b)-8] }

// configurations are the names of goldens in order.
func configurations() []string { return slices.Sorted(maps.Keys(goldens)) }

// drawn is a trained model of one of the golden configurations.
func drawn(t testing.TB, which uint8) *Model {
	names := configurations()
	return trained(t, goldens[names[int(which)%len(names)]])
}

func FuzzUnmarshalBinary(f *testing.F) {
	for i := range configurations() {
		b, _ := drawn(f, uint8(i)).AppendBinary(nil)
		f.Add(uint8(i), payload(b))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		m := drawn(t, which)
		before, _ := m.AppendBinary(nil)
		if err := m.UnmarshalBinary(reseal(wire.KindSGD, data)); err != nil {
			if after, _ := m.AppendBinary(nil); !bytes.Equal(before, after) {
				t.Fatal("refused bytes changed the model")
			}
			return
		}
		useModel(t, m)
	})
}

func FuzzUnmarshalReference(f *testing.F) {
	for i := range configurations() {
		b, _ := drawn(f, uint8(i)).AppendReference(0, nil)
		f.Add(uint8(i), payload(b))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		m := drawn(t, which)
		before, _ := m.AppendReference(0, nil)
		if err := m.UnmarshalReference(0, reseal(wire.KindReference, data)); err != nil {
			if after, _ := m.AppendReference(0, nil); !bytes.Equal(before, after) {
				t.Fatal("refused bytes changed the reference")
			}
			return
		}
		useModel(t, m)
	})
}

// useModel learns with accepted parameters: every number stays finite.
func useModel(t *testing.T, m *Model) {
	for _, e := range small() {
		s := m.Learn(&e)
		if s.Reject == nil && !(finite(s.Prediction) && finite(s.Loss) && finite(s.UpdateNorm)) {
			t.Fatalf("step %+v", s)
		}
		if r := s.Ref[0]; r != nil && !(finite(r.Loss) && finite(r.Grad)) {
			t.Fatalf("reading %+v", r)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.UnmarshalBinary(b); err != nil {
		t.Fatalf("its own bytes are refused: %v", err)
	}
}
