package serve_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// benchClient serves a bandit of 10 arms that knows 63 fields and the intercept, and
// returns a context as the service has it, decoded and as JSON.
func benchClient(b *testing.B, edit func(c *bandit.Config)) (*serve.Client, *event.Event, []byte) {
	b.Helper()
	cfg := bandit.Default()
	edit(&cfg)
	for i := range 10 {
		if !cfg.Continuous() {
			cfg.Arms = append(cfg.Arms, fmt.Sprintf("arm_%d", i))
		}
	}
	m, err := bandit.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var e event.Event
	fill := func() (text []byte) {
		e.Reset()
		text = append(text, '{')
		for j := range 63 {
			name, v := fmt.Sprintf("field_%02d", j), r.NormFloat64()
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String("context." + name), Value: v})
			text = fmt.Appendf(text, "%q:%.3f,", name, v)
		}
		text[len(text)-1] = '}'
		return text
	}
	for i := range 3000 {
		fill()
		e.Arm, e.Prob, e.Labelled = i%10, .1, true
		if cfg.Continuous() {
			e.Value = float64(i%100) / 100
			e.Arm = event.Bin(e.Value, cfg.ValueMin, cfg.ValueMax, cfg.Bins)
		}
		if e.X.Dense[i%7].Value > 0 {
			e.Label = 1
		}
		if s := m.Learn(&e); s.Reject != nil {
			b.Fatal(s.Reject)
		}
	}
	model, err := m.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	schema := event.Schema{Label: "reward", ID: "id", Time: "ts", Arm: "arm", Arms: cfg.ArmNames(), Probability: "p", Context: "context"}
	if cfg.Continuous() {
		low, high, bandwidth := cfg.Interval()
		schema.Continuous = []float64{low, high, bandwidth}
	}
	text := fill()
	return shopClient(b, serve.Options{}, schema, model), &e, text
}

// BenchmarkChoose measures a decision: of an event that the service has decoded, the same
// with what is logged of the decision, and from JSON with the whole record that is logged.
func BenchmarkChoose(b *testing.B) {
	for _, c := range []struct {
		name string
		edit func(c *bandit.Config)
	}{
		{"squarecb", func(c *bandit.Config) { c.Policy = bandit.SquareCB }},
		{"epsilon", func(c *bandit.Config) { c.Policy = bandit.Greedy }},
		{"lints full", func(c *bandit.Config) { c.Policy = bandit.LinTS }},
		{"lints diagonal", func(c *bandit.Config) { c.Policy, c.Matrix = bandit.LinTS, "diagonal" }},
		{"logistic full", func(c *bandit.Config) { c.Policy = bandit.Logistic }},
		{"linucb full", func(c *bandit.Config) {}},
		{"cats", func(c *bandit.Config) { c.Policy = bandit.Cats }},
	} {
		client, e, text := benchClient(b, c.edit)
		var d serve.Decision
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				e.ID = binary.LittleEndian.AppendUint64(e.ID[:0], uint64(i))
				if err := client.ChooseEvent(&d, e); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+" logged", func(b *testing.B) {
			b.ReportAllocs()
			var log []byte
			for i := range b.N {
				e.ID = binary.LittleEndian.AppendUint64(e.ID[:0], uint64(i))
				if err := client.ChooseEvent(&d, e); err != nil {
					b.Fatal(err)
				}
				log = d.AppendJSON(log[:0])
			}
		})
		b.Run(c.name+" JSON", func(b *testing.B) {
			b.ReportAllocs()
			r := serve.Request{ID: "decision-1234567", Context: text}
			var log []byte
			for range b.N {
				if err := client.Choose(&d, &r); err != nil {
					b.Fatal(err)
				}
				log = d.AppendJSON(log[:0])
			}
		})
	}
}
