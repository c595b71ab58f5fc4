package inputs_test

import (
	"fmt"
	"testing"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// wide are events with 16 numeric and 4 categorical fields, and what is decoded from them.
func wide(b testing.TB, c inputs.Config, source string) (*station, []event.Event) {
	s := newStation(b, c, event.Schema{Source: source})
	p := newPayments(1, func(_ int, r map[string]any) {
		for i := range 14 {
			r[fmt.Sprintf("x%d", i)] = float64(i) * r["amount"].(float64)
		}
		r["visits"] = 3
		r["age"] = 7.5
	})
	events := make([]event.Event, 2_000)
	for i := range events {
		record := p.next(b)
		if err := s.decoder.Decode(record, &s.e); err != nil {
			b.Fatal(err)
		}
		s.e.Source = fmt.Appendf(nil, "partner-%d", i%7)
		e := s.e
		e.X.Dense, e.X.Sparse = append([]event.Feature(nil), e.X.Dense...), append([]event.Feature(nil), e.X.Sparse...)
		e.Logged = append([]byte(nil), e.Logged...)
		events[i] = e
		s.e = event.Event{}
		if s.guard.Admit(&events[i]) == nil {
			s.guard.Observe(&events[i], record)
		}
	}
	return s, events
}

func loads() []struct {
	name, source string
	change       func(*inputs.Config)
} {
	return []struct {
		name, source string
		change       func(*inputs.Config)
	}{
		{"rules", "", func(c *inputs.Config) {
			c.Rules = []inputs.Rule{{Field: "amount", Required: true, Range: []float64{0, 1e9}}, {Field: "country", Values: []string{"de", "fr", "it", "pl"}}}
		}},
		{"sources", "partner", func(c *inputs.Config) { c.MaxSourceShare = 0.5 }},
		{"duplicates", "", func(c *inputs.Config) { c.MaxDuplicates = 0.99 }},
		{"watch", "", func(c *inputs.Config) { c.Watch, c.Window, c.ReferenceEvery = true, 1_000, 1<<40 }},
		{"watch, collecting", "", func(c *inputs.Config) { c.Watch, c.Window = true, 1<<32 }},
		{"watch, ranges rejected", "", func(c *inputs.Config) {
			c.Watch, c.Window, c.ReferenceEvery, c.Ranges = true, 1_000, 1<<40, inputs.Reject
		}},
	}
}

func BenchmarkInputs(b *testing.B) {
	for _, l := range loads() {
		b.Run(l.name, func(b *testing.B) {
			c := inputs.Default()
			l.change(&c)
			s, events := wide(b, c, l.source)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				e := &events[i%len(events)]
				if s.guard.Admit(e) == nil {
					s.guard.Observe(e, nil)
				}
			}
		})
	}
}

// Reports are made once a block; in between nothing is allocated.
func TestNoAllocationWithinBlocks(t *testing.T) {
	for _, l := range loads() {
		c := inputs.Default()
		l.change(&c)
		c.Block = 65_536
		s, events := wide(t, c, l.source)
		i := 0
		allocs := testing.AllocsPerRun(500, func() {
			e := &events[i%len(events)]
			i++
			if s.guard.Admit(e) == nil {
				s.guard.Observe(e, nil)
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations an event", l.name, allocs)
		}
	}
}
