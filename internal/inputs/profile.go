package inputs

import (
	"math"
	"math/bits"
	"slices"
)

// profile is what a reference window knows of one field. In the first half of the
// window it learns which categories there are, and where the 5% quantiles of the
// numbers lie; in the second half it counts how often what came, so that the
// counts are of other events than those that the quantiles are from.
type profile struct {
	lo, hi float64 // least and greatest number of the window; lo > hi for none
	seen   *categories

	// Every stride-th number of the first half, of which numbers are taken so far.
	sample         []float64
	stride, offers uint64
	edges          [cells - 1]float64 // the quantiles, after the first half
	borders        [cells - 1]uint64  // the same, ordered
	known          bool               // there were enough numbers for them

	// Of the second half: events with the field, its values, those that were new, and
	// its numbers: all, those outside of the range, and those between the quantiles.
	present, values, unseen, numbers, beyond uint64
	cells                                    [cells]uint64

	low, high float64 // range of the numbers, after the first half
	ranged    bool    // the window is complete, and had enough numbers for a range
}

const (
	cells      = 2 * psiCells
	maxSample  = 1024
	leastKnown = 2 * cells // sampled numbers for quantiles
	leastRange = 100       // numbers of the second half for a range
	wild       = 2000      // one number in so many may be outside of it
)

func newProfile() *profile { return &profile{lo: math.Inf(1), hi: math.Inf(-1), stride: 1} }

// number takes a number of the window.
func (p *profile) number(x float64, second bool) {
	p.lo, p.hi = min(p.lo, x), max(p.hi, x)
	if second {
		p.values++
		p.numbers++
		if p.known {
			p.cells[p.cell(x)]++
			if x < p.low || x > p.high {
				p.beyond++
			}
		}
		return
	}
	if p.offers%p.stride == 0 {
		if len(p.sample) == maxSample { // keep every other one from now on
			for i := range maxSample / 2 {
				p.sample[i] = p.sample[2*i]
			}
			p.sample = p.sample[:maxSample/2]
			p.stride *= 2
		}
		if p.offers%p.stride == 0 {
			p.sample = append(p.sample, x)
		}
	}
	p.offers++
}

// category takes a category of the window.
func (p *profile) category(hash uint64, second bool) {
	if p.seen == nil {
		p.seen = new(categories)
	}
	is := p.seen.add(hash)
	if second {
		p.values++
		if is {
			p.unseen++
		}
	}
}

// half ends the first half of the window.
func (p *profile) half(widen float64) {
	n := len(p.sample)
	if p.known = n >= leastKnown; p.known {
		slices.Sort(p.sample)
		for k := range p.edges {
			p.edges[k] = p.sample[(k+1)*n/cells]
		}
	}
	p.aim(widen)
	p.sample, p.offers, p.stride = nil, 0, 1
}

// cell is the number of quantiles below x. Which these are cannot be guessed, so it
// is counted without branches.
func (p *profile) cell(x float64) uint64 {
	n, at := uint64(0), ordered(x)
	for _, e := range p.borders {
		_, below := bits.Sub64(e, at, 0)
		n += below
	}
	return n
}

// ordered maps numbers to integers of the same order.
func ordered(x float64) uint64 {
	b := math.Float64bits(x + 0) // 0 and -0 are one
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// aim takes the quantiles, and sets the range of the numbers by the outermost quantiles, widened by so many
// times the distance between them, so that a few wild numbers in the window do not
// stretch it.
func (p *profile) aim(widen float64) {
	for k, e := range p.edges {
		p.borders[k] = ordered(e)
	}
	width := p.width(widen)
	p.low, p.high = max(p.edges[0]-width, -math.MaxFloat64), min(p.edges[cells-2]+width, math.MaxFloat64)
}

func (p *profile) width(widen float64) float64 {
	width := float64(widen * (p.edges[cells-2] - p.edges[0]))
	if !(width >= 0) { // 0 times a distance that is too large for a number
		return 0
	}
	return width
}

// complete ends the window. Where the range leaves out more than a few of the numbers of the
// second half, these have a long tail, and the range is that of all numbers of the window, widened.
func (p *profile) complete(widen float64) {
	p.ranged = p.known && p.numbers >= leastRange
	if p.ranged && p.beyond > p.numbers/wild {
		width := p.width(widen)
		p.low, p.high = max(p.lo-width, -math.MaxFloat64), min(p.hi+width, math.MaxFloat64)
	}
}

// merged counts the second half in the cells of the population stability index.
func merged(c *[cells]uint64) (out [psiCells]uint64) {
	for i, n := range c {
		out[i/2] += n
	}
	return out
}

// categories remembers hashes of categories, as a Bloom filter with one hash function
// does: a category that was never seen counts as seen with a probability that is
// the number of those seen over 2^14 at most.
type categories [1 << (categoryBits - 6)]uint64

const categoryBits = 14

func (c *categories) place(hash uint64) (word *uint64, bit uint64) {
	h := hash >> (64 - categoryBits)
	return &c[h/64], 1 << (h % 64)
}

func (c *categories) has(hash uint64) bool {
	word, bit := c.place(hash)
	return *word&bit != 0
}

// add takes a category and reports whether it was new.
func (c *categories) add(hash uint64) bool {
	word, bit := c.place(hash)
	is := *word&bit == 0
	*word |= bit
	return is
}
