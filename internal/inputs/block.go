package inputs

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// full reports whether the block is complete.
func (w *watch) full() bool { return w.events >= w.cfg.Block }

// next compares the block with the reference, and begins the next one.
func (w *watch) next(g *Guard) {
	if w.armed && w.finds() {
		w.newFields = float64(w.strange) / float64(w.events)
		g.judge(&w.hold, Warning{Check: NewFields, Value: w.newFields, Limit: w.cfg.MaxMissing}, 0, w.newFieldsEvidence)
	}
	for i := range w.columns {
		c := &w.columns[i]
		chance := c.compare(w)
		for check := range fieldChecks {
			warning := Warning{Check: check, Field: c.name, Value: c.figures.of(check), Limit: w.cfg.limit(check)}
			g.judge(&c.hold[check], warning, chance[check], func() *state.InputEvidence { return c.evidence(w, check, chance[check]) })
		}
		c.block = counts{}
	}
	w.skew.next(w.events)
	w.events, w.strange, w.strangers = 0, 0, w.strangers[:0]
}

// compare takes the figures of the block, and returns what chance explains of each.
func (c *column) compare(w *watch) (chance [fieldChecks]float64) {
	b, f, p := &c.block, &c.figures, c.reference
	*f = Field{Name: c.name, Skew: share(b.skewed, b.compared)}
	chance[Skew] = few / float64(max(b.compared, 1))
	if p == nil {
		return chance
	}
	half := w.cfg.Window - w.half()
	f.Missing, f.ReferenceMissing = share(w.events-b.present, w.events), share(half-p.present, half)
	chance[Missing] = noise(w.events-b.present, w.events, half-p.present, half)
	f.Unseen, f.ReferenceUnseen = share(b.unseen, b.values), share(p.unseen, p.values)
	chance[Unseen] = noise(b.unseen, b.values, p.unseen, p.values)
	if p.ranged {
		f.OutOfRange = share(b.outside, b.numbers)
		f.Low, f.High = c.raw(p.low, w), c.raw(p.high, w)
	}
	chance[OutOfRange] = few / float64(max(b.numbers, 1))
	if p.known {
		f.PSI, chance[PSI] = psi(merged(&p.cells), merged(&b.cells))
		f.KS, chance[KS] = ks(&p.cells, &b.cells)
	}
	return chance
}

// raw is the number of the field that became a numeric feature, as far as it is finite.
func (c *column) raw(x float64, w *watch) float64 {
	return min(max(w.deps.Schema.Unscaled(c.name, x), -math.MaxFloat64), math.MaxFloat64)
}

// few is up to how many events say nothing of a share that is 0 by right.
const few = 5

func share(x, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return float64(x) / float64(n)
}

// noise is the largest difference of the shares of x in n and of y in m that chance
// explains: five standard errors of it.
func noise(x, n, y, m uint64) float64 {
	if n == 0 || m == 0 {
		return 1
	}
	a, b := float64(n), float64(m)
	p := float64(x+y) / (a + b)
	return 5 * math.Sqrt(float64(p*(1-p))*(1/a+1/b))
}
