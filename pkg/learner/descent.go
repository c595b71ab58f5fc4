package learner

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Descent tells how the gradient descent goes: whether gradients explode or
// vanish, whether weights still move, whether the loss still falls. It is taken
// from blocks of 64 learned events. What is not known yet is 0.
type Descent struct {
	// GradRatio is the mean gradient norm of late (half-life 128 events) over
	// that of long (half-life 16,384): far above 1 gradients explode.
	GradRatio float64
	// Vanishing is the share of events, half-life 1,024, whose gradient norm is
	// below a thousandth of the mean of long.
	Vanishing float64
	// WeightNorm is the Euclidean norm of the weights when it was last taken.
	WeightNorm float64
	// UpdateRatio is the mean norm of a change of the weights, half-life 1,024
	// events, over WeightNorm.
	UpdateRatio float64

	LossShort float64 // mean progressive loss, half-life 1,024 events
	LossLong  float64 // the same, half-life 16,384 events
	LossBest  float64 // lowest LossLong so far, from 16,384 events on
	Trend     Trend
	// By how much blocks are better than LossLong was before them, as a share of it: an interval that holds with
	// probability 0.95 at all blocks of a window at once. Windows have up to 262,144 events; meanwhile Trend keeps
	// its last verdict.
	ImprovementLo, ImprovementHi float64
}

// Trend is what the loss does.
type Trend uint8

// The trends.
const (
	Unknown   Trend = iota // too few events, or too much noise to tell
	Improving              // the loss falls: the interval is above 0
	Plateau                // it contains 0 and nothing above 0.02
	Worsening              // the loss rises: it is below 0
	Trends
)

func (t Trend) String() string {
	return [...]string{"unknown", "improving", "plateau", "worsening"}[t]
}

// Normed is a Model whose weights can be measured bit by bit. SweepNorm adds up
// the squares of some weights from position at on and returns where to go on, 0
// at the end. It is a function of the parameters alone.
type Normed interface {
	SweepNorm(at uint64, budget int) (sum float64, next uint64)
}

const (
	descentBlock  = 64                 // events of a block
	longBlocks    = 256                // half-life of the means of long
	windowBlocks  = 4096               // of a window of the trend
	trendBlocks   = 16                 // before these the normal limit is not to be relied on
	logAlpha      = -2.995732273553991 // of 1 less the probability of the interval
	plateauDelta  = 0.02
	smallGradient = 1e-3
	sweepBudget   = 256
	sweepPause    = 4096  // blocks between two rounds of the norm, at most
	greatest      = 1e150 // of what is summed up

	retain2   = 0.70710678118654752440 // 2^(-1/2)
	retain16  = 0.95760328069857364694 // 2^(-1/16)
	retain256 = 0.99729605608547012625 // 2^(-1/256)
)

// fading is an exponentially weighted mean of blocks.
type fading struct{ mean, weight float64 }

func (f *fading) add(x, retain float64) {
	f.weight = float64(retain*f.weight) + 1
	f.mean += (x - f.mean) / f.weight
}

// descent is the state behind Descent.
type descent struct {
	// The block that is being filled.
	n, small           uint64
	loss, grad, update float64

	blocks              uint64
	gradShort, gradLong fading
	updates, smallShare fading
	lossShort, lossLong fading
	tiny                float64 // gradient norm up to which an event counts as small
	best                float64

	// The window of the trend: its blocks, mean and sum of squared deviations of what watch takes.
	count    uint64
	mean, m2 float64
	trend    Trend
	lo, hi   float64

	// The round of the norm.
	sweepAt, nextSweep uint64
	sweepSum, norm     float64
}

// bounded is x for a sum that is to stay finite, also of a model that cannot tell its loss.
func bounded(x float64) float64 {
	if !(x < greatest) {
		return greatest
	}
	return x
}

// observe takes an event that was learned.
func (d *descent) observe(m Model, s *event.Step) {
	d.loss += min(s.Loss, greatest)
	d.grad += min(s.GradNorm, greatest)
	d.update += min(s.UpdateNorm, greatest)
	if s.GradNorm <= d.tiny {
		d.small++
	}
	if d.n++; d.n == descentBlock {
		d.close(m)
	}
}

// close takes a block.
func (d *descent) close(m Model) {
	loss, grad := float64(d.loss/descentBlock), float64(d.grad/descentBlock)
	if d.blocks >= trendBlocks {
		d.watch(d.lossLong.mean - loss)
	}
	d.blocks++
	d.gradShort.add(grad, retain2)
	d.gradLong.add(grad, retain256)
	d.updates.add(float64(d.update/descentBlock), retain16)
	d.smallShare.add(float64(float64(d.small)/descentBlock), retain16)
	d.lossShort.add(loss, retain16)
	d.lossLong.add(loss, retain256)
	d.tiny = float64(smallGradient * d.gradLong.mean)
	if d.blocks == longBlocks || d.blocks > longBlocks && d.lossLong.mean < d.best {
		d.best = d.lossLong.mean
	}
	d.sweep(m)
	d.n, d.small, d.loss, d.grad, d.update = 0, 0, 0, 0, 0
}

