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
	activePart       = 5    // a coordinate takes part when active in a fifth of the blocks
	relTiny          = 1e-9 // a standard deviation below this part of the mean counts as 0
	absTiny          = 1e-150
)

// reference is what a calibration collects. All its memory is taken at once,
// so that observing allocates nothing.
type reference struct {
	losses, grads []float64 // magnitudes seen while sampling
	blocks        []float64 // mean score vectors, dim each, one block after the other
	means         []float64 // mean losses of the blocks
	count         int       // blocks wanted
	aligned       []float64 // scratch for the statistics of the reference blocks
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
	r.means = make([]float64, 0, r.count)
	r.aligned = make([]float64, r.count)
	return r
}

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
func (s *Score) collect(loss float64) {
	r := s.ref
	for _, sum := range s.u {
		r.blocks = append(r.blocks, clamp(sum/float64(s.n)))
	}
	r.means = append(r.means, loss)
	if len(r.means) == r.count {
		s.arm()
	}
}

// arm computes the calibration from the reference blocks and drops them.
func (s *Score) arm() {
	r := s.ref
	s.whiten(r)
	for b := range r.count {
		r.aligned[b] = s.alignment(r.blocks[b*s.dim:(b+1)*s.dim], 1)
	}
	s.align.calibrate(r.aligned)

	s.m, s.s = standardise(r.means)
	s.rise.calibrate(r.means)
	s.rise.shift = 0 // standardised values have mean 0 but for rounding
	s.ref, s.phase = nil, watching
}

// whiten chooses the coordinates that take part and measures them.
func (s *Score) whiten(r *reference) {
	column := r.aligned
	for c := range s.dim {
		seen := 0
		for b := range column {
			column[b] = r.blocks[b*s.dim+c]
			if column[b] != 0 {
				seen++
			}
		}
		if seen*activePart < r.count {
			continue
		}
		mu, sd := meanAndSD(column)
		if sd <= max(float64(relTiny*math.Abs(mu)), absTiny) {
			continue
		}
		s.active = append(s.active, uint16(c))
		s.mu, s.inv, s.z = append(s.mu, mu), append(s.inv, 1/sd), append(s.z, 0)
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
