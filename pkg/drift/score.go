package drift

import (
	"fmt"
	"math"
)

// phase of a Score.
type phase uint8

const (
	sampling    phase = iota // collects losses and gradients for the clips
	calibrating              // collects the blocks of the reference
	watching                 // armed
)

// Score watches the score vectors (gradient of the loss in the parameters) and
// the losses of a stream at the frozen parameters of a reference, and alarms
// when they keep pointing in one direction or the loss rises. It is the default
// detector of the guard.
//
// Blocks of events are averaged: u is the mean score vector of a block, l its
// mean loss. From the reference blocks come the mean mu and standard deviation
// sigma of u per coordinate, and m and s of l. Per later block:
//
//	w = (u - mu)/sigma                            whitened block
//	a = <w, z>/|z|,  z the EWMA of earlier w      do blocks keep pointing the same way?
//	c = (l - m)/s                                 did the loss rise?
//
// Each of a and c feeds an e-detector (evidence); the detector's value is the
// mean of the two, which keeps the bound on the average run length. It alarms
// at FalseFreezeEvery/Block and warns from 1% of that.
//
// A coordinate that was active in few reference blocks, or that was constant
// there, has no scale to be measured with and does not take part.
//
// References: score-based monitoring, Zhang, Bui, Apley 2023,
// https://arxiv.org/abs/2012.06916; e-detectors, Shin, Ramdas, Rinaldo 2023,
// https://arxiv.org/abs/2203.03532.
type Score struct {
	cfg       ScoreConfig
	dim       int
	threshold float64

	phase              phase
	clipLoss, clipGrad float64 // bounds of |loss| and |dl/dz|

	u    []float64 // sum of the score vectors of the current block, one per coordinate
	loss float64   // sum of its losses
	n    int       // events in it

	ref *reference // nil once armed

	// The calibration, over the coordinates that take part, in ascending order.
	active      []uint16
	mu, inv     []float64 // mean and 1/standard deviation of a block
	z           []float64 // EWMA of the whitened blocks
	m, s        float64   // mean and standard deviation of a block's loss
	align, rise evidence

	level Level   // Warning while the value stands above the warning line
	value float64 // of the newest block
	fired float64 // value at the newest alarm

	newest ScoreBlock // no part of the stored state
}

const (
	ewmaWeight = 0.3 // of the newest block in z
	// maxWhite bounds a whitened coordinate. Gaussian blocks never come near
	// it; a rare category with a rare label otherwise carries a block, and then
	// false alarms were over ten times the budget.
	maxWhite = 5.0
)

// NewScore returns a detector for score vectors with dim coordinates that
// starts to calibrate at the next event.
func NewScore(c ScoreConfig, dim int) (*Score, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if dim < 1 || dim > math.MaxUint16+1 {
		return nil, fmt.Errorf("drift: dimension %d: must be between 1 and %d", dim, math.MaxUint16+1)
	}
	s := &Score{cfg: c, dim: dim, threshold: c.FalseFreezeEvery / float64(c.Block)}
	s.Reset()
	return s, nil
}

// Observe takes one event at the reference's parameters: its loss, dl/dz, and
// the sparse vector with value x[i] at coordinate j[i] < dim; its score vector
// is grad times that vector. It returns Drift at the event that ends an
// alarming block, once, and has then restarted itself; Warning while the value
// of the newest block stands at 1% of the threshold or above. Stable while not
// armed. It allocates nothing.
func (s *Score) Observe(loss, grad float64, j []uint16, x []float64) Level {
	if s.phase == sampling {
		s.sample(loss, grad)
		return Stable
	}
	loss, grad = bound(loss, s.clipLoss), bound(grad, s.clipGrad)
	u, x := s.u, x[:len(j)]
	for i, c := range j {
		u[c] += float64(grad * x[i])
	}
	s.loss += loss
	s.n++
	if s.n < s.cfg.Block {
		return s.level
	}
	return s.endBlock()
}

// endBlock turns the sums of the block into means and hands them on.
func (s *Score) endBlock() Level {
	loss := clamp(s.loss / float64(s.n))
	var level Level
	if s.phase == calibrating {
		s.collect(loss)
	} else {
		level = s.judge(loss)
	}
	s.dropBlock()
	return level
}

func (s *Score) judge(loss float64) Level {
	aligned, rose := s.alignment(s.u, 1/float64(s.n)), (loss-s.m)/s.s
	direction, rise := s.align.observe(aligned), s.rise.observe(rose)
	s.value = (direction + rise) / 2
	s.newest = ScoreBlock{Direction: s.align.standard(aligned), Loss: s.rise.standard(rose), MeanLoss: loss}
	if direction > 0 {
		s.newest.DirectionShare = direction / (direction + rise)
	}
	switch {
	case s.value >= s.threshold:
		s.fired = s.value
		s.Restart()
		return Drift
	case s.value >= float64(warningPart*s.threshold):
		s.level = Warning
	default:
		s.level = Stable
	}
	return s.level
}

// alignment whitens the block factor times sums, returns its component along
// the EWMA of the earlier ones, and updates the EWMA.
func (s *Score) alignment(sums []float64, factor float64) float64 {
	dot, norm := 0.0, 0.0
	mu, inv, z := s.mu[:len(s.active)], s.inv[:len(s.active)], s.z[:len(s.active)]
	for i, c := range s.active {
		w := float64((clamp(float64(sums[c]*factor)) - mu[i]) * inv[i])
		w = bound(w, maxWhite)
		dot += float64(w * z[i])
		norm += float64(z[i] * z[i])
		z[i] = float64((1-ewmaWeight)*z[i]) + float64(ewmaWeight*w)
	}
	if norm == 0 {
		return 0
	}
	return dot / math.Sqrt(norm)
}

// bound returns x within limit of 0; NaN stays what it is.
func bound(x, limit float64) float64 {
	if x > limit {
		return limit
	}
	if x < -limit {
		return -limit
	}
	return x
}

func (s *Score) dropBlock() {
	clear(s.u)
	s.loss, s.n = 0, 0
}

// Armed reports whether the calibration is finished.
func (s *Score) Armed() bool { return s.phase == watching }

// Statistic is the value of the newest block; 0 after a restart.
func (s *Score) Statistic() float64 { return s.value }

// Threshold is the value at which the detector alarms.
func (s *Score) Threshold() float64 { return s.threshold }

// Fired is the value at the newest alarm; 0 before the first.
func (s *Score) Fired() float64 { return s.fired }

// Restart forgets the evidence and drops the current block. The calibration stays.
func (s *Score) Restart() {
	s.align.restart()
	s.rise.restart()
	s.value, s.level = 0, Stable
	s.dropBlock()
}

// Reset starts to calibrate a new reference.
func (s *Score) Reset() {
	*s = Score{
		cfg: s.cfg, dim: s.dim, threshold: s.threshold,
		u: make([]float64, s.dim), ref: newReference(s.cfg, s.dim),
		active: make([]uint16, 0, s.dim),
		mu:     make([]float64, 0, s.dim), inv: make([]float64, 0, s.dim), z: make([]float64, 0, s.dim),
	}
	if s.cfg.Loss == ClipLogistic {
		s.phase, s.clipLoss, s.clipGrad = calibrating, logisticLossClip, 1
	}
}
