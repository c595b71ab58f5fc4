package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// Betting tests by betting whether the mean of a sequence stays at or below a
// margin. Per block of values with mean d, bounded to [-1, 1], the wealth becomes
//
//	W <- W (1 + lambda (d - margin)),  lambda in [0, 1/2]
//
// where lambda is chosen before the block is seen. While the conditional mean
// of every block is at most margin, W is a nonnegative supermartingale that
// begins at 1, so by Ville's inequality it ever reaches 1/alpha with probability
// alpha at most, whenever and however often it is looked at. Values within a
// block may depend on each other in any way.
//
// lambda is the approximate GRAPA bet, mean/(variance + mean^2) of the earlier
// d - margin. Their moments are exponentially weighted, so that a change in the
// middle of the test is bet on soon, and have a prior of mean 0 and variance 1/4.
//
// Waudby-Smith, Ramdas, "Estimating means of bounded random variables by
// betting", section B.3, https://arxiv.org/abs/2010.09686.
type Betting struct {
	block  int
	margin float64

	sum    float64 // of the current block
	n      int     // values in it
	newest float64 // mean of the newest block above the margin
	wealth float64

	first, second float64 // weighted sums of d - margin and of its square over the blocks
}

const (
	maxBet   = 0.5
	betDecay = 0.98 // of the weight of a block with each later one: the bet follows some 50
	// maxStake bounds a value, so that a single one moves a block of 50 by 0.16 at most.
	maxStake = 8.0
	betPrior = 0.25 // variance of the one block that the prior stands for
	// maxWealth keeps products finite, and minWealth lets a test that went badly
	// come back; each time that raises W to it, the chance of error grows by a part in 10^12 of alpha.
	maxWealth, minWealth = 1e12, 1e-12
)

// NewBetting returns a test that has seen nothing. block is how many values
// make a block, at least 1; margin is in [0, 1).
func NewBetting(block int, margin float64) (Betting, error) {
	if block < 1 || block > maxBlock {
		return Betting{}, fmt.Errorf("drift: block of %d values: must be between 1 and %d", block, maxBlock)
	}
	if !(margin >= 0 && margin < 1) {
		return Betting{}, fmt.Errorf("drift: margin %v: must be in [0, 1)", margin)
	}
	return Betting{block: block, margin: margin, wealth: 1}, nil
}

// Reset forgets all that was seen.
func (t *Betting) Reset() { *t = Betting{block: t.block, margin: t.margin, wealth: 1} }

// Observe takes a value, which is bounded to [-8, 8]; NaN counts as 0. It
// reports whether that value ended a block, and allocates nothing.
func (t *Betting) Observe(d float64) bool {
	t.sum += bound(clamp(d), maxStake)
	t.n++
	if t.n < t.block {
		return false
	}
	x := bound(t.sum/float64(t.n), 1) - t.margin
	t.sum, t.n, t.newest = 0, 0, x
	t.wealth = min(max(t.wealth*(1+float64(t.bet()*x)), minWealth), maxWealth)
	t.first = float64(betDecay*t.first) + x
	t.second = float64(betDecay*t.second) + float64(x*x)
	return true
}

// bet is lambda for the next block: first over second moment.
func (t *Betting) bet() float64 {
	return max(0, min(t.first/(t.second+betPrior), maxBet))
}

// Newest is the mean of the newest block minus the margin; 0 before the first.
func (t *Betting) Newest() float64 { return t.newest }

// Wealth is W after the newest block: 1 before the first. At 1/alpha the
// hypothesis is refused at level alpha.
func (t *Betting) Wealth() float64 { return t.wealth }

// AppendBinary appends the test as it stands.
func (t *Betting) AppendBinary(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(t.block))
	b = wire.AppendUvarint(b, uint64(t.n))
	for _, v := range [...]float64{t.margin, t.sum, t.newest, t.wealth, t.first, t.second} {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

// ReadBetting reads what AppendBinary wrote.
func ReadBetting(r *wire.Reader) Betting {
	block, n, margin := r.Uvarint(), r.Uvarint(), r.Finite()
	if r.Err() != nil {
		return Betting{}
	}
	t, err := NewBetting(int(min(block, maxBlock+1)), margin)
	if err != nil {
		r.Fail("%v", err)
		return Betting{}
	}
	t.n, t.sum, t.newest = int(min(n, block)), r.Finite(), r.Finite()
	t.wealth, t.first, t.second = r.Finite(), r.Finite(), r.Finite()
	switch {
	case t.n == t.block || math.Abs(t.sum) > float64(maxStake*float64(t.n)):
		r.Fail("%d values of sum %v in a block of %d", n, t.sum, block)
	case !(t.wealth >= minWealth && t.wealth <= maxWealth):
		r.Fail("wealth %v", t.wealth)
	case math.Abs(t.newest) > 2 || math.Abs(t.first) > 2/(1-betDecay) || !(t.second >= 0 && t.second <= 4/(1-betDecay)):
		r.Fail("a newest block of %v, moments %v and %v of all", t.newest, t.first, t.second)
	}
	return t
}
