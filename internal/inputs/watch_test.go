package inputs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// What goes wrong in pipelines, after 15,000 good events, and what is said of it. All
// of it is said within two blocks, and nothing else is.
func TestFaultsOfPipelines(t *testing.T) {
	const good = 15_000
	type record = map[string]any
	for _, c := range []struct {
		name  string
		fault func(n int, r record)
		want  []string
		never []string // checks that may not fire on any field
	}{
		{"amounts in cents", func(_ int, r record) { r["amount"] = 100 * r["amount"].(float64) }, []string{"psi amount", "ks amount", "out_of_range amount"}, nil},
		{"a field that vanishes", func(_ int, r record) { delete(r, "age") }, []string{"missing age"}, nil},
		{"a field that vanishes from a fifth of the events", func(n int, r record) {
			if n%5 == 0 {
				delete(r, "country")
			}
		}, []string{"missing country"}, nil},
		{"a field with another name", func(_ int, r record) { r["visit_count"] = r["visits"]; delete(r, "visits") }, []string{"missing visits", "new_fields "}, nil},
		{"numbers as text", func(_ int, r record) { r["amount"] = fmt.Sprint(r["amount"]) }, []string{"unseen amount"}, nil},
		{"new categories", func(n int, r record) {
			if n%3 == 0 {
				r["country"] = fmt.Sprintf("x%d", n)
			}
		}, []string{"unseen country"}, nil},
		{"a constant", func(_ int, r record) { r["age"] = 0 }, []string{"psi age", "ks age"}, nil},
		{"a scale that drifts by a quarter of a deviation", func(_ int, r record) {
			if a, ok := r["age"].(float64); ok {
				r["age"] = a*0.7 + 600
			}
		}, []string{"psi age", "ks age"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStation(t, watched(nil), event.Schema{})
			s.run(t, newPayments(7, func(n int, r record) {
				if n >= good {
					c.fault(n, r)
				}
			}), good+5_000)
			want := map[string]int{}
			for _, w := range c.want {
				want[w] = 1
			}
			if diff := cmp.Diff(want, s.begun()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			for _, w := range s.warnings {
				if w.Event > good+2_000 {
					t.Errorf("%v %s only at event %d", w.Check, w.Field, w.Event)
				}
			}
			if active := s.guard.Report().Active; len(active) != len(c.want) {
				t.Errorf("%d warnings stand, want %d: %+v", len(active), len(c.want), active)
			}
		})
	}
}

// A stream on which nothing happens gives no warning, whatever the seed, with
// references that are renewed.
func TestNoWarningOfChance(t *testing.T) {
	for seed := range uint64(3) {
		s := newStation(t, watched(func(c *inputs.Config) { c.Block, c.Window, c.ReferenceEvery = 500, 5_000, 10_000 }), event.Schema{Log1p: []string{"amount"}})
		s.run(t, newPayments(seed, nil), 40_000)
		if len(s.warnings) > 0 {
			t.Errorf("seed %d: %+v", seed, s.warnings)
		}
		r := s.guard.Report()
		if !r.Armed || len(r.Fields) != 7 {
			t.Errorf("seed %d: armed %v, %d fields", seed, r.Armed, len(r.Fields))
		}
	}
}

// A warning is over some blocks after the fault, and a change that stays is the new
// normal when the reference is renewed.
func TestWarningsEnd(t *testing.T) {
	config := watched(func(c *inputs.Config) { c.ReferenceEvery = 12_000 })
	cents := func(r map[string]any) { r["amount"] = 100 * r["amount"].(float64) }
	for _, c := range []struct {
		name  string
		until int
		over  uint64 // at the latest
	}{
		{"repaired", 14_000, 21_000},
		{"stays", 100_000, 40_000},
	} {
		s := newStation(t, config, event.Schema{})
		s.run(t, newPayments(3, func(n int, r map[string]any) {
			if n >= 12_000 && n < c.until {
				cents(r)
			}
		}), 45_000)
		over := uint64(0)
		for _, w := range s.warnings {
			if w.Over {
				over = w.Event
			}
		}
		if got := s.guard.Report(); len(got.Active) > 0 || over == 0 || over > c.over {
			t.Errorf("%s: over at event %d, want by %d; standing: %+v", c.name, over, c.over, got.Active)
		}
	}
}

func TestRangesRejected(t *testing.T) {
	for _, log1p := range []bool{false, true} {
		schema := event.Schema{}
		if log1p {
			schema.Log1p = []string{"amount"}
		}
		s := newStation(t, watched(func(c *inputs.Config) { c.Ranges = inputs.Reject }), schema)
		s.run(t, newPayments(1, nil), 20_000)
		if len(s.refused) > 0 {
			t.Errorf("log1p %v: good events refused: %v, the last %v", log1p, s.refused, s.last)
		}
		if s.feed(t, []byte(`{"fraud":0,"amount":1e7,"age":3,"country":"de"}`)) {
			t.Fatalf("log1p %v: an amount of ten millions was admitted", log1p)
		}
		if r := s.last; r.Reason != event.OutOfRange || r.Field != "amount" || !strings.HasPrefix(r.Detail, "10000000: outside of") {
			t.Errorf("log1p %v: %v", log1p, r)
		}
		if !s.feed(t, []byte(`{"fraud":0,"age":3,"country":"de"}`)) {
			t.Errorf("an event without the field was refused: %v", s.last)
		}
	}
}

// Only what is configured is watched, and the report says what shifted most.
func TestWatchedFields(t *testing.T) {
	s := newStation(t, watched(func(c *inputs.Config) { c.Fields = []string{"visits", "age"} }), event.Schema{})
	s.run(t, newPayments(5, func(n int, r map[string]any) {
		if n > 11_000 {
			r["age"], r["amount"], r["extra"] = 5.0, 1e6, 1
		}
	}), 15_000)
	if diff := cmp.Diff(map[string]int{"psi age": 1, "ks age": 1}, s.begun()); diff != "" {
		t.Error(diff)
	}
	if got := s.guard.Report().Shifted(1); len(got) != 1 || got[0].Name != "age" || got[0].PSI < 1 || got[0].KS < 0.9 {
		t.Errorf("most shifted: %+v", got)
	}
}

// Features that are others at decision time than when they are learned.
func TestSkew(t *testing.T) {
	c := watched(func(c *inputs.Config) { c.Logged = "seen" })
	for _, tc := range []struct {
		name string
		log  func(n int, seen map[string]any)
		want []string
	}{
		{"none", func(int, map[string]any) {}, nil},
		{"precision of 32 bits", func(_ int, seen map[string]any) { seen["amount"] = float64(float32(seen["amount"].(float64))) }, nil},
		{"a field that is known later", func(_ int, seen map[string]any) { delete(seen, "visits") }, []string{"skew visits"}},
		{"another unit", func(_ int, seen map[string]any) { seen["amount"] = 100 * seen["amount"].(float64) }, []string{"skew amount"}},
		{"another category in one event of 20", func(n int, seen map[string]any) {
			if n%20 == 0 {
				seen["country"] = "us"
			}
		}, []string{"skew country"}},
		{"a field more", func(_ int, seen map[string]any) { seen["age"] = 1.5 }, []string{"skew age"}},
	} {
		s := newStation(t, c, event.Schema{})
		s.run(t, newPayments(2, func(n int, r map[string]any) {
			seen := map[string]any{}
			for k, v := range r {
				if k != "fraud" && k != "partner" {
					seen[k] = v
				}
			}
			seen["partner"] = r["partner"]
			tc.log(n, seen)
			r["seen"] = seen
		}), 3_000)
		want := map[string]int{}
		for _, w := range tc.want {
			want[w] = 1
		}
		if diff := cmp.Diff(want, s.begun()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tc.name, diff)
		}
		if r := s.guard.Report(); r.Logged != 1 || (r.Skewed > 0) != (len(tc.want) > 0) || r.Unreadable != 0 {
			t.Errorf("%s: %v logged, %v skewed, %v unreadable", tc.name, r.Logged, r.Skewed, r.Unreadable)
		}
	}
	s := newStation(t, c, event.Schema{})
	s.run(t, newPayments(2, func(n int, r map[string]any) {
		if n%2 == 0 {
			r["seen"] = map[string]any{}
		}
	}), 2_000)
	if r := s.guard.Report(); r.Logged != 0.5 || r.Unreadable != 1 {
		t.Errorf("without features: %v logged, %v unreadable", r.Logged, r.Unreadable)
	}
}
