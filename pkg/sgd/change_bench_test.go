package sgd

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// BenchmarkCheckpoint is how long the learner stands still for a checkpoint of
// 2^22 weights, of which 30,000 were learned since the last one, and how long to
// freeze a reference. min-ms is the shortest of all times, which says most on a busy machine.
func BenchmarkCheckpoint(b *testing.B) {
	m := newModel(b, func(c *Config) { c.Loss, c.Optimizer, c.Bits = "logistic", "nag", 22 })
	e := event.Event{Weight: 1, Label: 1, Labelled: true}
	learn := func(n int, hash func(i int) uint64) {
		e.X.Sparse = e.X.Sparse[:0]
		for i := range n {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: hash(i), Value: 1})
		}
		if s := m.Learn(&e); s.Reject != nil {
			b.Fatal(s.Reject)
		}
	}
	for at := 0; at < 1<<22; at += 1024 {
		learn(1024, func(i int) uint64 { return uint64(at + i) })
	}
	r := rand.New(rand.NewPCG(1, 1))
	for name, do := range map[string]func(){
		"change":    func() { m.Footprint(); m.Capture(false); m.Mark() },
		"reference": func() { m.SetReference(0) },
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			least := time.Hour
			for b.Loop() {
				b.StopTimer()
				for range 300 {
					learn(100, func(int) uint64 { return r.Uint64() })
				}
				b.StartTimer()
				began := time.Now()
				do()
				least = min(least, time.Since(began))
			}
			b.ReportMetric(float64(least.Microseconds())/1000, "min-ms")
		})
	}
}
