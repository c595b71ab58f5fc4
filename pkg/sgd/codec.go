package sgd

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/calibrate"
	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// formatVersion is the version of both envelopes of this package.
const formatVersion = 3

// AppendBinary appends the live parameters and all optimizer state as a sealed
// envelope of kind KindSGD:
//
//	configuration (appendPlan)
//	events uvarint, weight, largest sparse magnitude float64
//	label statistics: weight, mean, M2, lowest, highest, largest magnitude float64
//	numeric fields (scale.Scaler.Append)
//	for each row (one, or one a class): nag S, nag T float64; auto: the member
//	served byte, discounted losses of the members float64
//	with calibration the map of each row (calibrate.Map.Append)
//	number of features uvarint, then of each, ascending: distance to the feature
//	before (the first: to -1) uvarint, or with bits 0, in order of arrival, the hash (of the
//	intercept, the first, 0) uint64; and for each row the numbers of its slots float64: sgd W;
//	adagrad, arow, scw W, G; nag, adam, ftrl, rls W, G, N; coin W, G, N, then W, G, N
//	of the companion; auto the same and then R of the companion; sgd, adagrad
//	and nag with penalties W, G, N, then W, G, N of the companion
//	rls: D, then U above the diagonal by columns float64 (see factor)
//
// With hashing feature 2^bits is the intercept.
func (m *Model) AppendBinary(b []byte) ([]byte, error) { return m.Capture(true)(b), nil }

// appendHead appends the envelope's begin and what stands before the features.
func (m *Model) appendHead(b []byte, kind wire.Kind) []byte {
	b = wire.Begin(b, kind, formatVersion)
	b = m.p.append(b)
	b = wire.AppendUvarint(b, m.events)
	for _, v := range [...]float64{m.weight, m.sparse} {
		b = wire.AppendFloat64(b, v)
	}
	b = m.labels.Append(b)
	b = m.scaler.Append(b)
	for k := range m.p.rowCount() {
		b = m.appendRow(b, m.rowAt(k))
	}
	return m.appendCalibration(b)
}

// UnmarshalBinary replaces the live parameters by those that AppendBinary
// wrote. References stay. Bytes of another configuration, or damaged ones, are
// refused and change nothing. Rates and extreme may differ: no parameter depends on them.
func (m *Model) UnmarshalBinary(b []byte) error {
	p, r, err := openEnvelope(b, wire.KindSGD)
	if err != nil {
		return fmt.Errorf("sgd: read model: %w", err)
	}
	if err := m.p.compatible(&p); err != nil {
		return fmt.Errorf("sgd: read model: %w", err)
	}
	h := readHead(&m.p, r)
	body := *r // read once to check everything, then again to take it over
	rls := m.p.readRLS(r, m.p.countPositions(r))
	if err := r.Close(); err != nil {
		return fmt.Errorf("sgd: read model: %w", err)
	}
	m.eachRow(m.touched(), func(at, _ int) { m.setNumbers(at, new([maxFloats]float64)) })
	m.empty(&m.before)
	clear(m.changed)
	m.p.readSlots(&body, true, func(id key, k int, v *[maxFloats]float64) {
		j := m.resolve(id)
		m.setNumbers(int(j)<<m.shift+k*m.lanes, v)
		m.before.add(j)
		if m.p.optimizer == optRLS {
			rls.index[int(v[2])-1] = j
		}
	})
	m.rls = rls
	m.takeHead(&h)
	return nil
}

// takeHead replaces all but the features.
func (m *Model) takeHead(h *head) {
	m.events, m.weight, m.sparse = h.events, h.weight, h.sparse
	m.labels, m.scaler = h.labels, h.scaler
	m.calibration = h.calibration
	for k := range h.rows {
		*m.rowAt(k) = h.rows[k]
	}
	for i := range m.refs {
		m.refs[i].fields = m.refs[i].fields[:0]
	}
	m.enroll(0)
}

// Open returns the model that AppendBinary wrote, with the configuration that
// the bytes name. It is how readers get a model to Score with.
func Open(b []byte) (*Model, error) {
	p, _, err := openEnvelope(b, wire.KindSGD)
	if err != nil {
		return nil, fmt.Errorf("sgd: read model: %w", err)
	}
	m, err := New(p.config())
	if err != nil {
		return nil, fmt.Errorf("sgd: read model: %w: %w", wire.ErrCorrupt, err)
	}
	return m, m.UnmarshalBinary(b)
}

