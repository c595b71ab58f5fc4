package serve_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// A reader encodes as the learner does, to the bit, and without allocations. The key
// is a feature of these events, and encoded too.
func TestScoreOfEncodings(t *testing.T) {
	payments := event.Schema{
		Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id",
		Target: []string{"card", "merchant"}, Count: []string{"card", "country"}, Cross: [][]string{{"country", "merchant"}},
	}
	settings := encode.Config{Prior: 20, HalfLife: 500, Bits: 10, MinCount: 2, ExpireAfter: 400}
	pairs := settings
	pairs.ExpireAfter = 0
	exact := sgd.Default()
	exact.Bits = 0
	for name, c := range map[string]struct {
		settings encode.Config
		inner    func() (encode.Inner, error)
	}{
		"linear": {settings, func() (encode.Inner, error) { return sgd.New(sgd.Default()) }},
		"exact":  {settings, func() (encode.Inner, error) { return sgd.New(exact) }},
		"pairs":  {pairs, func() (encode.Inner, error) { return factor.New(factor.Default()) }},
	} {
		inner, err := c.inner()
		if err != nil {
			t.Fatal(err)
		}
		m, err := encode.New(c.settings, inner)
		if err != nil {
			t.Fatal(err)
		}
		d, err := event.NewJSON(payments, true)
		if err != nil {
			t.Fatal(err)
		}
		stream := sim.Fraud(3)
		var e event.Event
		for range 1000 {
			if err := d.Decode(stream.Next(nil), &e); err != nil {
				t.Fatal(err)
			}
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		store := state.NewMem()
		w := newWriter(t, store, state.Key{Model: "fraud"})
		w.schema = published(t, "json", payments)
		w.publish(1, "learning", b)
		client := openPlain(t, store)
		var body []byte
		for range 200 {
			body = stream.Next(nil)
			if err := d.Decode(body, &e); err != nil {
				t.Fatal(err)
			}
			want := m.Predict(&e).Prediction
			if got, err := client.ScoreJSON(body); err != nil || !same(got.Prediction, want) {
				t.Fatalf("%s: %s: %+v, %v; want %v", name, body, got, err, want)
			}
		}
		if n := leastAllocations(func() { _, _ = client.ScoreJSON(body) }); n > 0 && name != "pairs" {
			t.Errorf("%s: %v allocations", name, n)
		}
		x, err := client.ExplainJSON(body)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, term := range x.Terms {
			named[x.Names[term.Hash]] = true
		}
		if !named["card#mean"] || !named["card#count"] || !named["merchant#mean"] || !named["country#count"] || named["merchant#count"] {
			t.Errorf("%s: explained by %v", name, named)
		}
	}
}
