package sgd

import (
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// readView fills the reading of reference i with features that are not those of
// the gathered event, so that it has to find them, and returns their score.
func (m *Model) readView(i int, x *event.Vector) float64 {
	r := &m.refs[i]
	n := 1 + x.Len()
	js, xs := slices.Grow(r.reading.J[:0], n)[:1], slices.Grow(r.reading.X[:0], n)[:1]
	js[0], xs[0] = 0, 1
	seen := append(r.seen[:0], refSlot{uint32(m.home), 1})
	add := func(hash uint64, value float64, coordinate uint16, signed float64) float64 {
		at := m.position(hash)
		seen = append(seen, refSlot{uint32(at), value})
		js, xs = append(js, coordinate), append(xs, signed)
		return float64(value * m.slots[at].R.ref(i))
	}
	dense, sparse := 0.0, 0.0 // added up as readScores does it
	for k := range x.Dense {
		f := &x.Dense[k]
		ff := m.frozenField(i, f.Hash)
		v := scale.Clip(float64((f.Value-ff.mean)*ff.inv), m.p.clip)
		dense += add(f.Hash, v, ff.coordinate, float64(ff.sign*v))
	}
	for k := range x.Sparse {
		f := &x.Sparse[k]
		coordinate, signed := sketch(f.Hash, f.Value)
		sparse += add(f.Hash, f.Value, coordinate, signed)
	}
	r.seen, r.reading.J, r.reading.X = seen, js, xs
	return m.slots[m.home].R.ref(i) + dense + sparse
}
