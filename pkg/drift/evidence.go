package drift

import (
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// The constants of the block e-detector. They were fixed once, on simulated
// streams; tests hold what they promise.
const (
	bets         = 4
	minSlack     = 0.15 // shift of the mean, in standard deviations of a block, that the null allows
	slackErrors  = 4.0  // standard errors of the reference mean that the null allows at least
	varianceUp   = 1.2  // variance proxy of a standardised block under the null
	calmCap      = 5.0  // largest statistic of one block
	wildScale    = 1.25 // long-run scale above which blocks count as dependent
	mergedCap    = 2.75 // where blocks had to be merged, since they depended on each other
	dependentCap = 2.0  // where they still do
	warningPart  = 0.01 // share of the threshold at which a warning begins
)

// The betas of the four Shiryaev-Roberts sums are 3, 8, 20 and 40 times betUnit:
// the mixture is near the best bet for shifts of .15 to 2 standard deviations.
const betUnit = .05

// betCosts are exp(-beta^2 varianceUp / 2).
var betCosts = [bets]float64{0.9865907163177327, 0.9084640160687062, 0.5488116360940264, 0.0907179532894125}

// evidence is an e-detector against "the conditional mean of the statistic is
// at most slack, and its deviations are sub-Gaussian with variance varianceUp":
//
//	R_i <- (R_i + 1) exp(beta_i (v - slack) - beta_i^2 varianceUp / 2)
//
// Under that null each exponential has conditional expectation at most 1, hence
// E[R_i at block n] <= n, and the first block at which the mean of the R_i
// reaches A comes after A blocks on average, or later.
// Shin, Ramdas, Rinaldo, "E-detectors", https://arxiv.org/abs/2203.03532.
type evidence struct {
	shift, scale, cap, slack float64 // v = min(cap, (raw - shift)/scale)
	r                        [bets]float64
}

// calibrate sets shift, scale and cap from the raw statistics of the reference
// blocks, in their order, and a bound on one block's. The scale brings a heavy tail to where that of a normal distribution
// would be: the largest of n is near sqrt(2 log n).
func (e *evidence) calibrate(raw []float64, largest float64) {
	n, lr := float64(len(raw)), longRunScale(raw)
	*e = evidence{
		shift: max(0, mean(raw)),
		cap:   largest,
		slack: max(minSlack, slackErrors/math.Sqrt(n)),
	}
	tail := (slices.Max(raw) - e.shift) / math.Sqrt(2*portable.Log(n))
	e.scale = max(1, lr, tail)
	if lr > wildScale {
		e.cap = min(largest, mergedCap)
	}
}

// observe takes the raw statistic of a block and returns the e-value.
func (e *evidence) observe(raw float64) float64 {
	d := min(e.cap, (raw-e.shift)/e.scale) - e.slack
	x := portable.Exp(float64(betUnit * d))
	x2 := float64(x * x)
	x4 := float64(x2 * x2)
	x8 := float64(x4 * x4)
	x20 := float64(float64(x8*x8) * x4)
	for i, factor := range [bets]float64{float64(x * x2), x8, x20, float64(x20 * x20)} {
		e.r[i] = float64((e.r[i] + 1) * float64(factor*betCosts[i]))
	}
	return e.value()
}

// value is the e-value of the blocks so far.
func (e *evidence) value() float64 {
	sum := 0.0
	for _, r := range e.r {
		sum += r
	}
	return float64(sum / bets) // never fused with what it is added to
}

// standard returns a raw statistic in long-run standard deviations of the
// reference blocks, above their mean.
func (e *evidence) standard(raw float64) float64 { return (raw - e.shift) / e.scale }

func (e *evidence) restart() { e.r = [bets]float64{} }

func (e *evidence) append(b []byte) []byte {
	for _, v := range [...]float64{e.shift, e.scale, e.cap, e.slack} {
		b = wire.AppendFloat64(b, v)
	}
	for _, v := range e.r {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

func (e *evidence) read(r *wire.Reader) {
	for _, p := range [...]*float64{&e.shift, &e.scale, &e.cap, &e.slack} {
		*p = readWithin(r, huge)
	}
	for i := range e.r {
		e.r[i] = readWithin(r, 2*bets*maxARL)
		if e.r[i] < 0 {
			r.Fail("negative Shiryaev-Roberts sum %v", e.r[i])
		}
	}
	if r.Err() == nil && !(e.scale >= 1 && e.slack >= minSlack && e.cap >= dependentCap && e.cap <= calmCap) {
		r.Fail("scale %v, cap %v and slack %v are no calibration", e.scale, e.cap, e.slack)
	}
}

// longRunScale estimates by how much the standard deviation of a long mean
// exceeds what independent blocks of unit variance would give: the largest
// sqrt(m) sd(means of m consecutive values), m in 1, 2, 4, 8, 16, as long as
// there are 20 such means (batch means, Flegal and Jones 2010,
// https://doi.org/10.1214/09-AOS735). 0 when even m = 1 has fewer.
func longRunScale(v []float64) float64 {
	const maxBatch, minBatches = 16, 20
	best := 0.0
	for m := 1; m <= maxBatch && len(v)/m >= minBatches; m *= 2 {
		n := len(v) / m
		whole := mean(v[:n*m])
		ss := 0.0
		for i := range n {
			d := mean(v[i*m:(i+1)*m]) - whole
			ss += float64(d * d)
		}
		best = max(best, math.Sqrt(float64(m)*ss/float64(n-1)))
	}
	return best
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// meanAndSD returns the mean and the sample standard deviation.
func meanAndSD(v []float64) (m, sd float64) {
	m = mean(v)
	ss := 0.0
	for _, x := range v {
		d := x - m
		ss += float64(d * d)
	}
	return m, math.Sqrt(ss / float64(len(v)-1))
}

// huge bounds every number on its way into a sum: squares and sums of squares
// of clamped numbers stay finite. maxSum bounds a sum of as many clamped and
// clipped numbers as there can be.
const (
	huge   = 1e100
	maxSum = 1e120
)

// clamp bounds x to [-huge, huge]; NaN becomes 0.
func clamp(x float64) float64 {
	switch {
	case x > huge:
		return huge
	case x < -huge:
		return -huge
	case x == x:
		return x
	}
	return 0
}

// unit bounds x to [0, 1]; NaN becomes 0.
func unit(x float64) float64 { return min(max(clamp(x), 0), 1) }
