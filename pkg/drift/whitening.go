package drift

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

const (
	activePart = 5    // a coordinate takes part when active in a fifth of the blocks
	relTiny    = 1e-9 // a standard deviation below this part of the mean counts as 0
	absTiny    = 1e-150
	// maxWhite bounds a whitened coordinate. Gaussian blocks never come near
	// it; a rare category with a rare label otherwise carries a block, and then
	// false alarms were over ten times the budget.
	maxWhite = 8.0
	// maxJoint is how many coordinates are whitened jointly, the first ones:
	// numeric fields. More would cost more than it finds.
	maxJoint = 24
	// jointBlocks is how many blocks of the reference a jointly whitened
	// coordinate needs, so that covariances are known well enough.
	jointBlocks = 10
)

// whitening maps the mean score vector of a block to coordinates that have mean
// 0 and variance 1 over the blocks of the reference. Of the first coordinates it
// takes out the correlation too: else correlated features leave few directions
// to the noise, and the change of a concept, which is a change in all of them,
// is drowned in these.
type whitening struct {
	active  []uint16  // coordinates that take part, ascending
	mu, inv []float64 // mean and 1/standard deviation of a block in each
	joint   int       // how many are whitened jointly
	factor  []float64 // rows of the lower triangle of the inverse Cholesky factor of their correlations
}

func newWhitening(dim int) whitening {
	return whitening{
		active: make([]uint16, 0, dim), mu: make([]float64, 0, dim), inv: make([]float64, 0, dim),
		factor: make([]float64, 0, triangle(maxJoint)),
	}
}

// triangle is how many elements a lower triangle of n rows has.
func triangle(n int) int { return n * (n + 1) / 2 }

// fit measures n blocks of dim coordinates. A coordinate that was active in few
// blocks, or that was constant there, has no scale to be measured with and takes
// no part. column is scratch of n numbers.
func (w *whitening) fit(blocks []float64, dim int, column []float64) {
	n := len(column)
	w.active, w.mu, w.inv = w.active[:0], w.mu[:0], w.inv[:0]
	for c := range dim {
		seen := 0
		for b := range column {
			column[b] = blocks[b*dim+c]
			if column[b] != 0 {
				seen++
			}
		}
		if seen*activePart < n {
			continue
		}
		mu, sd := meanAndSD(column)
		if sd <= max(float64(relTiny*math.Abs(mu)), absTiny) {
			continue
		}
		w.active = append(w.active, uint16(c))
		w.mu, w.inv = append(w.mu, mu), append(w.inv, 1/sd)
	}
	w.joint = min(len(w.active), maxJoint, n/jointBlocks)
	w.correlate(blocks, dim, n)
}

// correlate computes the factor. The correlations are shrunk towards 0 by the
// share of their number in what they are estimated from, which bounds how much
// a direction without variance in the reference is stretched.
func (w *whitening) correlate(blocks []float64, dim, n int) {
	k := w.joint
	w.factor = w.factor[:triangle(k)]
	clear(w.factor)
	var x [maxJoint]float64
	for b := range n {
		for i := range k {
			x[i] = w.standard(blocks[b*dim:(b+1)*dim], i)
			row := w.factor[triangle(i):]
			for j := range i {
				row[j] += float64(x[i] * x[j])
			}
		}
	}
	keep := 1 - float64(k)/float64(n)
	for i := range k {
		row := w.factor[triangle(i):]
		for j := range i {
			row[j] = float64(keep*row[j]) / float64(n-1)
		}
		row[i] = 1
	}
	invertCholesky(w.factor, k)
}

// invertCholesky replaces the positive definite matrix of which a is the lower triangle, by
// rows, by the inverse of its Cholesky factor.
func invertCholesky(a []float64, n int) {
	for i := range n {
		row := a[triangle(i):]
		for j := range i + 1 {
			other := a[triangle(j):]
			sum := row[j]
			for k := range j {
				sum -= float64(row[k] * other[k])
			}
			if i == j {
				row[i] = math.Sqrt(max(sum, absTiny))
			} else {
				row[j] = sum / other[j]
			}
		}
	}
	for j := range n { // column by column, from the diagonal down
		a[triangle(j)+j] = 1 / a[triangle(j)+j]
		for i := j + 1; i < n; i++ {
			row, sum := a[triangle(i):], 0.0
			for k := j; k < i; k++ {
				sum += float64(row[k] * a[triangle(k)+j])
			}
			row[j] = -sum / row[i]
		}
	}
}

