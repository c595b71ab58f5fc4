package sgd

import (
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// evaluateView is evaluateReference for the features of e.Views[i], which are not those
// of the gathered event: it has to find them.
func (m *Model) evaluateView(i int, e *event.Event, y float64) *event.Reading {
	r, x := &m.refs[i], e.Views[i]
	n := 1 + x.Len()
	js, xs := slices.Grow(r.reading.J[:0], n)[:1], slices.Grow(r.reading.X[:0], n)[:1]
	js[0], xs[0] = 0, 1
	z := m.slots[m.home].R.ref(i)
	seen := append(m.class.seen[:0], refSlot{uint32(m.home), 1})
	add := func(hash uint64, value float64, coordinate uint16, signed float64) {
		at := m.position(hash)
		z += float64(value * m.slots[at].R.ref(i))
		seen = append(seen, refSlot{uint32(at), value})
		js, xs = append(js, coordinate), append(xs, signed)
	}
	for k := range x.Dense {
		f := &x.Dense[k]
		if ff := r.see(&m.p, f.Hash); ff.known {
			v := scale.Clip(float64((f.Value-ff.mean)*ff.inv), m.p.clip)
			add(f.Hash, v, ff.coordinate, float64(ff.sign*v))
		}
	}
	for k := range x.Sparse {
		f := &x.Sparse[k]
		coordinate, signed := sketch(f.Hash, f.Value)
		add(f.Hash, f.Value, coordinate, signed)
	}
	o := &r.reading
	o.J, o.X = js, xs
	if m.class.seen = seen; m.p.classes > 0 {
		o.Loss, o.Grad = m.readClasses(r, i, e, y)
	} else {
		o.Loss, o.Grad = m.p.lossAt(z, y, &r.frame)
	}
	o.Loss = min(o.Loss, math.MaxFloat64)
	return o
}
