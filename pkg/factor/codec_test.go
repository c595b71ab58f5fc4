package factor

import (
	"bytes"
	"flag"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// small is a stream whose numbers are exact in every representation.
func small() []event.Event {
	var out []event.Event
	category := func(field, value string) event.Feature {
		return event.Feature{Hash: xxhash.Sum64String(field + "=" + value), Field: fieldOf(field), Value: 1}
	}
	for i := range 40 {
		e := event.Event{Weight: 1 + float64(i%3)/2, Label: float64(i*i%7) * 1.5, Labelled: true}
		for j := range 2 {
			name := "field" + string(rune('a'+j))
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String(name), Field: fieldOf(name), Value: float64((i*(j+2))%11) - 4})
		}
		e.X.Sparse = append(e.X.Sparse, category("user", string(rune('a'+i%5))), category("item", string(rune('a'+i%7))))
		out = append(out, e)
	}
	return out
}

// trained returns a model that has learned small, with reference 0 set half way.
func trained(t testing.TB, edit func(*Config)) *Model {
	t.Helper()
	c := Default()
	c.Factors, c.Bits = 3, 10
	if edit != nil {
		edit(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range small() {
		if m.p.logistic {
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
	"fm_logistic":  nil,
	"fm_squared":   func(c *Config) { c.Loss = "squared" },
	"fm_ftrl":      func(c *Config) { c.Optimizer, c.L1 = "ftrl", 0.01 },
	"ffm_logistic": func(c *Config) { c.Model = FFM },
	"mf_squared":   func(c *Config) { c.Model, c.Loss, c.User, c.Item = MF, "squared", "user", "item" },
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

func TestOtherConfigurationIsRefused(t *testing.T) {
	from := trained(t, nil)
	model, err := from.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := from.AppendReference(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, edit := range map[string]func(*Config){
		"model":       func(c *Config) { c.Model = FFM },
		"user":        func(c *Config) { c.User = "user" },
		"loss":        func(c *Config) { c.Loss = "squared" },
		"optimizer":   func(c *Config) { c.Optimizer = "ftrl" },
		"factors":     func(c *Config) { c.Factors = 4 },
		"bits":        func(c *Config) { c.Bits = 11 },
		"init":        func(c *Config) { c.Init = 0.2 },
		"seed":        func(c *Config) { c.Seed = 2 },
		"standardize": func(c *Config) { c.Standardize = "off" },
		"scale_label": func(c *Config) { c.ScaleLabel = "off" },
		"clip":        func(c *Config) { c.Clip = 4 },
	} {
		if key == "user" {
			continue // allowed with mf alone, whose key model differs first
		}
		m := trained(t, edit)
		before, _ := m.AppendBinary(nil)
		for _, err := range []error{m.UnmarshalBinary(model), m.UnmarshalReference(1, reference)} {
			if err == nil || !strings.Contains(err.Error(), "learner.factor."+key+": ") {
				t.Errorf("%s: error %v", key, err)
			}
		}
		if after, _ := m.AppendBinary(nil); !bytes.Equal(before, after) {
			t.Errorf("%s: the refused bytes changed the model", key)
		}
	}
	m := trained(t, func(c *Config) {
		c.Rate, c.RateFactors, c.Beta, c.L2, c.L2Factors, c.ClipGradient, c.Extreme = 0.7, 0.2, 2, 0.1, 0.1, 0, 10
	})
	if err := m.UnmarshalBinary(model); err != nil {
		t.Errorf("other rates: %v", err)
	}
}

// The derivatives that Learn moves by are those of the score, and Score agrees.
func TestDerivatives(t *testing.T) {
	const d = 1e-5
	for name, edit := range goldens {
		m := trained(t, edit)
		for _, e := range small()[:10] {
			score := func() float64 {
				if rej := m.gather(&e, 0, false); rej != nil {
					t.Fatal(rej)
				}
				return m.work.z
			}
			check := func(what string, v *float64, want float64) {
				was := *v
				*v = was + d
				up := score()
				*v = was - d
				down := score()
				*v = was
				if got := (up - down) / (2 * d); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
					t.Fatalf("%s: dz/d%s is %v, numerically %v", name, what, want, got)
				}
			}
			score()
			rows, dv, act := cloned(m.work.rows), cloned(m.work.dv), cloned(m.work.act)
			norm2 := 1.0
			for i := range act {
				check("w", &m.live.linear.row(int(act[i].linear))[0], act[i].x)
				norm2 += act[i].x * act[i].x
			}
			for i, r := range rows {
				if r.active == unneeded {
					continue
				}
				for f := range m.p.k {
					check("v", &m.live.factors.row(int(r.row))[f], dv[i*m.p.k+f])
					norm2 += dv[i*m.p.k+f] * dv[i*m.p.k+f]
				}
			}
			score()
			if got := m.work.norm(); math.Abs(got-math.Sqrt(norm2)) > 1e-12*got {
				t.Errorf("%s: norm %v, want %v", name, got, math.Sqrt(norm2))
			}
		}
	}
}

func cloned[T any](v []T) []T { return append([]T(nil), v...) }

// The score is the sum over pairs that the papers define.
func TestScoreByDefinition(t *testing.T) {
	for name, edit := range goldens {
		m := trained(t, edit)
		for _, e := range small()[:10] {
			if rej := m.gather(&e, 0, false); rej != nil {
				t.Fatal(rej)
			}
			act, want := m.work.act, m.live.intercept[0]
			for i, a := range act {
				want += a.x * m.live.linear.row(m.live.linear.find(m.p.key(a.hash)))[0]
				for _, b := range act[i+1:] {
					ka, kb := m.p.key(a.hash), m.p.key(b.hash)
					switch m.p.model {
					case modelFFM:
						ka, kb = m.p.pairKey(a.hash, b.field), m.p.pairKey(b.hash, a.field)
					case modelMF:
						if a.field != m.p.user && a.field != m.p.item || b.field != m.p.user && b.field != m.p.item {
							continue
						}
					case modelFM:
					}
					va, vb := m.live.factors.row(m.live.factors.find(ka)), m.live.factors.row(m.live.factors.find(kb))
					for f := range m.p.k {
						want += va[f] * vb[f] * a.x * b.x
					}
				}
			}
			if math.Abs(m.work.z-want) > 1e-12*(1+math.Abs(want)) {
				t.Errorf("%s: score %v, by definition %v", name, m.work.z, want)
			}
		}
	}
}

// Of what was only predicted nothing is stored, and its factors do not change.
func TestUnlearnedRowsAreDefined(t *testing.T) {
	m := trained(t, nil)
	linear, factors := m.Rows()
	e := small()[0]
	e.X.Sparse[0].Hash, e.X.Sparse[1].Hash = 1, 2
	first := m.Predict(&e).Prediction
	if l, f := m.Rows(); l != linear || f != factors {
		t.Errorf("a prediction made rows: %d and %d, were %d and %d", l, f, linear, factors)
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Score(&e); got != first {
		t.Errorf("a reader predicts %v, the learner %v", got, first)
	}
	other := trained(t, func(c *Config) { c.Seed = 2 })
	if other.Score(&e) == first {
		t.Error("another seed has the same initial factors")
	}
}

// seeds adds what follows the configuration in the bytes of every golden model,
// with the number of its name.
func seeds(f *testing.F, encode func(m *Model) ([]byte, error)) []string {
	names := slices.Sorted(maps.Keys(goldens))
	for i, name := range names {
		m := trained(f, goldens[name])
		b, err := encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b[4+len(m.cfg.append(nil)):len(b)-8])
	}
	return names
}

// reseal puts fuzzed data behind the configuration of m, under a valid
// checksum, so that what lies behind them is reached.
func reseal(m *Model, kind wire.Kind, data []byte) []byte {
	b := m.cfg.append(wire.Begin(nil, kind, formatVersion))
	return wire.Seal(append(b, data...), 0)
}

func FuzzUnmarshalBinary(f *testing.F) {
	names := seeds(f, func(m *Model) ([]byte, error) { return m.AppendBinary(nil) })
	f.Fuzz(func(t *testing.T, variant uint8, data []byte) {
		m := trained(t, goldens[names[int(variant)%len(names)]])
		before, _ := m.AppendBinary(nil)
		if err := m.UnmarshalBinary(reseal(m, wire.KindFactor, data)); err != nil {
			if after, _ := m.AppendBinary(nil); !bytes.Equal(before, after) {
				t.Fatal("refused bytes changed the model")
			}
			return
		}
		m.SetReference(0)
		useModel(t, m)
	})
}

func FuzzUnmarshalReference(f *testing.F) {
	names := seeds(f, func(m *Model) ([]byte, error) { return m.AppendReference(0, nil) })
	f.Fuzz(func(t *testing.T, variant uint8, data []byte) {
		m := trained(t, goldens[names[int(variant)%len(names)]])
		before, _ := m.AppendReference(0, nil)
		if err := m.UnmarshalReference(0, reseal(m, wire.KindReference, data)); err != nil {
			if after, _ := m.AppendReference(0, nil); !bytes.Equal(before, after) {
				t.Fatal("refused bytes changed the reference")
			}
			return
		}
		useModel(t, m)
	})
}

// FuzzOpen fuzzes the configuration too.
func FuzzOpen(f *testing.F) {
	for _, edit := range goldens {
		b, _ := trained(f, edit).AppendBinary(nil)
		f.Add(b[4 : len(b)-8])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := wire.Seal(append(wire.Begin(nil, wire.KindFactor, formatVersion), data...), 0)
		m, err := Open(b)
		if err != nil {
			return
		}
		useModel(t, m)
	})
}

// useModel learns with accepted parameters: every number stays finite.
func useModel(t *testing.T, m *Model) {
	for _, e := range small() {
		if m.p.logistic {
			e.Label = float64(int(e.Label) % 2)
		}
		s := m.Learn(&e)
		if s.Reject == nil && !(finite(s.Prediction) && finite(s.Loss) && finite(s.UpdateNorm)) {
			t.Fatalf("step %+v", s)
		}
		if r := s.Ref[0]; r != nil {
			for _, x := range append(cloned(r.X), r.Loss, r.Grad) {
				if !finite(x) {
					t.Fatalf("reading %+v", r)
				}
			}
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
