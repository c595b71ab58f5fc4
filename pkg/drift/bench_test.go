package drift

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkScore is the cost per event of an armed detector on events with 20
// of 128 coordinates, its share of the work at the end of blocks included.
func BenchmarkScore(b *testing.B) {
	c := DefaultScoreConfig()
	c.Loss = ClipLogistic
	d := newScore(b, c, 128)
	rng := rand.New(rand.NewPCG(1, 1))
	const events = 1 << 10
	var j [20]uint16
	for i := range j {
		j[i] = uint16(i * 6)
	}
	xs := make([][20]float64, events)
	gs := make([]float64, events)
	for i := range xs {
		gs[i] = rng.Float64() - .5
		for k := range xs[i] {
			xs[i][k] = rng.NormFloat64()
		}
	}
	for i := range c.Window {
		d.Observe(.5, .1, gs[i%events], j[:], xs[rng.IntN(events)][:])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Observe(.5, .1, gs[i%events], j[:], xs[i%events][:])
		i++
	}
}

// BenchmarkDetectors is the cost per value of the detectors on a sequence of numbers.
func BenchmarkDetectors(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	xs := make([]float64, 1<<12)
	for i := range xs {
		xs[i] = flag(rng.Float64() < .3)
	}
	for name, d := range small(b) {
		b.Run(name, func(b *testing.B) {
			for i := range 20_000 {
				d.Observe(xs[i%len(xs)])
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d.Observe(xs[i%len(xs)])
				i++
			}
		})
	}
}