// standard is coordinate i of a block, standardised and bounded.
func (w *whitening) standard(block []float64, i int) float64 {
	return standard(block[w.active[i]], w.mu[i], w.inv[i])
}

func standard(x, mu, inv float64) float64 { return bound(float64((clamp(x)-mu)*inv), maxWhite) }

// apply writes the whitened block, factor times sums, to out, which has as many
// elements as coordinates take part.
func (w *whitening) apply(out, sums []float64, factor float64) {
	active, mu, inv := w.active[:len(out)], w.mu[:len(out)], w.inv[:len(out)]
	wild := false // almost never is anything out of bounds
	for i, c := range active {
		x := float64((float64(sums[c]*factor) - mu[i]) * inv[i])
		if !(math.Abs(x) <= maxWhite) {
			wild = true
		}
		out[i] = x
	}
	if wild {
		for i, c := range active {
			out[i] = standard(float64(sums[c]*factor), mu[i], inv[i])
		}
	}
	i := w.joint - 1
	for ; i >= 3; i -= 4 { // four rows at a time, since a sum waits for each of its additions
		a, b := w.factor[triangle(i-3):][:i-2], w.factor[triangle(i-2):][:i-1]
		c, d := w.factor[triangle(i-1):][:i], w.factor[triangle(i):][:i+1]
		x, sa, sb, sc, sd := out[:i+1], 0.0, 0.0, 0.0, 0.0
		for k, f := range a {
			sa += float64(f * x[k])
			sb += float64(b[k] * x[k])
			sc += float64(c[k] * x[k])
			sd += float64(d[k] * x[k])
		}
		sb += float64(b[i-2] * x[i-2])
		sc += float64(c[i-2] * x[i-2])
		sd += float64(d[i-2] * x[i-2])
		sc += float64(c[i-1] * x[i-1])
		sd += float64(d[i-1] * x[i-1])
		sd += float64(d[i] * x[i])
		x[i-3], x[i-2], x[i-1], x[i] = bound(sa, maxWhite), bound(sb, maxWhite), bound(sc, maxWhite), bound(sd, maxWhite)
	}
	for ; i >= 0; i-- {
		row, sum := w.factor[triangle(i):triangle(i+1)], 0.0
		for k, f := range row {
			sum += float64(f * out[k])
		}
		out[i] = bound(sum, maxWhite)
	}
}

// standardised replaces a whitened vector by the one in single standardised
// coordinates that it came from.
func (w *whitening) standardised(v []float64) {
	for i := range w.joint {
		row := w.factor[triangle(i):triangle(i+1)]
		for k := range i {
			v[i] -= float64(row[k] * v[k])
		}
		v[i] /= row[i]
	}
}

func (w *whitening) append(b []byte) []byte {
	b = appendCoordinates(b, w.active)
	for i := range w.active {
		b = wire.AppendFloat64(b, w.mu[i])
		b = wire.AppendFloat64(b, w.inv[i])
	}
	return wire.AppendFloats(b, w.factor)
}

func (w *whitening) read(r *wire.Reader, dim int) {
	w.active = readCoordinates(r, w.active, dim, 2*8)
	for range w.active {
		mu, inv := readWithin(r, 2*huge), readPositive(r)
		w.mu, w.inv = append(w.mu, mu), append(w.inv, inv)
	}
	n := r.Count(8)
	for w.joint < min(len(w.active), maxJoint) && triangle(w.joint) < n {
		w.joint++
	}
	if triangle(w.joint) != n {
		r.Fail("factor of %d elements for %d coordinates", n, len(w.active))
		return
	}
	for i := range w.joint {
		for range i {
			w.factor = append(w.factor, readWithin(r, huge))
		}
		w.factor = append(w.factor, readPositive(r))
	}
}
