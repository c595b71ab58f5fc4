package factor

import (
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Explain divides the margin of an event among its features, as Score has it. A
// feature contributes its linear weight times its value, and half of every pair
// that it is in: a pair belongs to both of its features alike. With scaled
// labels all is in units of the label. It is as safe for concurrent use as Score.
func (m *Model) Explain(e *event.Event) event.Explanation {
	f := m.p.frame(&m.labels)
	out := event.Explanation{Intercept: f.Mean + float64(f.SD*m.live.intercept[0]), Terms: make([]event.Term, 0, e.X.Len())}
	act := m.features(nil, e)
	pairs := make([]float64, len(act))
	m.p.divide(&m.live, act, pairs)
	z, i := m.live.intercept[0], 0
	add := func(f2 event.Feature, x float64) {
		w := m.linearWeight(f2.Hash)
		c := float64(w * x)
		if x != 0 { // else it is not in act
			c += pairs[i]
			i++
		}
		z += c
		out.Terms = append(out.Terms, event.Term{Hash: f2.Hash, Value: f2.Value, X: x, Weight: float64(f.SD * w), Contribution: float64(f.SD * c)})
	}
	for _, d := range e.X.Dense {
		add(d, m.scaler.Value(d))
	}
	for _, s := range e.X.Sparse {
		add(s, s.Value)
	}
	out.Margin = f.Mean + float64(f.SD*z)
	out.Sort()
	return out
}

func (m *Model) linearWeight(hash uint64) float64 {
	row := m.live.linear.find(m.p.key(hash))
	if row < 0 {
		return 0
	}
	return m.live.linear.values[row*m.live.linear.stride]
}

// divide adds to out half of each pair, for both of its features.
func (p *plan) divide(t *params, act []active, out []float64) {
	var v, u [maxFactors]float64
	k := p.k
	for i := range act {
		for j := i + 1; j < len(act); j++ {
			a, b := &act[i], &act[j]
			switch {
			case p.model == modelFFM:
				p.factorsOf(t, p.pairKey(a.hash, b.field), v[:k])
				p.factorsOf(t, p.pairKey(b.hash, a.field), u[:k])
			case p.model == modelMF && (a.field != p.user || b.field != p.item) && (a.field != p.item || b.field != p.user):
				continue
			default:
				p.factorsOf(t, p.key(a.hash), v[:k])
				p.factorsOf(t, p.key(b.hash), u[:k])
			}
			half := float64(float64(a.x*b.x) * dot(v[:k], u[:k]) / 2)
			out[i] += half
			out[j] += half
		}
	}
}

// Weights lists the linear weights that are not 0, in order of their rows, and
// the intercept first. Factors have no sign or size of their own, and are not listed.
func (m *Model) Weights() event.Weights {
	f := m.p.frame(&m.labels)
	out := event.Weights{Bits: m.p.bits}
	if v := f.Mean + float64(f.SD*m.live.intercept[0]); v != 0 {
		out.List = append(out.List, event.Weight{Intercept: true, Value: v, Impact: v})
	}
	for _, i := range m.live.linear.ascending() {
		if v := float64(f.SD * m.live.linear.row(int(i))[0]); v != 0 {
			out.List = append(out.List, event.Weight{ID: uint64(m.live.linear.keys[i]), Value: v, Impact: v})
		}
	}
	return out
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
