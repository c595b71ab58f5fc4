package drift

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Of correlated blocks the whitened ones have mean 0 and, but for what is shrunk,
// variance 1 and no correlation; standardised undoes the joint part.
func TestWhitening(t *testing.T) {
	const n, dim = 1_000, 4
	rng := rand.New(rand.NewPCG(1, 2))
	blocks := make([]float64, n*dim)
	for b := range n {
		common := rng.NormFloat64()
		for c := range dim {
			blocks[b*dim+c] = float64(c) + 3*(math.Sqrt(.9)*common+math.Sqrt(.1)*rng.NormFloat64())
		}
	}
	w := newWhitening(dim)
	w.fit(blocks, dim, make([]float64, n))
	var mean, cov [dim][dim]float64
	out, back := make([]float64, dim), make([]float64, dim)
	for b := range n {
		row := blocks[b*dim : (b+1)*dim]
		w.apply(out, row, 1)
		for i, x := range out {
			mean[0][i] += x / n
			for j, y := range out {
				cov[i][j] += x * y / (n - 1)
			}
		}
		copy(back, out)
		w.standardised(back)
		for i := range back {
			if want := w.standard(row, i); math.Abs(back[i]-want) > 1e-9 && math.Abs(out[i]) < maxWhite {
				t.Fatalf("block %d, coordinate %d: %v, want %v", b, i, back[i], want)
			}
		}
	}
	for i := range dim {
		if math.Abs(mean[0][i]) > 1e-9 {
			t.Errorf("coordinate %d has mean %v", i, mean[0][i])
		}
		for j := range dim {
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(cov[i][j]-want) > .06 {
				t.Errorf("covariance %d, %d is %v, want %v", i, j, cov[i][j], want)
			}
		}
	}
}

// Worked by hand: [[4, 2], [2, 5]] has the Cholesky factor [[2, 0], [1, 2]],
// whose inverse is [[1/2, 0], [-1/4, 1/2]].
func TestInvertCholesky(t *testing.T) {
	a := []float64{4, 2, 5}
	invertCholesky(a, 2)
	for i, want := range []float64{.5, -.25, .5} {
		if math.Abs(a[i]-want) > 1e-15 {
			t.Errorf("element %d is %v, want %v", i, a[i], want)
		}
	}
}

// Blocks become longer where they depend on each other, and only there.
func TestScoreMergesDependentBlocks(t *testing.T) {
	cfg := DefaultScoreConfig()
	cfg.Loss = ClipLogistic
	for _, c := range []struct {
		name   string
		set    func(*logistic)
		longer bool
	}{
		{"independent", nil, false},
		{"correlated features", func(s *logistic) { s.corr = .9 }, false},
		{"autocorrelation .98, misspecified", func(s *logistic) { s.ar, s.quad = .98, .5 }, true},
	} {
		for seed := range uint64(5) {
			d := armedScore(t, cfg, 11, newLogistic(seed+1, 11, c.set))
			if longer := d.Block() > cfg.Block; longer != c.longer || d.Threshold() != cfg.FalseFreezeEvery/float64(d.Block()) {
				t.Errorf("%s: blocks of %d events, threshold %v", c.name, d.Block(), d.Threshold())
			}
		}
	}
}

// An average direction that stays is found; a variance that grows is taken for noise.
func TestAlignmentNoise(t *testing.T) {
	const n = 4_000
	rng := rand.New(rand.NewPCG(3, 4))
	moments := func(shift, scale float64) (mean, sd float64) {
		var all [memories]alignment
		for i := range all {
			all[i] = alignment{weight: memoryWeights[i], z: make([]float64, 0, 2)}
			all[i].begin(2)
		}
		values := make([]float64, n)
		for b := range n {
			w := []float64{shift + scale*rng.NormFloat64(), rng.NormFloat64()}
			square, dots := follow(&all, w)
			values[b] = all[0].next(square, dots[0])
		}
		return meanAndSD(values)
	}
	if mean, sd := moments(0, 1); math.Abs(mean) > .1 || sd > 1.05 {
		t.Errorf("noise: mean %v, standard deviation %v", mean, sd)
	}
	if mean, _ := moments(1.5, 1); mean < 1 {
		t.Errorf("a direction of length 1.5: mean %v", mean)
	}
	if mean, sd := moments(0, 4); math.Abs(mean) > .15 || sd > 1.3 {
		t.Errorf("noise four times as large: mean %v, standard deviation %v", mean, sd)
	}
}

// What is known of an average without going through it is what it is, after any number of blocks.
func TestAlignmentKeepsItsLength(t *testing.T) {
	const n = 7
	rng := rand.New(rand.NewPCG(5, 6))
	var all [memories]alignment
	for i := range all {
		all[i] = alignment{weight: memoryWeights[i], z: make([]float64, 0, n)}
		all[i].begin(n)
	}
	w, size := make([]float64, n), 1.0
	for b := range 2_000 {
		if b%100 == 0 {
			size = math.Pow(10, 4*rng.Float64()-3)
		}
		for i := range w {
			w[i] = math.Copysign(size, rng.Float64()-.5) + rng.NormFloat64()/8
		}
		square, dots := follow(&all, w)
		for i := range all {
			a := &all[i]
			a.next(square, dots[i])
			if want := dotProduct(a.z, a.z); math.Abs(a.square-want) > 1e-12*want {
				t.Fatalf("block %d, memory %d: squared length %v, kept %v", b, i, want, a.square)
			}
			if want := dotProduct(a.z, w); math.Abs(a.newest-want) > 1e-12*math.Sqrt(a.square*square) {
				t.Fatalf("block %d, memory %d: product with the newest %v, kept %v", b, i, want, a.newest)
			}
		}
	}
}

// Rows are taken four at a time, each with the additions in its own order: no bit depends on that.
func TestRowsOfTheFactorDoNotDependOnTheirNeighbours(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for joint := range maxJoint + 1 {
		n := joint + 2
		w := whitening{joint: joint, factor: make([]float64, triangle(joint))}
		sums := make([]float64, n)
		for i := range n {
			w.active, w.mu, w.inv = append(w.active, uint16(i)), append(w.mu, r.NormFloat64()), append(w.inv, 1)
			sums[i] = r.NormFloat64()
		}
		for i := range w.factor {
			w.factor[i] = r.NormFloat64()
		}
		want, got := make([]float64, n), make([]float64, n)
		for i := range n {
			want[i] = w.standard(sums, i)
			if i >= joint {
				continue
			}
			sum := 0.0
			for k, f := range w.factor[triangle(i):triangle(i+1)] {
				sum += float64(f * w.standard(sums, k))
			}
			want[i] = bound(sum, maxWhite)
		}
		if w.apply(got, sums, 1); !slices.Equal(got, want) {
			t.Errorf("%d whitened jointly: %v, want %v", joint, got, want)
		}
	}
}
