package inputs_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// payments is a stream of payments by five partners, from a seed. A bug or an
// attack is a change of a record before it is sent.
type payments struct {
	rng   *rand.Rand
	n     int
	fault func(n int, record map[string]any)
}

func newPayments(seed uint64, fault func(n int, record map[string]any)) *payments {
	return &payments{rng: rand.New(rand.NewPCG(seed, 1)), fault: fault}
}

func (p *payments) next(t testing.TB) []byte {
	r := p.rng
	record := map[string]any{
		"fraud": r.IntN(2), "partner": fmt.Sprintf("partner-%d", r.IntN(5)),
		"amount":   math.Round(100*math.Exp(3+r.NormFloat64())) / 100,
		"age":      r.Float64() * 2000,
		"visits":   r.IntN(4),
		"country":  []string{"de", "fr", "it", "pl"}[r.IntN(4)],
		"merchant": fmt.Sprintf("m%d", int(300*r.Float64()*r.Float64())),
		"online":   r.IntN(2) == 0,
	}
	if r.IntN(20) == 0 {
		delete(record, "age")
	}
	if p.fault != nil {
		p.fault(p.n, record)
	}
	p.n++
	b, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// station is a guard behind a decoder.
type station struct {
	guard   *inputs.Guard
	decoder event.Decoder
	e       event.Event

	n        int
	refused  map[event.Reason]int
	last     *event.Rejection
	warnings []inputs.Warning
}

func newStation(t testing.TB, c inputs.Config, s event.Schema) *station {
	t.Helper()
	s.Label, s.Logged = "fraud", c.Logged
	layout := event.Layout{Format: "json", Schema: s}
	if err := c.Fit(&layout); err != nil {
		t.Fatal(err)
	}
	decoder := func(s event.Schema, label bool) *event.JSON {
		d, err := event.NewJSON(s, label)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	published := layout.Published().Schema
	d := inputs.Deps{Schema: s, Name: inputs.Names(decoder(published, false))}
	if c.Logged != "" {
		d.Logged = decoder(published, false)
	}
	g, err := inputs.New(c, d, s.Source != "")
	if err != nil {
		t.Fatal(err)
	}
	return &station{guard: g, decoder: decoder(s, true), refused: map[event.Reason]int{}}
}

// feed takes a record and reports whether it would be learned.
func (s *station) feed(t testing.TB, record []byte) bool {
	t.Helper()
	if err := s.decoder.Decode(record, &s.e); err != nil {
		t.Fatalf("%s: %v", record, err)
	}
	s.guard.Record(uint64(s.n), int64(s.n))
	r := s.guard.Admit(&s.e)
	if r == nil {
		s.guard.Observe(&s.e, record)
		if s.guard.Clips() {
			s.guard.ObserveNorm(1 + s.e.X.Dense[0].Value)
		}
	} else {
		s.refused[r.Reason]++
		s.last = r
	}
	s.warnings = append(s.warnings, s.guard.Warnings()...)
	s.n++
	return r == nil
}

func (s *station) run(t testing.TB, p *payments, events int) {
	t.Helper()
	for range events {
		s.feed(t, p.next(t))
	}
}

// begun are the checks and fields of the warnings that have begun.
func (s *station) begun() map[string]int {
	out := map[string]int{}
	for _, w := range s.warnings {
		if !w.Over {
			out[w.Check.String()+" "+w.Field]++
		}
	}
	return out
}

func watched(change func(*inputs.Config)) inputs.Config {
	c := inputs.Default()
	c.Watch = true
	if change != nil {
		change(&c)
	}
	return c
}
