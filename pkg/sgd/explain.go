package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Explain divides the margin of an event among its features, as Score has it:
// the contribution of a feature is its weight times its value as the model sees
// it, and with scaled labels both are in units of the label. It is as safe for
// concurrent use as Score.
func (m *Model) Explain(e *event.Event) event.Explanation {
	out := event.Explanation{Classes: m.p.classes, Terms: make([]event.Term, 0, e.X.Len())}
	if m.p.classes > 0 {
		out.Class, _ = m.chosen(e)
	}
	f := m.p.frame(&m.labels)
	out.Intercept = f.Mean + float64(f.SD*m.seen(m.home, out.Class, 1))
	add := func(f2 event.Feature, x float64) {
		w := float64(f.SD * m.seen(m.position(f2.Hash), out.Class, x))
		out.Terms = append(out.Terms, event.Term{Hash: f2.Hash, Value: f2.Value, X: x, Weight: w, Contribution: float64(w * x)})
	}
	for _, d := range e.X.Dense {
		add(d, m.scaler.Value(d))
	}
	for _, s := range e.X.Sparse {
		add(s, s.Value)
	}
	out.Margin = f.Mean + float64(f.SD*m.score(e, out.Class))
	out.Sort()
	return out
}

// seen is the weight of the feature at a position, in row k, for a value x. It is
// coin's that depends on x: a new largest magnitude lowers it.
func (m *Model) seen(at, k int, x float64) float64 {
	r, i := m.rowAt(k), at+k*m.lanes
	if m.p.optimizer != optCoin {
		return m.weightAt(i, r.race.served)
	}
	return coinWeight(&m.slots[i], &m.slots[i+1], m.p.rate, math.Abs(x)) / coinNorm(r.nagS, r.nagT)
}

// Weights lists the weights that are not 0, in order of the features' first appearance or position, row by row.
func (m *Model) Weights() event.Weights {
	out := event.Weights{Bits: m.p.bits}
	if m.exact != nil {
		out.Bits = 64
	}
	f, sizes := m.p.frame(&m.labels), m.typical()
	m.eachRow(m.touched(), func(at, k int) {
		j := (at - k*m.lanes) >> m.shift
		w := event.Weight{ID: uint64(j), Intercept: j == m.home>>m.shift, Class: k, Value: float64(f.SD * m.seen(at-k*m.lanes, k, 0))}
		if m.exact != nil {
			w.ID = m.exact.hashes[j]
		}
		if w.Intercept {
			w.Value += f.Mean
		}
		if w.Impact = w.Value; !w.Intercept {
			if size, ok := sizes[w.ID]; ok {
				w.Impact = float64(w.Value * size)
			}
		}
		if w.Value != 0 {
			out.List = append(out.List, w)
		}
	})
	return out
}

// typical returns the typical sizes of the values of numeric fields that are used as they are.
func (m *Model) typical() map[uint64]float64 {
	sizes := map[uint64]float64{}
	if m.p.standardize {
		return sizes
	}
	for i := range m.scaler.Len() {
		f := m.scaler.Field(i)
		id := f.Hash
		if m.exact == nil {
			id &= m.mask
		}
		sizes[id] = f.SD()
	}
	return sizes
}

// Fields returns the statistics of the numeric fields, in order of their first appearance.
func (m *Model) Fields() []event.FieldStats {
	out := make([]event.FieldStats, m.scaler.Len())
	for i := range out {
		f := m.scaler.Field(i)
		out[i] = event.FieldStats{Hash: f.Hash, Mean: f.Mean, SD: f.SD(), Events: f.Events}
	}
	return out
}