// sweep goes on with the norm of the weights. Rounds begin ever more rarely, since weights settle.
func (d *descent) sweep(m Model) {
	w, ok := m.(Normed)
	if !ok || d.sweepAt == 0 && d.blocks < d.nextSweep {
		return
	}
	sum, next := w.SweepNorm(d.sweepAt, sweepBudget)
	d.sweepSum = min(d.sweepSum+sum, greatest)
	if d.sweepAt = next; next == 0 {
		d.norm, d.sweepSum = math.Sqrt(d.sweepSum), 0
		d.nextSweep = d.blocks + min(3*d.blocks, sweepPause)
	}
}

// watch takes by how much a block was better than the long mean before it. The
// mean of these is inside of the asymptotic confidence sequence of
// Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2021 (https://arxiv.org/abs/2103.06476, theorem 2.2) at
// all blocks of the window at once.
func (d *descent) watch(better float64) {
	if d.count == windowBlocks {
		d.count, d.mean, d.m2 = 0, 0, 0
	}
	d.count++
	t := float64(d.count)
	delta := better - d.mean
	d.mean += delta / t
	d.m2 += float64(delta * (better - d.mean))
	if d.count < trendBlocks {
		return
	}
	const rho2 = 0.007750150978259341 // (-2 log alpha + log(1 - 2 log alpha)) / 1024: the interval is tightest there
	v := float64(t*rho2) + 1
	width := float64(math.Sqrt(d.m2/(t-1)) * math.Sqrt(float64(2*v)/float64(t*float64(t*rho2))*(float64(portable.Log(v)/2)-logAlpha)))
	scale := max(d.lossLong.mean, 1/greatest)
	d.lo, d.hi = (d.mean-width)/scale, (d.mean+width)/scale
	switch {
	case d.lo > 0:
		d.trend = Improving
	case d.hi < 0:
		d.trend = Worsening
	case d.hi <= plateauDelta:
		d.trend = Plateau
	}
}

// report is what the state says.
func (d *descent) report() Descent {
	r := Descent{
		Vanishing: d.smallShare.mean, WeightNorm: d.norm, LossShort: d.lossShort.mean, LossLong: d.lossLong.mean, LossBest: d.best,
		Trend: d.trend, ImprovementLo: d.lo, ImprovementHi: d.hi,
	}
	if d.gradLong.mean > 0 {
		r.GradRatio = d.gradShort.mean / d.gradLong.mean
	}
	if d.norm > 0 {
		r.UpdateRatio = d.updates.mean / d.norm
	}
	return r
}

func (d *descent) fadings() [6]*fading {
	return [6]*fading{&d.gradShort, &d.gradLong, &d.updates, &d.smallShare, &d.lossShort, &d.lossLong}
}

func (d *descent) floats() [11]*float64 {
	return [11]*float64{&d.loss, &d.grad, &d.update, &d.tiny, &d.best, &d.mean, &d.m2, &d.lo, &d.hi, &d.sweepSum, &d.norm}
}

func (d *descent) append(b []byte) []byte {
	for _, n := range []uint64{d.n, d.small, d.blocks, d.count, d.sweepAt, d.nextSweep} {
		b = wire.AppendUvarint(b, n)
	}
	b = append(b, byte(d.trend))
	for _, v := range d.floats() {
		b = wire.AppendFloat64(b, *v)
	}
	for _, f := range d.fadings() {
		b = wire.AppendFloat64(wire.AppendFloat64(b, f.mean), f.weight)
	}
	return b
}

// read reads what append wrote. Errors are left in r.
func (d *descent) read(r *wire.Reader) {
	for _, n := range []*uint64{&d.n, &d.small, &d.blocks, &d.count, &d.sweepAt, &d.nextSweep} {
		*n = r.Uvarint()
	}
	d.trend = Trend(r.Byte())
	for _, v := range d.floats() {
		*v = r.Finite()
	}
	positive := true
	for _, f := range d.fadings() {
		f.mean, f.weight = r.Finite(), r.Finite()
		positive = positive && f.weight >= 0
	}
	if r.Err() == nil && (d.n >= descentBlock || d.small > d.n || d.count > windowBlocks || d.trend >= Trends || d.m2 < 0 || !positive) {
		r.Fail("statistics of the descent %+v", *d)
		*d = descent{}
	}
}
