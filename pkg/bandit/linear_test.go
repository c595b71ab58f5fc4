package bandit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// solveDense solves A x = b by Gaussian elimination with pivoting.
func solveDense(a [][]float64, b []float64) []float64 {
	n := len(b)
	m := make([][]float64, n)
	for i := range m {
		m[i] = append(append([]float64(nil), a[i]...), b[i])
	}
	for c := range n {
		p := c
		for r := c; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[p][c]) {
				p = r
			}
		}
		m[c], m[p] = m[p], m[c]
		for r := range n {
			if r == c {
				continue
			}
			q := m[r][c] / m[c][c]
			for k := c; k <= n; k++ {
				m[r][k] -= q * m[c][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = m[i][n] / m[i][i]
	}
	return x
}

// Whatever the order in which features appear, an arm is the ridge regression
// on its events by its definition.
func TestRidgeIsRidge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		lambda := rapid.Float64Range(.1, 10).Draw(t, "lambda")
		number := rapid.Float64Range(-3, 3)
		a := make([][]float64, n)
		for i := range a {
			a[i] = make([]float64, n)
			a[i][i] = lambda
		}
		b := make([]float64, n)
		var f, g ldl
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			known := rapid.IntRange(f.n, n).Draw(t, "known")
			x := rapid.SliceOfN(number, known, known).Draw(t, "x")
			r, h := number.Draw(t, "r"), rapid.Float64Range(.01, 4).Draw(t, "h")
			f.grow(known, lambda)
			g.update(&f, append([]float64(nil), x...), r, h)
			g.solve()
			f, g = g, f
			for i := range x {
				b[i] += h * r * x[i]
				for j := range x {
					a[i][j] += h * x[i] * x[j]
				}
			}
		}
		x := rapid.SliceOfN(number, n, n).Draw(t, "query")
		want, variance := 0., 0.
		for i, v := range solveDense(a, b) {
			want += v * x[i]
		}
		for i, v := range solveDense(a, x) {
			variance += v * x[i]
		}
		if got := f.predict(x); math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
			t.Fatalf("prediction %v, want %v", got, want)
		}
		if got := f.variance(append([]float64(nil), x...), lambda); math.Abs(got-variance) > 1e-8*(1+variance) {
			t.Fatalf("variance %v, want %v", got, variance)
		}
		// Its sums are those of the definition, and make the same regression again.
		var s sums
		f.expand(&s, lambda)
		for i := range f.n {
			for j := range i + 1 {
				want := a[i][j]
				if i == j {
					want -= lambda
				}
				if got := s.a[triangle(i)+j]; math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
					t.Fatalf("sum %d %d is %v, want %v", i, j, got, want)
				}
			}
		}
		if !g.factorise(&s, lambda) || g.n != f.n || math.Abs(g.predict(x)-f.predict(x)) > 1e-8*(1+math.Abs(want)) {
			t.Fatalf("from its sums it predicts %v, not %v", g.predict(x), f.predict(x))
		}
	})
}

// Many rank-one updates on nearly collinear contexts leave a factor that
// still is the one of the sum.
func TestFactorStaysAccurate(t *testing.T) {
	const n, lambda, events = 4, 1e-3, 200_000
	var f, g ldl
	f.grow(n, lambda)
	want := make([][]float64, n)
	for i := range want {
		want[i] = make([]float64, n)
		want[i][i] = lambda
	}
	v := make([]float64, n)
	for k := range events {
		u := math.Mod(float64(k)*math.Phi, 1)
		x := []float64{1, 1 + 1e-4*u, u, 1 - u}
		copy(v, x)
		g.update(&f, v, 0, 1)
		f, g = g, f
		for i := range x {
			for j := range x {
				want[i][j] += x[i] * x[j]
			}
		}
	}
	got := product(&f)
	for i := range want {
		for j := range want[i] {
			if math.Abs(got[i][j]-want[i][j]) > 1e-11*events {
				t.Errorf("A[%d][%d] = %v, want %v", i, j, got[i][j], want[i][j])
			}
		}
	}
}

func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 6
		x := newIndex(limit)
		var order []uint64
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "truncate") == 0 {
				n := rapid.IntRange(0, len(order)).Draw(t, "n")
				x.truncate(n)
				order = order[:n]
			}
			h := rapid.Uint64Range(0, 8).Draw(t, "hash") << rapid.SampledFrom([]int{0, 4, 60}).Draw(t, "shift")
			want := -1
			for i, o := range order {
				if o == h {
					want = i
				}
			}
			if got := x.lookup(h); got != want {
				t.Fatalf("lookup %x gives %d, want %d of %x", h, got, want, order)
			}
			if want < 0 && len(order) < limit {
				want = len(order)
				order = append(order, h)
			}
			if got := x.add(h); got != want {
				t.Fatalf("add %x gives %d, want %d of %x", h, got, want, order)
			}
		}
	})
}
