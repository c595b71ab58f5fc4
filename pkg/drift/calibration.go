package drift

import (
	"math"
	"slices"
)

const (
	logisticLossClip = 4.0
	clipFactor       = 4.0  // times the quantile
	clipQuantile     = 0.99 // of the magnitudes seen while sampling
	samplePart       = 10   // the first tenth of the window is the sample
	// dependence is the ratio of long-run to simple variance above which, by more
	// than three standard errors, blocks count as depending on each other.
	dependence = 1.3
	// leastPart is the part of the blocks of a window that merging leaves at least.
	leastPart = 4
)

// reference is what a calibration collects. All its memory is taken at once,
// so that observing allocates nothing.
type reference struct {
	losses, grads []float64           // magnitudes seen while sampling
	blocks        []float64           // mean score vectors, dim each, one block after the other
	means         [losses][]float64   // mean losses of the blocks
	count         int                 // of blocks in a window
	column        []float64           // scratch for a number of each block
	aligned       [memories][]float64 // scratch for the alignments of each block
}

func newReference(c ScoreConfig, dim int) *reference {
	r := &reference{}
	events := c.Window
	if c.Loss == ClipQuantile {
		n := c.Window / samplePart
		r.losses, r.grads = make([]float64, 0, n), make([]float64, 0, n)
		events -= n
	}
	r.count = events / c.Block
	r.blocks = make([]float64, 0, r.count*dim)
	for i := range r.means {
		r.means[i] = make([]float64, 0, r.count)
	}
	r.column = make([]float64, r.count)
	for i := range r.aligned {
		r.aligned[i] = make([]float64, r.count)
	}
	return r
}

// len is how many blocks there are.
func (r *reference) len() int { return len(r.means[0]) }

// sample collects magnitudes and, once there are enough, sets the clips.
func (s *Score) sample(loss, grad float64) {
	r := s.ref
	r.losses = append(r.losses, math.Abs(clamp(loss)))
	r.grads = append(r.grads, math.Abs(clamp(grad)))
	if len(r.losses) < cap(r.losses) {
		return
	}
	s.clipLoss, s.clipGrad = clipAt(r.losses), clipAt(r.grads)
	s.phase = calibrating
}

// clipAt sorts v and returns the bound it implies. Where almost all are 0 the
// largest takes the place of the quantile; where all are, nothing is clipped.
func clipAt(v []float64) float64 {
	slices.Sort(v)
	q := v[int(math.Ceil(float64(clipQuantile*float64(len(v)))))-1]
	if q == 0 {
		q = v[len(v)-1]
	}
	if q == 0 {
		return huge
	}
	return float64(clipFactor * q)
}

// collect stores the block and, after the last one, arms the detector.
func (s *Score) collect() {
	r := s.ref
	at, factor := len(r.blocks), 1/float64(s.n)
	r.blocks = r.blocks[:at+s.dim]
	block := r.blocks[at:]
	for c, sum := range s.u[:len(block)] {
		block[c] = clamp(float64(sum * factor))
	}
	for i, loss := range s.loss {
		r.means[i] = append(r.means[i], loss)
	}
	if r.len() == r.count {
		s.arm()
	}
}

// arm computes the calibration from the reference blocks and drops them. Blocks
// that depend on each other are merged in pairs until the dependence ends within
// a block, or few are left to measure by. What a single block can say is bounded
// the more, the more blocks depend on each other.
func (s *Score) arm() {
	r := s.ref
	largest := calmCap
	for s.calibrate(largest) {
		if r.len()/2 < r.count/leastPart || 2*s.block > maxBlock {
			s.calibrate(dependentCap)
			break
		}
		r.merge(s.dim)
		s.block *= 2
		largest = mergedCap
	}
	s.ref, s.phase = nil, watching
}

// calibrate computes the calibration from the blocks so far, with a bound on
// their statistics, and reports whether they depend on each other.
func (s *Score) calibrate(largest float64) (dependent bool) {
	r := s.ref
	n := r.len()
	column := r.column[:n]
	s.white.fit(r.blocks, s.dim, column)
	s.w = s.w[:len(s.white.active)]
	for i := range s.align {
		s.align[i].begin(len(s.w))
	}
	for b := range n {
		s.whiten(b)
		square, dots := follow(&s.align, s.w)
		column[b] = square
		for i := range s.align {
			r.aligned[i][b] = s.align[i].next(square, dots[i])
		}
	}
	s.spread.calibrate(column, largest)
	for i := range s.align {
		s.align[i].calibrate(r.aligned[i][:n], largest)
	}
	for i := range s.rises {
		copy(column, r.means[i])
		s.rises[i].calibrate(column, largest)
		dependent = dependent || s.dependent(1, func(b int) []float64 { return column[b : b+1] })
	}
	return dependent || s.dependent(len(s.w), s.whiten)
}

// whiten returns reference block b, whitened in s.w.
func (s *Score) whiten(b int) []float64 {
	s.white.apply(s.w, s.ref.blocks[b*s.dim:(b+1)*s.dim], 1)
	return s.w
}

// dependent reports whether the reference blocks depend on each other, judged by
// d coordinates of mean 0 of each: whether the variance of the mean of 2, 4, 8...
// blocks, all coordinates together, is larger than independent ones would give by
// more than chance (variance ratio test, Lo, MacKinlay 1988,
// https://doi.org/10.1093/rfs/1.1.41).
func (s *Score) dependent(d int, block func(b int) []float64) bool {
	const minBatches = 10
	n, single := s.ref.len(), 0.0
	sum := s.direction[:d]
	for m := 1; n/m >= minBatches; m *= 2 {
		total, batches := 0.0, float64(n/m)
		clear(sum)
		for b := range n {
			for i, x := range block(b) {
				sum[i] += x
			}
			if (b+1)%m == 0 {
				total += dotProduct(sum, sum) / float64(m)
				clear(sum)
			}
		}
		total /= batches - 1
		if m == 1 {
			single = total
		}
		if total > float64(single*(dependence+float64(3*math.Sqrt(2/(float64(d)*batches))))) {
			return true
		}
	}
	return false
}

func dotProduct(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x * b[i])
	}
	return sum
}

// merge makes one block of every two.
func (r *reference) merge(dim int) {
	n := r.len() / 2
	for b := range n {
		for i := range r.means {
			r.means[i][b] = (r.means[i][2*b] + r.means[i][2*b+1]) / 2
		}
		to, a := r.blocks[b*dim:(b+1)*dim], r.blocks[2*b*dim:]
		for c := range to {
			to[c] = (a[c] + a[dim+c]) / 2
		}
	}
	r.blocks = r.blocks[:n*dim]
	for i := range r.means {
		r.means[i] = r.means[i][:n]
	}
}

// standardise replaces v by (v - m)/s with its mean and standard deviation.
// Values that do not vary have their own size as unit, or 1.
func standardise(v []float64) (m, s float64) {
	m, s = meanAndSD(v)
	if unit := math.Abs(m); s <= max(float64(relTiny*unit), absTiny) {
		s = unit
		if unit <= absTiny {
			s = 1
		}
	}
	for i, x := range v {
		v[i] = (x - m) / s
	}
	return m, s
}
