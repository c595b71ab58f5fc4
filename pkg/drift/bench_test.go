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
		d.Observe(.5, gs[i%events], j[:], xs[rng.IntN(events)][:])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Observe(.5, gs[i%events], j[:], xs[i%events][:])
		i++
	}
}

func benchmark(b *testing.B, d Detector) {
	rng := rand.New(rand.NewPCG(1, 1))
	xs := make([]float64, 1<<12)
	for i := range xs {
		xs[i] = rng.Float64()
	}
	for i := range 20_000 {
		d.Observe(xs[i%len(xs)])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Observe(xs[i%len(xs)])
		i++
	}
}

func BenchmarkADWIN(b *testing.B) {
	d, err := NewADWIN(DefaultADWINParams())
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, d)
}

func BenchmarkPageHinkley(b *testing.B) {
	d, err := NewPageHinkley(DefaultPageHinkleyParams())
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, d)
}

func BenchmarkEDetector(b *testing.B) {
	d, err := NewEDetector(DefaultEDetectorParams())
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, d)
}
