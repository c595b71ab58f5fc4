package sgd_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// benchEvents are events with 10 numeric fields and so many sparse features.
func benchEvents(dense, sparse int) []event.Event {
	r := rand.New(rand.NewPCG(1, 1))
	hash := func(j int) uint64 { return rand.New(rand.NewPCG(uint64(j), 7)).Uint64() }
	events := make([]event.Event, 4096)
	for i := range events {
		e := &events[i]
		e.Reset()
		for j := range dense {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: hash(j), Value: r.NormFloat64()*float64(j+1) + 3})
		}
		for j := range sparse {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: hash(1000*j + r.IntN(1000)), Value: 1})
		}
		e.Label, e.Labelled = float64(r.IntN(2)), true
	}
	return events
}

// BenchmarkLearn shows what an event costs, by feature with the intercept, and what references add.
func BenchmarkLearn(b *testing.B) {
	for _, shape := range []struct{ dense, sparse int }{{10, 20}, {20, 0}, {0, 20}} {
		events := benchEvents(shape.dense, shape.sparse)
		for refs := range 3 {
			for _, optimizer := range []string{"nag", "sgd", "auto"} {
				b.Run(fmt.Sprintf("dense=%d/sparse=%d/%s/refs=%d", shape.dense, shape.sparse, optimizer, refs), func(b *testing.B) {
					c := sgd.Default()
					c.Optimizer = optimizer
					m := build(b, c)
					for i := range events {
						m.Learn(&events[i])
					}
					for i := range refs {
						m.SetReference(i)
					}
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						m.Learn(&events[i&4095])
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(1+shape.dense+shape.sparse), "ns/feature")
				})
			}
		}
	}
}

func BenchmarkScore(b *testing.B) {
	events := benchEvents(10, 10)
	m := build(b, sgd.Default())
	for i := range events {
		m.Learn(&events[i])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Score(&events[i&4095])
	}
}

// BenchmarkSnapshot shows what a checkpoint and a new reference cost the learner.
func BenchmarkSnapshot(b *testing.B) {
	events := benchEvents(10, 10)
	m := build(b, sgd.Default())
	for i := range events {
		m.Learn(&events[i])
	}
	conform.BenchmarkSnapshot(b, m)
}
