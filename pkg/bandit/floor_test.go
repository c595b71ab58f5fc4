package bandit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func drawPMF(t *rapid.T) []float64 {
	p := rapid.SliceOfN(rapid.Float64Range(0, 1), 2, 12).Draw(t, "p")
	sum := 0.
	for _, v := range p {
		sum += v
	}
	for i := range p {
		if sum == 0 {
			p[i] = 1 / float64(len(p))
		} else {
			p[i] /= sum
		}
	}
	return p
}

// The Kuhn-Tucker conditions of the projection: all values above the least were
// lowered by the same amount, and those at the least by no more.
func TestFloorIsTheProjection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := drawPMF(t)
		p := append([]float64(nil), before...)
		floor := rapid.Float64Range(0.001, 1).Draw(t, "floor")
		enforceFloor(p, floor, false)
		least, sum, lowered := floor/float64(len(p)), 0., math.Inf(-1)
		for i, v := range p {
			if v < least {
				t.Fatalf("%v is below %v", v, least)
			}
			if v > least+1e-12 {
				lowered = before[i] - v
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("%v adds up to %v", p, sum)
		}
		for i, v := range p {
			d := before[i] - v
			if v > least+1e-12 && math.Abs(d-lowered) > 1e-12 || v <= least && !math.IsInf(lowered, -1) && d > lowered+1e-12 {
				t.Fatalf("%v became %v with a floor of %v", before, p, floor)
			}
		}
	})
}

func TestChooseInvertsTheDistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPMF(t)
		const n = 2000
		count := make([]float64, len(p))
		for i := range n {
			count[Choose(p, (float64(i)+.5)/n)] += 1. / n
		}
		for i := range p {
			if math.Abs(count[i]-p[i]) > 2./n {
				t.Fatalf("arm %d was chosen with frequency %v, probability %v", i, count[i], p[i])
			}
		}
	})
	if got := Choose([]float64{.3, .7 - 1e-16, 0}, 1-1e-16); got != 1 {
		t.Errorf("beyond the sum: arm %d, want the last with a probability", got)
	}
	if got := Choose([]float64{0, 1}, 0); got != 1 {
		t.Errorf("u = 0 chose arm %d of probability 0", got)
	}
}

// Probabilities that stand at the least already, to rounding, must not go up and down for ever.
func TestFloorEnds(t *testing.T) {
	for n := 2; n < 200; n++ {
		for _, floor := range []float64{.01, .05, .1, .3} {
			p := make([]float64, n)
			p[n/2] = 1
			for range 20 {
				mixUniform(p, floor)
				enforceFloor(p, floor, false)
				sum := 0.
				for _, v := range p {
					sum += v
				}
				if math.Abs(sum-1) > 1e-12 {
					t.Fatalf("%d arms, floor %v: sum %v", n, floor, sum)
				}
			}
		}
	}
}
