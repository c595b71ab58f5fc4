package bandit

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Under bins of any number the tree finds the cheapest one, by context, from costs of single numbers alone.
func TestTreeFindsCheapestWindow(t *testing.T) {
	for _, bins := range []int{2, 3, 7, 16, 33} {
		s := interval{low: 5, high: 25, bandwidth: 2, bins: bins}
		tr := tree{nodes: make([]diagonal, bins-1), lambda: 1}
		best := func(city int) float64 { return []float64{9, 20}[city] }
		cost := func(city int, v float64) float64 { return min(1, math.Abs(v-best(city))/20) }
		uniform := func(i, salt int) float64 { return NewKey("tree").Uniform([]byte{byte(i), byte(i >> 8), byte(salt)}) }
		for i := range 6000 {
			city := i % 2
			x := []pair{{int32(city), 1}}
			bin := tr.pick(x)
			v := s.draw(bin, uniform(i, 0), uniform(i, 1), 0.2)
			c, p := cost(city, v), s.density(bin, v, 0.2)
			tr.cost = func(bin int) float64 { return c * s.weight(bin, v, p) }
			first, last := bins-1, 0
			for b := range bins {
				if tr.cost(b) > 0 {
					first, last = min(first, b), max(last, b)
				}
			}
			if !tr.stage(x, 1, first, last) {
				t.Fatal("refused")
			}
			tr.commit(x, 2)
		}
		smoothed := func(city, bin int) (sum float64) {
			low, high := s.window(bin)
			for k := range 1000 {
				sum += cost(city, low+(high-low)*(float64(k)+.5)/1000) / 1000
			}
			return sum
		}
		for city := range 2 {
			least := math.Inf(1)
			for b := range bins {
				least = min(least, smoothed(city, b))
			}
			got := tr.pick([]pair{{int32(city), 1}})
			t.Logf("bins %d city %d: bin %d at %.2f, cost %.4f, least %.4f", bins, city, got, s.centre(got), smoothed(city, got), least)
			if smoothed(city, got)-least > 0.08 {
				t.Errorf("bins %d, city %d: cost %v, least %v", bins, city, smoothed(city, got), least)
			}
		}
	}
}

// The density integrates to 1, the shares of the bins are its integrals, and draws follow it.
func TestDensityOfValues(t *testing.T) {
	for _, s := range []interval{{0, 1, .05, 8}, {-3, 12, 4, 5}, {5, 25, 100, 7}, {2, 2.5, .001, 2}} {
		for _, explore := range []float64{0, .1, 1} {
			for bin := range s.bins {
				const n = 200_000
				sum, shares := 0.0, make([]float64, s.bins)
				width := (s.high - s.low) / n
				for k := range n {
					v := s.low + width*(float64(k)+.5)
					d := s.density(bin, v, explore) * width
					sum += d
					shares[event.Bin(v, s.low, s.high, s.bins)] += d
				}
				p := make([]float64, s.bins)
				s.shares(bin, explore, p)
				total := 0.0
				for i, v := range p {
					total += v
					if math.Abs(v-shares[i]) > 3e-3 {
						t.Errorf("%+v bin %d: share of %d is %v, integral %v", s, bin, i, v, shares[i])
					}
				}
				if math.Abs(sum-1) > 3e-3 || math.Abs(total-1) > 1e-12 {
					t.Errorf("%+v bin %d explore %v: density adds up to %v, shares to %v", s, bin, explore, sum, total)
				}
			}
		}
	}
}
