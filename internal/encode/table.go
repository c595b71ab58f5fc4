package encode

import (
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// table keeps of every category n, the sum of the weights of the events that had it,
// and the mean of their labels. The mean is shrunk towards that of all events as if
// prior events more had come with it (the m-estimate of Micci-Barreca 2001,
// https://doi.org/10.1145/507533.507538):
//
//	(n mean + prior overall) / (n + prior)
//
// The count of a category is log(1 + n). With a half-life, n halves with so many
// learned events; a mean is that of labels which count so much less.
//
// Categories have a cell by the low bits of their hash; those that share one share
// its statistics.
type table struct {
	prior, rate float64 // rate is log(2) over the half-life; 0 without
	cells       []cell
	overall     cell
	now         uint64 // events learned
}

// cell is what is known of a category.
type cell struct {
	n    float64 // weight at the time of then
	mean float64
	then uint64 // events learned with the last one that had it; 0 for none
}

func newTable(c Config) *table {
	if c.Bits == 0 {
		return nil
	}
	t := &table{prior: c.Prior, cells: make([]cell, 1<<c.Bits)}
	if c.HalfLife > 0 {
		t.rate = math.Ln2 / c.HalfLife
	}
	return t
}

func (t *table) clone() *table {
	if t == nil {
		return nil
	}
	c := *t
	c.cells = slices.Clone(t.cells)
	return &c
}

func (t *table) at(hash uint64) *cell { return &t.cells[hash&uint64(len(t.cells)-1)] }

// weight returns the n of a cell by now.
func (t *table) weight(c *cell) float64 {
	if t.rate == 0 || c.then == t.now {
		return c.n
	}
	return float64(c.n * portable.Exp(-float64(t.rate*float64(t.now-c.then))))
}

// encode appends the dense features of the categories of an event. A field with
// several gets the mean of theirs.
func (t *table) encode(dst []event.Feature, categories []event.Category) []event.Feature {
	for i := 0; i < len(categories); {
		first, mean, count, k := &categories[i], 0.0, 0.0, 0
		for ; i < len(categories) && categories[i].Field == first.Field; i++ {
			c := t.at(categories[i].Hash)
			n := t.weight(c)
			count += portable.Log1p(n)
			mean += t.overall.mean
			if sum := n + t.prior; sum > 0 {
				mean += float64((c.mean - t.overall.mean) * (n / sum))
			}
			k++
		}
		if first.Target != 0 {
			dst = append(dst, event.Feature{Hash: first.Target, Value: mean / float64(k), Field: first.Field})
		}
		if first.Count != 0 {
			dst = append(dst, event.Feature{Hash: first.Count, Value: count / float64(k), Field: first.Field})
		}
	}
	return dst
}

// learn takes over the label y with weight h > 0.
func (t *table) learn(categories []event.Category, y, h float64) {
	t.now++
	t.add(&t.overall, y, h)
	for i := range categories {
		t.add(t.at(categories[i].Hash), y, h)
	}
}

// add is learn for one cell.
func (t *table) add(c *cell, y, h float64) {
	c.n, c.then = min(t.weight(c)+h, math.MaxFloat64), t.now
	c.mean += float64((y - c.mean) * (h / c.n))
}

// append appends the state: events uvarint; overall; number of cells that were met
// uvarint, then of each in ascending order the distance to the one before (of the
// first: to -1) uvarint and the cell. A cell is n and mean float64, and how many
// events ago it was met uvarint.
func (t *table) append(b []byte) []byte {
	if t == nil {
		return b
	}
	met := 0
	for i := range t.cells {
		if t.cells[i].then > 0 {
			met++
		}
	}
	b = slices.Grow(b, 40+20*met)
	b = wire.AppendUvarint(b, t.now)
	b = t.appendCell(b, &t.overall)
	b = wire.AppendUvarint(b, uint64(met))
	last := -1
	for i := range t.cells {
		if t.cells[i].then > 0 {
			b = t.appendCell(wire.AppendUvarint(b, uint64(i-last)), &t.cells[i])
			last = i
		}
	}
	return b
}

func (t *table) appendCell(b []byte, c *cell) []byte {
	b = wire.AppendFloat64(wire.AppendFloat64(b, c.n), c.mean)
	return wire.AppendUvarint(b, t.now-c.then)
}

// readTable reads what append wrote. Errors are left in r.
func readTable(r *wire.Reader, c Config) *table {
	t := newTable(c)
	if t == nil {
		return nil
	}
	t.now = r.Uvarint()
	t.overall = t.readCell(r)
	last := -1
	for range r.Count(1 + 2*8 + 1) {
		d := r.Uvarint()
		if r.Err() == nil && (d == 0 || d > uint64(len(t.cells)-1-last)) {
			r.Fail("cell %d steps after cell %d of %d", d, last, len(t.cells))
		}
		if r.Err() != nil {
			return t
		}
		last += int(d)
		if t.cells[last] = t.readCell(r); r.Err() == nil && t.cells[last].then == 0 {
			r.Fail("cell %d was never met", last)
		}
	}
	return t
}

func (t *table) readCell(r *wire.Reader) cell {
	c := cell{n: r.Finite(), mean: r.Finite()}
	ago := r.Uvarint()
	if r.Err() == nil && (c.n < 0 || math.Abs(c.mean) > maxLabel || ago > t.now) {
		r.Fail("category of weight %v, mean %v, met %d events ago of %d", c.n, c.mean, ago, t.now)
	}
	c.then = t.now - ago
	return c
}

// maxLabel bounds the magnitude of a mean: that of labels, 1e100, and some rounding.
const maxLabel = 1.001e100
