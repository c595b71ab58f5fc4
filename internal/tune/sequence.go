package tune

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/ope"
)

// Comparison is how much more one configuration costs than another: the mean
// difference of the criterion over the events that all have learned, in Blocks
// blocks of Block events, with an interval that holds at all times at once.
type Comparison struct {
	Blocks     uint64
	Difference float64
	Lo, Hi     float64 // infinite while there are too few blocks
}

// Block is the number of events whose mean difference is one observation of a
// confidence sequence: means of neighbours are less dependent, and closer to normal.
const Block = 64

const (
	minBlocks   = 16  // before these the normal limit is not to be relied on
	tightBlocks = 128 // where the sequence is made tightest
)

// pairs keeps mean and variance of the difference of every two configurations.
type pairs struct {
	n     int
	sums  []float64 // of the block that is being filled
	in    int       // events in it
	count uint64    // blocks
	stats []moments // of the pair i > j at i(i-1)/2 + j
}

// moments are Welford's running mean and sum of squared deviations.
type moments struct{ mean, m2 float64 }

func newPairs(n int) *pairs {
	return &pairs{n: n, sums: make([]float64, n), stats: make([]moments, n*(n-1)/2)}
}

// add adds an event. values holds the weighted criterion of each configuration;
// those that are not live are skipped.
func (p *pairs) add(live []int, values [][]float64, event int) {
	for _, i := range live {
		if math.IsNaN(values[i][event]) {
			return // not all have learned it
		}
	}
	for _, i := range live {
		p.sums[i] += values[i][event]
	}
	if p.in++; p.in == Block {
		p.close(live)
	}
}

func (p *pairs) close(live []int) {
	p.count++
	for a, i := range live {
		for _, j := range live[:a] {
			s := &p.stats[i*(i-1)/2+j]
			x := (p.sums[i] - p.sums[j]) / Block
			d := x - s.mean
			s.mean += d / float64(p.count)
			s.m2 += d * (x - s.mean)
		}
	}
	clear(p.sums)
	p.in = 0
}

// compare returns how much more i costs than j at a level alpha. live must
// have held both since the beginning.
func (p *pairs) compare(i, j int, alpha float64) Comparison {
	sign := 1.0
	if i < j {
		i, j, sign = j, i, -1
	}
	s, t := p.stats[i*(i-1)/2+j], float64(p.count)
	c := Comparison{Blocks: p.count, Difference: sign * s.mean, Lo: math.Inf(-1), Hi: math.Inf(1)}
	if p.count >= minBlocks {
		w := ope.AsymptoticHalfWidth(t, math.Sqrt(s.m2/(t-1)), ope.TightestRho(tightBlocks, alpha), alpha)
		c.Lo, c.Hi = c.Difference-w, c.Difference+w
	}
	return c
}
