package inputs

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// clip bounds the gradient of an event at a running quantile of the norms of gradients,
// as AutoClip does (Seetharaman, Wichern, Pardo, Le Roux 2020, https://arxiv.org/abs/2007.14469),
// so that the bound needs no unit. The quantile is estimated by the deterministic
// multiplicative update of Yazidi and Hammer 2019 (https://doi.org/10.1109/TCYB.2017.2779140):
//
//	Q <- Q (1 + lambda q)        if the norm is above Q
//	Q <- Q (1 - lambda (1 - q))  otherwise
//
// from the largest of 1 / (1 - q) norms on, after a start in which the model has learned where it
// stands. So a burst of wild events raises the bound by at most lambda an event, and
// after one it falls by half in 0.69 / (lambda (1 - q)) events.
//
// A gradient is bounded by the weight of its event, which it is proportional to. That is
// the same for an optimizer of first order, and has a meaning for all others.
type clip struct {
	block     uint64
	up, down  float64 // the two factors
	begin     uint64  // norms before the first that counts
	enough    uint64  // norms before the quantile is known
	seen      uint64  // norms until then
	quantile  float64
	events    uint64 // of the current block
	clipped   uint64 // of these
	lastShare float64
}

const (
	clipRate  = 0.01  // lambda
	clipStart = 1_000 // events until gradients are those of a model that has settled
)

func newClip(c *Config) *clip {
	q := c.ClipQuantile
	if q == 0 {
		return nil
	}
	return &clip{
		block: c.Block, up: 1 + float64(clipRate*q), down: 1 - float64(clipRate*(1-q)),
		begin: clipStart, enough: clipStart + uint64(math.Ceil(1/(1-q))),
	}
}

// known reports whether there is a bound.
func (c *clip) known() bool { return c.seen >= c.enough && c.quantile > 0 }

// factor returns by what a gradient of that norm is multiplied.
func (c *clip) factor(norm float64) float64 {
	if !c.known() || !(norm > c.quantile) {
		return 1
	}
	return c.quantile / norm
}

// observe takes the norm of a gradient that was learned, as it was before it was bounded.
func (c *clip) observe(norm float64) {
	if !(norm <= largestNorm) {
		norm = largestNorm
	}
	c.events++
	above := norm > c.quantile
	switch {
	case c.seen < c.enough:
		if c.seen++; c.seen > c.begin && above {
			c.quantile = norm
		}
	case c.quantile == 0: // all gradients were 0 until now
		c.quantile = norm
	case above:
		c.clipped++
		c.quantile = min(float64(c.quantile*c.up), largestNorm)
	default:
		c.quantile = max(float64(c.quantile*c.down), smallestNorm)
	}
}

// Bounds of the quantile: it stays a positive number.
const (
	largestNorm  = 1e150
	smallestNorm = 1e-150
)

func (c *clip) full() bool { return c.events >= c.block }

// next begins the next block.
func (c *clip) next() {
	c.lastShare = share(c.clipped, c.events)
	c.events, c.clipped = 0, 0
}

func (c *clip) identity() string {
	return fmt.Sprintf("clip by factors %v and %v in blocks of %d", c.up, c.down, c.block)
}

func (c *clip) append(b []byte) []byte {
	for _, n := range []uint64{c.seen, c.events, c.clipped} {
		b = wire.AppendUvarint(b, n)
	}
	return wire.AppendFloat64(wire.AppendFloat64(b, c.quantile), c.lastShare)
}

func (c *clip) read(r *wire.Reader) {
	c.seen, c.events, c.clipped = r.Uvarint(), r.Uvarint(), r.Uvarint()
	c.quantile, c.lastShare = r.Finite(), r.Finite()
	if c.seen > c.enough || c.events >= c.block || c.clipped > c.events || !(c.quantile >= 0 && c.quantile <= largestNorm) || !(c.lastShare >= 0 && c.lastShare <= 1) {
		r.Fail("a bound of gradients of %v after %d norms", c.quantile, c.seen)
	}
}
