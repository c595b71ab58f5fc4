package inputs

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// By hand, from the definition: (0.2 - 0.1) log 2 + (0.05 - 0.1) log 0.5 + (0.05 - 0.1) log 0.5, the other
// seven cells alike.
func TestPSIByHand(t *testing.T) {
	var reference, block [psiCells]uint64
	for i := range reference {
		reference[i], block[i] = 500, 100
	}
	block[0], block[1], block[2] = 200, 50, 50
	got, chance := psi(reference, block)
	if want := 0.2 * math.Ln2; math.Abs(got-want) > 1e-15 {
		t.Errorf("PSI %v, want %v", got, want)
	}
	if want := (distuv.ChiSquared{K: psiCells - 1}).Quantile(1-1e-6) * (1./5000 + 1./1000); math.Abs(chance-want) > 1e-7 {
		t.Errorf("chance %v, want %v by gonum", chance, want)
	}
	if got, _ := psi(reference, reference); got != 0 {
		t.Errorf("PSI of the reference with itself: %v", got)
	}
	if got, _ := psi(reference, [psiCells]uint64{}); got != 0 {
		t.Errorf("PSI with nothing: %v", got)
	}
}

// While nothing has changed PSI / (1/n + 1/m) is about chi-squared distributed.
func TestPSIOfChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, m, runs = 5_000, 1_000, 2_000
	values := make([]float64, runs)
	for i := range values {
		var reference, block [psiCells]uint64
		for range n {
			reference[rng.IntN(psiCells)]++
		}
		for range m {
			block[rng.IntN(psiCells)]++
		}
		v, _ := psi(reference, block)
		values[i] = v / (1./n + 1./m)
	}
	slices.Sort(values)
	for _, p := range []float64{0.1, 0.5, 0.9, 0.99} {
		got, want := values[int(p*runs)], (distuv.ChiSquared{K: psiCells - 1}).Quantile(p)
		if math.Abs(got/want-1) > 0.1 {
			t.Errorf("quantile %v: %.3f, want about %.3f", p, got, want)
		}
	}
}

// On numbers that are all between quantiles of their own the distance is that of gonum.
func TestKSAgainstGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var reference, block [cells]uint64
	var x, y []float64
	for range 3_000 {
		c := rng.IntN(cells)
		reference[c]++
		x = append(x, float64(c))
	}
	for range 700 {
		c := max(rng.IntN(cells), rng.IntN(cells))
		block[c]++
		y = append(y, float64(c))
	}
	slices.Sort(x)
	slices.Sort(y)
	got, chance := ks(&reference, &block)
	if want := stat.KolmogorovSmirnov(x, nil, y, nil); math.Abs(got-want) > 1e-12 {
		t.Errorf("KS %v, want %v by gonum", got, want)
	}
	if want := math.Sqrt(-math.Log(1e-6/2)/2) * math.Sqrt((3000.+700)/(3000*700)); math.Abs(chance-want) > 1e-4 {
		t.Errorf("chance %v, want %v", chance, want)
	}
}

// The quantiles of a profile, from a sample, are near those of the numbers, also
// where the numbers come in order.
func TestProfileQuantiles(t *testing.T) {
	for _, sorted := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(5, 6))
		numbers := make([]float64, 5_000)
		for i := range numbers {
			numbers[i] = rng.NormFloat64()
		}
		if sorted {
			slices.Sort(numbers)
		}
		p := newProfile()
		for _, x := range numbers {
			p.number(x, false)
		}
		p.half(1)
		for k, e := range p.edges {
			want := float64(k+1) / cells
			if got := (distuv.UnitNormal.CDF(e)); math.Abs(got-want) > 0.06 {
				t.Errorf("sorted %v: quantile %v is at %v", sorted, want, got)
			}
		}
	}
}

// Extreme numbers leave nothing that is not finite.
func TestProfileOfExtremes(t *testing.T) {
	for _, widen := range []float64{0, 1, 1e6} {
		p := newProfile()
		for i := range 1_000 {
			p.number([...]float64{math.MaxFloat64, -math.MaxFloat64, 0, math.SmallestNonzeroFloat64}[i%4], i >= 500)
			if i == 499 {
				p.half(widen)
			}
		}
		p.complete(widen)
		for _, v := range []float64{p.low, p.high} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("widened by %v: a range from %v to %v", widen, p.low, p.high)
			}
		}
	}
}

func TestCategoriesRemembered(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var c categories
	known := make([]uint64, 1_000)
	for i := range known {
		known[i] = rng.Uint64()
		c.add(known[i])
	}
	for _, h := range known {
		if !c.has(h) || c.add(h) {
			t.Fatal("a category was forgotten")
		}
	}
	wrong := 0
	for range 10_000 {
		if c.has(rng.Uint64()) {
			wrong++
		}
	}
	if share := float64(wrong) / 10_000; share > 1_000./(1<<categoryBits)+0.01 {
		t.Errorf("%v of new categories count as seen", share)
	}
}

// The range is that of the bulk of the numbers, whatever a few wild ones are; a long tail belongs to it.
func TestRange(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const wildest = 1e12
	for _, c := range []struct {
		name    string
		draw    func(i int) float64
		in, out []float64
	}{
		{"bulk", func(int) float64 { return rng.NormFloat64() }, []float64{-4, 0, 4}, []float64{-6, 6}},
		{"one wild number in 4,000", func(i int) float64 {
			if i%4_000 == 3_999 {
				return wildest
			}
			return rng.NormFloat64()
		}, []float64{4}, []float64{6, wildest}},
		{"a tail of a hundredth", func(i int) float64 {
			if i%100 == 0 {
				return 1000 * rng.Float64()
			}
			return rng.Float64()
		}, []float64{0, 970}, []float64{1100, -1100}},
		{"a switch that is seldom on", func(i int) float64 {
			if i%50 == 0 {
				return 1
			}
			return 0
		}, []float64{0, 1}, []float64{2, -1}},
	} {
		p := newProfile()
		for i := range 10_000 {
			p.number(c.draw(i), i >= 5_000)
			if i == 4_999 {
				p.half(1)
			}
		}
		p.complete(1)
		for _, x := range c.in {
			if x < p.low || x > p.high {
				t.Errorf("%s: %v is outside of %v to %v", c.name, x, p.low, p.high)
			}
		}
		for _, x := range c.out {
			if x >= p.low && x <= p.high {
				t.Errorf("%s: %v is inside of %v to %v", c.name, x, p.low, p.high)
			}
		}
	}
}
