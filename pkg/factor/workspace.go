package factor

import (
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// params are the parameters of a model. In the live ones a row begins with the
// values and goes on with the optimizer's numbers; in a reference values are all.
type params struct {
	intercept       [3]float64 // as a linear row
	linear, factors table
}

func (p *plan) fresh() params {
	return params{linear: newTable(p.linearStride()), factors: newTable(2 * p.k)}
}

// active is a feature of an event with a value other than 0.
type active struct {
	x      float64 // value as the learner sees it
	hash   uint64
	field  uint32
	dense  int32 // number of a numeric field, -1 for a sparse feature or a new field
	linear int32 // row of its linear weight, -1 for none
}

// factorRow is a factor row that an event touches.
type factorRow struct {
	key    uint32
	active int32 // the feature it belongs to
	row    int32 // in params.factors, -1 when it is not stored
}

// workspace is one event at one set of parameters. Everything in it is used
// again for the next event.
type workspace struct {
	act    []active
	fields []uint32 // ffm: the distinct fields of act
	count  []int32  // ffm: features of each
	place  []int32  // ffm: index into fields of each feature
	rows   []factorRow
	v, dv  []float64 // of row i at [i*k, (i+1)*k): factors, and the derivatives of z by them
	sum    []float64 // scratch of 2k

	z     float64 // score
	norm2 float64 // squared norm of the gradient of z by all parameters
}

// key returns the row of a hash.
func (p *plan) key(hash uint64) uint32 { return uint32(hash & p.mask) }

// pairKey returns the ffm row of a feature against a field.
func (p *plan) pairKey(hash uint64, field uint32) uint32 {
	return uint32(mix(hash^(uint64(field)+1)*goldenRatio) & p.mask)
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014,
// https://doi.org/10.1145/2660193.2660195): neighbouring inputs differ in all bits.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// initial fills dst with the initial factors of a row: uniform in [-init, init],
// a function of the seed, the row's key and the number of the factor.
func (p *plan) initial(key uint32, dst []float64) {
	h := mix(p.seed*goldenRatio ^ uint64(key))
	for f := range dst {
		h += goldenRatio
		u := float64(int64(mix(h))>>10) * 0x1p-53 // in [-1, 1)
		dst[f] = p.init * u
	}
}

// factorsOf copies the factors of a key to dst and returns their row, -1 when it is not stored.
func (p *plan) factorsOf(t *params, key uint32, dst []float64) int32 {
	row := t.factors.find(key)
	if row < 0 {
		p.initial(key, dst)
	} else {
		copy(dst, t.factors.row(row))
	}
	return int32(row)
}

// reset makes room for n features.
func (w *workspace) reset(n int) { w.act = slices.Grow(w.act[:0], n)[:0] }

// add adds a feature, unless its value is 0: then it has no influence at all.
func (w *workspace) add(f *event.Feature, x float64, dense int) {
	if x != 0 {
		w.act = append(w.act, active{x: x, hash: f.Hash, field: f.Field, dense: int32(dense)})
	}
}

// evaluate computes score, factors and derivatives of the features in w.act.
func (w *workspace) evaluate(p *plan, t *params) {
	w.z, w.norm2 = t.intercept[0], 1
	for i := range w.act {
		a := &w.act[i]
		a.linear = int32(t.linear.find(p.key(a.hash)))
		if a.linear >= 0 {
			w.z += float64(a.x * t.linear.values[int(a.linear)*t.linear.stride])
		}
		w.norm2 += float64(a.x * a.x)
	}
	var pairs float64
	switch p.model {
	case modelFM:
		pairs = w.fm(p, t)
	case modelFFM:
		pairs = w.ffm(p, t)
	case modelMF:
		pairs = w.mf(p, t)
	}
	w.z += pairs
	for _, d := range w.dv {
		w.norm2 += float64(d * d)
	}
}

// resize makes room for n factor rows.
func (w *workspace) resize(n, k int) {
	w.rows = slices.Grow(w.rows[:0], n)[:n]
	w.v, w.dv = slices.Grow(w.v[:0], n*k)[:n*k], slices.Grow(w.dv[:0], n*k)[:n*k]
}

// sums returns two zeroed vectors of k numbers.
func (w *workspace) sums(k int) (a, b []float64) {
	w.sum = slices.Grow(w.sum[:0], 2*k)[:2*k]
	clear(w.sum)
	return w.sum[:k], w.sum[k:]
}

// stackFeatures is how many features Score keeps without an allocation.
const stackFeatures = 64

// Score returns the prediction for an event, the same as Predict gives. It
// writes nothing, so many goroutines may call it while nobody learns. The
// values of the event must be finite. It allocates only for events of more than
// 64 features.
func (m *Model) Score(e *event.Event) float64 {
	var buf [stackFeatures]active
	act := m.features(buf[:0], e)
	z := m.live.intercept[0]
	for i := range act {
		a := &act[i]
		if row := m.live.linear.find(m.p.key(a.hash)); row >= 0 {
			z += float64(a.x * m.live.linear.values[row*m.live.linear.stride])
		}
	}
	switch m.p.model {
	case modelFM:
		z += m.p.scoreFM(&m.live, act)
	case modelFFM:
		z += m.p.scoreFFM(&m.live, act)
	case modelMF:
		z += m.p.scoreMF(&m.live, act)
	}
	f := m.p.frame(&m.labels)
	prediction, _ := m.p.predict(z, &f)
	return prediction
}

// features appends the features of an event, as the learner sees them when scoring.
func (m *Model) features(act []active, e *event.Event) []active {
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		if x := m.scaler.Value(*f); x != 0 {
			act = append(act, active{x: x, hash: f.Hash, field: f.Field})
		}
	}
	for i := range e.X.Sparse {
		if f := &e.X.Sparse[i]; f.Value != 0 {
			act = append(act, active{x: f.Value, hash: f.Hash, field: f.Field})
		}
	}
	return act
}

// bounded keeps a value within what the screen would accept, so that the score
// of a reference is finite.
func bounded(x float64) float64 { return max(-scale.Largest, min(scale.Largest, x)) }

// norm returns the norm of the gradient of z by all parameters.
func (w *workspace) norm() float64 { return math.Sqrt(w.norm2) }