// head is what stands before the slots.
type head struct {
	events         uint64
	weight, sparse float64
	labels         labels
	scaler         *scale.Scaler
	rows           []row
	calibration    []calibrate.Map
}

func readHead(p *plan, r *wire.Reader) head {
	h := head{events: r.Uvarint(), weight: r.Finite(), sparse: r.Finite()}
	if r.Err() == nil && min(h.weight, h.sparse) < 0 {
		r.Fail("negative sums %v, %v", h.weight, h.sparse)
	}
	h.labels = scale.ReadLabels(r)
	h.scaler = scale.Read(r, p.scaling())
	for range p.rowCount() {
		h.rows = append(h.rows, p.readRow(r))
	}
	h.calibration = p.readCalibration(r)
	return h
}

// readSlots calls fn with the numbers of every encoded feature in row k, valid during the
// call. Errors are left in r. trust says that the bytes were read before.
func (p *plan) readSlots(r *wire.Reader, trust bool, fn func(id key, k int, v *[maxFloats]float64)) {
	keys, rows, floats := p.newKeyReader(trust), p.rowCount(), p.floats()
	var v [maxFloats]float64
	for range r.Count(1 + 8*floats*rows) {
		id := keys.next(r)
		for k := range rows {
			for n := range v[:floats] {
				v[n] = r.Finite()
			}
			if r.Err() == nil && !p.valid(&v) {
				r.Fail("feature %x holds %v", id.id, v[:floats])
			}
			if r.Err() != nil {
				return
			}
			fn(id, k, &v)
		}
	}
}

// valid reports whether the optimizer can have left those numbers.
func (p *plan) valid(v *[maxFloats]float64) bool {
	if !(math.Abs(v[0]) <= maxWeight && v[1] >= 0) {
		return false
	}
	if p.penalised() && (v[3] < 0 || v[4] < 0) {
		return false
	}
	switch p.optimizer {
	case optAuto:
		return largest(v[2]) && math.Abs(v[3]) <= maxWeight && v[4] >= 0 && math.Abs(v[5]) <= maxWeight && v[6] >= 0
	case optNAG:
		return largest(v[2])
	case optCoin:
		return largest(v[2]) && v[4] >= 0
	case optAROW, optSCW:
		return v[1] <= 1
	case optSGD, optAdaGrad, optAdam, optFTRL, optRLS:
	}
	return true
}

// countPositions reads the slots, checks them, and returns how many positions
// rls has given them.
func (p *plan) countPositions(r *wire.Reader) int {
	var seen [maxRLS + 1]bool
	n := 0
	p.readSlots(r, false, func(id key, _ int, v *[maxFloats]float64) {
		if p.optimizer != optRLS {
			return
		}
		n++
		k := int(v[2])
		if k < 1 || k > maxRLS || float64(k) != v[2] || seen[k] {
			r.Fail("feature %x has position %v", id.id, v[2])
			return
		}
		seen[k] = true
	})
	for k := range n {
		if r.Err() == nil && !seen[k+1] {
			r.Fail("no feature has position %d of %d", k+1, n)
		}
	}
	return n
}

// largest reports whether n can be the largest magnitude of a feature.
func largest(n float64) bool { return n >= 0 && n <= scale.Largest }

// appendRow appends the state of a row.
func (m *Model) appendRow(b []byte, row *row) []byte {
	b = wire.AppendFloat64(b, row.nagS)
	b = wire.AppendFloat64(b, row.nagT)
	if m.p.optimizer != optAuto {
		return b
	}
	b = append(b, byte(row.race.served))
	for _, l := range row.race.loss {
		b = wire.AppendFloat64(b, l)
	}
	return b
}

// readRow reads what appendRow wrote. Errors are left in r.
func (p *plan) readRow(r *wire.Reader) row {
	row := row{nagS: r.Finite(), nagT: r.Finite()}
	if p.optimizer == optAuto {
		if row.race.served = int(r.Byte()); row.race.served >= members {
			r.Fail("member %d of %d is served", row.race.served, members)
		}
		for k := range row.race.loss {
			row.race.loss[k] = r.Finite()
		}
	}
	if r.Err() == nil && min(row.nagS, row.nagT, row.race.loss[0], row.race.loss[1], row.race.loss[2]) < 0 {
		r.Fail("negative sums %v", row)
	}
	return row
}
