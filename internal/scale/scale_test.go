package scale

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

var standard = Options{Standardize: true, Clip: 5, Extreme: 1000}

// learn stages and commits one event of weight h.
func learn(t testing.TB, s *Scaler, h float64, dense ...event.Feature) []float64 {
	t.Helper()
	staged, rej := s.Stage(dense, h, true, true)
	if rej != nil {
		t.Fatal(rej)
	}
	out := make([]float64, len(staged))
	for i, st := range staged {
		out[i] = st.X
	}
	s.Commit()
	return out
}

func alike(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))
}

// The recurrence agrees with the two-pass definition, and a weight of 3 with
// three events.
func TestMomentsAreThoseOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 1, 50).Draw(t, "x")
		var m, repeated Moments
		n, sum := 0.0, 0.0
		for i, x := range xs {
			h := float64(1 + i%3)
			m = m.Add(x, h)
			for range int(h) {
				repeated = repeated.Add(x, 1)
			}
			n += h
			sum += h * x
		}
		m2 := 0.0
		for i, x := range xs {
			m2 += float64(1+i%3) * (x - sum/n) * (x - sum/n)
		}
		for _, got := range []Moments{m, repeated} {
			if got.Weight != n || !alike(got.Mean, sum/n, 1e-10) || math.Abs(got.M2-m2) > 1e-9*max(1, n*1e6) {
				t.Fatalf("%+v, want %v, %v, %v", got, n, sum/n, m2)
			}
		}
		if sd := math.Sqrt(m2 / n); !alike(m.SD(), sd, 1e-4) {
			t.Fatalf("deviation %v, want %v", m.SD(), sd)
		}
	})
}

func TestConstantFieldBecomesZero(t *testing.T) {
	s := New(standard)
	for i := range 100 {
		if x := learn(t, s, 0.1+float64(i), event.Feature{Hash: 7, Value: 0.1}); x[0] != 0 {
			t.Fatalf("event %d: %v", i, x[0])
		}
	}
	if m := s.Field(0).Moments; m.Mean != 0.1 || m.M2 != 0 {
		t.Errorf("%+v", m)
	}
}

func TestUpdatedBeforeUseWhenLearning(t *testing.T) {
	s := New(standard)
	learn(t, s, 1, event.Feature{Hash: 1, Value: 0})
	// mean 1, deviation 1 with the second value in them
	if x := learn(t, s, 1, event.Feature{Hash: 1, Value: 2}); x[0] != 1 {
		t.Errorf("learning: %v, want 1", x[0])
	}
	for _, c := range []struct {
		f    event.Feature
		want float64
	}{
		{event.Feature{Hash: 1, Value: 4}, 3},
		{event.Feature{Hash: 1, Value: -4}, -5},
		{event.Feature{Hash: 1, Value: 400}, 5}, // clipped
		{event.Feature{Hash: 2, Value: 400}, 0}, // unknown
	} {
		staged, rej := s.Stage([]event.Feature{c.f}, 0, false, true)
		if rej != nil || staged[0].X != c.want || s.Value(c.f) != c.want {
			t.Errorf("scoring %+v: %v, %v, %v, want %v", c.f, staged, rej, s.Value(c.f), c.want)
		}
	}
	if s.Len() != 1 || s.Field(0).Weight != 2 {
		t.Errorf("scoring changed the statistics: %d fields, %+v", s.Len(), s.Field(0))
	}
}

func TestManyFieldsKeepTheirOrder(t *testing.T) {
	s := New(standard)
	for i := range uint64(1000) {
		learn(t, s, 1, event.Feature{Hash: i << 32, Value: 1}, event.Feature{Hash: i<<32 | 1, Value: 2}) // many collide
	}
	for i := range uint64(1000) {
		if a, b := s.Lookup(i<<32), s.Lookup(i<<32|1); a != int(2*i) || b != int(2*i+1) {
			t.Fatalf("fields %d: %d, %d", i, a, b)
		}
	}
	if s.Lookup(5) != -1 {
		t.Error("an unknown field is found")
	}
}

func TestScreen(t *testing.T) {
	s := New(standard)
	for range 100 {
		learn(t, s, 1, event.Feature{Hash: 1, Value: 5000}, event.Feature{Hash: 2, Value: 1})
	}
	young := New(standard)
	learn(t, young, 1, event.Feature{Hash: 1, Value: 1})
	for _, c := range []struct {
		name     string
		s        *Scaler
		f        event.Feature
		seasoned bool
		want     event.Reason
	}{
		{"within the maximum", s, event.Feature{Hash: 1, Value: -5e6}, true, event.Accepted},
		{"beyond the maximum", s, event.Feature{Hash: 1, Value: 5.1e6}, true, event.Extreme},
		{"small fields count as 1000", s, event.Feature{Hash: 2, Value: 1e6}, true, event.Accepted},
		{"beyond that", s, event.Feature{Hash: 2, Value: -1.1e6}, true, event.Extreme},
		{"a young field may be a clock", young, event.Feature{Hash: 1, Value: 1.8e18}, true, event.Accepted},
		{"a new field too", s, event.Feature{Hash: 3, Value: 1.8e18}, true, event.Accepted},
		{"but not anything", s, event.Feature{Hash: 3, Value: 1e22}, true, event.Extreme},
		{"before 100 events", young, event.Feature{Hash: 3, Value: 1e99}, false, event.Accepted},
		{"never this", young, event.Feature{Hash: 3, Value: 1.1e100}, false, event.Extreme},
		{"NaN", young, event.Feature{Hash: 3, Value: math.NaN()}, false, event.NonFinite},
		{"infinite", young, event.Feature{Hash: 3, Value: math.Inf(-1)}, false, event.NonFinite},
	} {
		_, rej := c.s.Stage([]event.Feature{c.f}, 1, true, c.seasoned)
		if c.want == event.Accepted && rej != nil || c.want != event.Accepted && (rej == nil || rej.Reason != c.want) {
			t.Errorf("%s: %v, want %v", c.name, rej, c.want)
		}
	}
	if off := New(Options{}); off.quick != Largest {
		t.Errorf("with the screen off the limit is %v", off.quick)
	}
}

func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(standard)
		for _, n := range rapid.SliceOfN(rapid.IntRange(-40, 40), 0, 60).Draw(t, "n") {
			staged, rej := s.Stage([]event.Feature{{Hash: uint64(n * n), Value: float64(n) / 3}}, 1.5, true, false)
			if rej != nil || len(staged) != 1 {
				t.Fatal(rej)
			}
			s.Commit()
		}
		b := s.Append(nil)
		r := wire.NewReader(b)
		got := Read(r, standard)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if again := got.Append(nil); string(again) != string(b) {
			t.Fatalf("% x, want % x", again, b)
		}
		for cut := range len(b) {
			r := wire.NewReader(b[:cut])
			Read(r, standard)
			if r.Close() == nil {
				t.Fatalf("%d of %d bytes are accepted", cut, len(b))
			}
		}
	})
}
