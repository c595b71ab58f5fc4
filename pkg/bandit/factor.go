package bandit

import "math"

// factor is the Cholesky factor L of a symmetric positive definite matrix
// A = L L', n x n, rows of the lower triangle one after the other: row i is
// l[i(i+1)/2:][:i+1]. Working on L instead of on A or its inverse is stable
// without ever being computed anew, takes half the memory, and lets the matrix
// grow by a row at the end.
type factor struct {
	n int
	l []float64
}

func triangle(n int) int { return n * (n + 1) / 2 }

func (f *factor) row(i int) []float64 { return f.l[triangle(i):][:i+1] }

// grow extends A to n x n by a diagonal with value lambda.
func (f *factor) grow(n int, lambda float64) {
	for ; f.n < n; f.n++ {
		for range f.n {
			f.l = append(f.l, 0)
		}
		f.l = append(f.l, math.Sqrt(lambda))
	}
}

// copyFrom makes f a copy of g and keeps f's memory.
func (f *factor) copyFrom(g *factor) {
	f.n, f.l = g.n, append(f.l[:0], g.l...)
}

// update makes A to A + v v' by one Givens rotation per column (Golub and Van
// Loan, Matrix Computations, 4th ed., section 6.5.4). It overwrites v, len n.
func (f *factor) update(v []float64) {
	for k, vk := range v {
		if vk == 0 {
			continue
		}
		d := triangle(k) + k
		r := math.Sqrt(float64(f.l[d]*f.l[d]) + float64(vk*vk))
		c, s := f.l[d]/r, vk/r
		f.l[d] = r
		for i, at := k+1, d+k+1; i < f.n; i, at = i+1, at+i+1 {
			l := f.l[at]
			f.l[at] = float64(c*l) + float64(s*v[i])
			v[i] = float64(c*v[i]) - float64(s*l)
		}
	}
}

// forward replaces x, len n, by the solution y of L y = x.
func (f *factor) forward(x []float64) {
	first := 0
	for first < len(x) && x[first] == 0 {
		first++
	}
	for i := first; i < len(x); i++ {
		row, s := f.row(i), x[i]
		for k := first; k < i; k++ {
			s -= float64(row[k] * x[k])
		}
		x[i] = s / row[i]
	}
}

// backward replaces y, len n, by the solution x of L' x = y.
func (f *factor) backward(y []float64) {
	for i := len(y) - 1; i >= 0; i-- {
		row := f.row(i)
		x := y[i] / row[i]
		for k := range i {
			y[k] -= float64(row[k] * x)
		}
		y[i] = x
	}
}

// valid reports whether every element is finite and the diagonal positive.
func (f *factor) valid() bool {
	for i := range f.n {
		row := f.row(i)
		for _, v := range row {
			if !(math.Abs(v) <= math.MaxFloat64) {
				return false
			}
		}
		if row[i] <= 0 {
			return false
		}
	}
	return true
}
