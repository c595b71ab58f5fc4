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

// The losses that are watched.
const (
	excessLoss = iota // finds that the model is wrong
	plainLoss         // finds that the labels have become harder to predict too, as without a feature
	losses
)

// parts is how many e-detectors there are.
const parts = memories + 1 + losses

// Score watches the score vectors (gradient of the loss in the parameters) and
// the losses of a stream at the frozen parameters of a reference, and alarms
// when they keep pointing in one direction or spread out, or the losses rise. It
// is the default detector of the guard.
//
// Blocks of events are averaged: u is the mean score vector of a block, l the
// mean of its losses, or of its excess losses (event.Reading). Per block after the reference:
//
//	w = W (u - mu)                                whitening
//	a = <w, z>/|z|,  z the EWMA of earlier w      alignment: do blocks keep pointing the same way?
//	b = (|w|^2 - 2 e)/f                           spread: are they more than twice as far from 0?
//	c = (l - m)/s                                 did the losses rise?
//
// W, mu, the mean e and standard deviation f of |w|^2, and m and s of l come from
// the reference blocks. Each of a, for EWMA of several memories, b and c feeds an
// e-detector (evidence); the detector's value is the mean of all, which keeps
// the bound on the average run length. It alarms at FalseFreezeEvery/Block and
// warns from 1% of that. Where blocks depend on each other, calibration makes
// them longer.
//
// References: score-based monitoring, Zhang, Bui, Apley 2023,
// https://arxiv.org/abs/2012.06916; e-detectors, Shin, Ramdas, Rinaldo 2023,
// https://arxiv.org/abs/2203.03532. docs/guard-study.md has what it finds.
type Score struct {
	cfg ScoreConfig
	dim int

	phase              phase
	clipLoss, clipGrad float64 // bounds of |loss| and |dl/dz|

	block int             // events of a block: ScoreConfig.Block, or more where blocks of that depend on each other
	u     []float64       // sum of the score vectors of the current block, one per coordinate
	loss  [losses]float64 // sums of its losses
	n     int             // events in it

	ref *reference // nil once armed

	// The calibration.
	white     whitening
	align     [memories]alignment
	spread    spread
	rises     [losses]rise
	w         []float64 // scratch: the newest block, whitened
	direction []float64 // scratch of Direction

	level Level   // Warning while the value stands above the warning line
	value float64 // of the newest block
	fired float64 // value at the newest alarm

	newest ScoreBlock // no part of the stored state
}

// NewScore returns a detector for score vectors with dim coordinates that
// starts to calibrate at the next event.
func NewScore(c ScoreConfig, dim int) (*Score, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if dim < 1 || dim > math.MaxUint16+1 {
		return nil, fmt.Errorf("drift: dimension %d: must be between 1 and %d", dim, math.MaxUint16+1)
	}
	s := &Score{cfg: c, dim: dim}
	s.Reset()
	return s, nil
}

// Observe takes one event at the reference's parameters: its loss, its excess
// loss, dl/dz, and the sparse vector with value x[i] at coordinate j[i] < dim; its
// score vector is grad times that vector. It returns Drift at the event that ends
// an alarming block, once, and has then restarted itself; Warning while the value
// of the newest block stands at 1% of the threshold or above. Stable while not
// armed. It allocates nothing.
func (s *Score) Observe(loss, excess, grad float64, j []uint16, x []float64) Level {
	if s.phase == sampling {
		s.sample(loss, grad)
		return Stable
	}
	grad = bound(grad, s.clipGrad)
	u, x := s.u, x[:len(j)]
	for i, c := range j {
		u[c] += float64(grad * x[i])
	}
	s.loss[excessLoss] += bound(excess, s.clipLoss)
	s.loss[plainLoss] += bound(loss, s.clipLoss)
	s.n++
	if s.n < s.block {
		return s.level
	}
	return s.endBlock()
}

// endBlock turns the sums of the block into means and hands them on.
func (s *Score) endBlock() Level {
	for i := range s.loss {
		s.loss[i] = clamp(s.loss[i] / float64(s.n))
	}
	var level Level
	if s.phase == calibrating {
		s.collect()
	} else {
		level = s.judge()
	}
	s.dropBlock()
	return level
}

// judge takes the block, of which the losses are means already.
func (s *Score) judge() Level {
	s.white.apply(s.w, s.u, 1/float64(s.n))
	direction, aligned := 0.0, 0.0
	square, dots := follow(&s.align, s.w)
	for i := range s.align {
		a := s.align[i].next(square, dots[i])
		direction += s.align[i].observe(a)
		if i == 0 {
			aligned = s.align[i].standard(a)
		}
	}
	direction += s.spread.observe(s.spread.of(square))
	all, rose := direction, 0.0
	for i := range s.rises {
		c := s.rises[i].of(s.loss[i])
		all += s.rises[i].observe(c)
		rose = max(rose, s.rises[i].standard(c))
	}
	s.value = all / parts
	s.newest = ScoreBlock{Direction: aligned, Loss: rose, MeanLoss: s.loss[plainLoss]}
	if all > 0 {
		s.newest.DirectionShare = direction / all
	}
	switch threshold := s.Threshold(); {
	case s.value >= threshold:
		s.fired = s.value
		s.Restart()
		return Drift
	case s.value >= float64(warningPart*threshold):
		s.level = Warning
	default:
		s.level = Stable
	}
	return s.level
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
	s.loss, s.n = [losses]float64{}, 0
}

// Armed reports whether the calibration is finished.
func (s *Score) Armed() bool { return s.phase == watching }

// Statistic is the value of the newest block; 0 after a restart.
func (s *Score) Statistic() float64 { return s.value }

// Threshold is the value at which the detector alarms.
func (s *Score) Threshold() float64 { return s.cfg.FalseFreezeEvery / float64(s.block) }

// Fired is the value at the newest alarm; 0 before the first.
func (s *Score) Fired() float64 { return s.fired }

// Restart forgets the evidence and drops the current block. The calibration stays.
func (s *Score) Restart() {
	for i := range s.align {
		s.align[i].restart()
	}
	for i := range s.rises {
		s.rises[i].restart()
	}
	s.spread.restart()
	s.value, s.level = 0, Stable
	s.dropBlock()
}

// Reset starts to calibrate a new reference.
func (s *Score) Reset() {
	*s = Score{
		cfg: s.cfg, dim: s.dim, block: s.cfg.Block,
		u: make([]float64, s.dim), ref: newReference(s.cfg, s.dim), white: newWhitening(s.dim),
		w: make([]float64, 0, s.dim), direction: make([]float64, 0, s.dim),
	}
	for i := range s.align {
		s.align[i] = alignment{weight: memoryWeights[i], z: make([]float64, 0, s.dim)}
	}
	if s.cfg.Loss == ClipLogistic {
		s.phase, s.clipLoss, s.clipGrad = calibrating, logisticLossClip, 1
	}
}
