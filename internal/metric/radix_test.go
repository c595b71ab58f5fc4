package metric

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Few and many scores, with ties, negative ones and zeros of both signs, come
// in the order of a comparing sort, and every weight stays with its score.
func TestScoresAreSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 100, 2*buckets - 1, 2 * buckets, 20_000} {
		for name, draw := range map[string]func() float64{
			"probabilities": r.Float64,
			"ties":          func() float64 { return float64(r.IntN(7)) / 8 },
			"any":           func() float64 { return r.NormFloat64() * math.Exp(100*r.NormFloat64()) },
			"zeros":         func() float64 { return math.Copysign(0, r.Float64()-.5) },
			"one":           func() float64 { return .25 },
			"near":          func() float64 { return .25 + math.Ldexp(r.Float64(), -22) },
		} {
			for _, weighted := range []bool{false, true} {
				var c class
				for range n {
					v := draw()
					w := 1.
					if weighted {
						w = 2 + v/(1+math.Abs(v)) // names its score
					}
					c.add(v, w)
				}
				want := slices.Clone(c.score)
				slices.Sort(want)
				c.sort()
				if !slices.EqualFunc(c.score, want, func(a, b float64) bool { return a == b }) {
					t.Errorf("%d %s are not sorted", n, name)
				}
				if weighted && n > 0 {
					for i, v := range c.score {
						if c.weight[i] != 2+v/(1+math.Abs(v)) {
							t.Fatalf("%d %s: score %v has weight %v", n, name, v, c.weight[i])
						}
					}
				}
			}
		}
	}
}

func BenchmarkSort(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	scores := make([]float64, 1_000_000)
	for i := range scores {
		scores[i] = 1 / (1 + math.Exp(3*r.NormFloat64()))
	}
	var c class
	for b.Loop() {
		c.score = append(c.score[:0], scores...)
		c.sort()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/score")
}
