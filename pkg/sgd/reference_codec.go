package sgd

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// ErrNoReference is returned for a reference that is not set.
var ErrNoReference = errors.New("reference is not set")

// AppendReference appends reference i as a sealed envelope of kind KindReference:
//
//	configuration (plan.append)
//	mean, standard deviation of the label frame, lowest, highest prediction float64
//	numeric fields (scale.Scaler.Append)
//	number of features uvarint, then of each, as in AppendBinary: its key, and
//	the weight float32, of several classes one for each
func (m *Model) AppendReference(i int, b []byte) ([]byte, error) {
	r := &m.refs[i]
	if !r.set {
		return b, fmt.Errorf("sgd: reference %d: %w", i, ErrNoReference)
	}
	start := len(b)
	b = wire.Begin(b, wire.KindReference, formatVersion)
	b = m.p.append(b)
	b = r.frame.Append(b)
	b = r.scaler.Append(b)
	b = wire.AppendUvarint(b, uint64(r.known.len()))
	keys := keyWriter{m: m, last: -1}
	r.known.each(func(j int) {
		b = keys.append(b, j)
		for k := range m.p.rowCount() {
			b = wire.AppendFloat32(b, float32(m.slots[j<<m.shift+k*m.lanes].R.ref(i)))
		}
	})
	return wire.Seal(b, start), nil
}

// UnmarshalReference sets reference i from what AppendReference wrote. Bytes of
// another configuration, or damaged ones, are refused and change nothing.
func (m *Model) UnmarshalReference(i int, b []byte) error {
	if wire.KindOf(b) == wire.KindSGD {
		return m.referToModel(i, b)
	}
	p, r, err := openEnvelope(b, wire.KindReference)
	if err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	if err := m.p.compatible(&p); err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	f := scale.ReadFrame(r)
	scaler := scale.Read(r, m.p.scaling())
	body := *r // read once to check everything, then again to take it over
	m.p.readWeights(r, false, func(key, int, float32) {})
	if err := r.Close(); err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	m.fillReference(i, f, scaler, func(set func(key, int, float32)) { m.p.readWeights(&body, true, set) })
	return nil
}

// referToModel sets reference i to what SetReference had frozen, had the model
// been the encoded one.
func (m *Model) referToModel(i int, b []byte) error {
	p, r, err := openEnvelope(b, wire.KindSGD)
	if err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	if err := m.p.compatible(&p); err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	h := readHead(&m.p, r)
	body := *r // read once to check everything, then again to take it over
	m.p.readRLS(r, m.p.countPositions(r))
	if err := r.Close(); err != nil {
		return fmt.Errorf("sgd: read reference: %w", err)
	}
	m.fillReference(i, m.p.frame(&h.labels), h.scaler, func(set func(key, int, float32)) {
		m.p.readSlots(&body, true, func(id key, k int, v *[maxFloats]float64) {
			set(id, k, narrow(m.p.frozen(v, &h.rows[k])))
		})
	})
	return nil
}

// fillReference replaces reference i. weights calls its argument with every weight.
func (m *Model) fillReference(i int, f frame, scaler *scale.Scaler, weights func(set func(id key, k int, w float32))) {
	m.clearReference(i)
	ref := &m.refs[i]
	ref.known = newFeatureSet(1<<m.p.bits+1, m.exact != nil)
	weights(func(id key, k int, w float32) {
		j := m.resolve(id)
		m.slots[int(j)<<m.shift+k*m.lanes].R.setRef(i, w)
		ref.known.add(j)
	})
	ref.set, ref.frame, ref.scaler, ref.fields = true, f, scaler, ref.fields[:0]
	m.enroll(0)
}

// readWeights calls fn with every encoded weight of a feature in row k. Errors
// are left in r. trust says that the bytes were read before.
func (p *plan) readWeights(r *wire.Reader, trust bool, fn func(id key, k int, w float32)) {
	keys, rows := p.newKeyReader(trust), p.rowCount()
	for range r.Count(1 + 4*rows) {
		id := keys.next(r)
		for k := range rows {
			w := r.Float32()
			if r.Err() == nil && !finite(float64(w)) {
				r.Fail("feature %x holds %v", id.id, w)
			}
			if r.Err() != nil {
				return
			}
			fn(id, k, w)
		}
	}
}
