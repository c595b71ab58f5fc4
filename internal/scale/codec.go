package scale

import (
	"github.com/streamlearner/streamlearner/internal/wire"
)

// fieldSize is the encoded size of a field in bytes, at least.
const fieldSize = 8 + 4*8 + 1

// Append appends the fields in order of their first appearance: their number,
// then of each hash, weight, mean, M2, largest magnitude and events.
func (s *Scaler) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(s.fields)))
	for i := range s.fields {
		f := &s.fields[i]
		b = wire.AppendUint64(b, f.Hash)
		b = f.Moments.Append(b)
		b = wire.AppendFloat64(b, f.Max)
		b = wire.AppendUvarint(b, f.Events)
	}
	return b
}

// Read returns a scaler with the fields that Append wrote. Errors are left in r.
func Read(r *wire.Reader, opt Options) *Scaler {
	s := New(opt)
	n := r.Count(fieldSize)
	if n > MaxFields {
		r.Fail("%d numeric fields, at most %d are possible", n, MaxFields)
		return s
	}
	for range n {
		f := Field{Hash: r.Uint64(), Moments: ReadMoments(r), Max: r.Finite(), Events: r.Uvarint()}
		if r.Err() == nil && (f.Max < 0 || f.Max > Largest) {
			r.Fail("largest magnitude %v of a field", f.Max)
		}
		if r.Err() != nil {
			return s
		}
		if s.add(f) != s.Len()-1 {
			r.Fail("field %016x twice", f.Hash)
		}
	}
	return s
}

// Append appends weight, mean and M2.
func (m Moments) Append(b []byte) []byte {
	b = wire.AppendFloat64(b, m.Weight)
	b = wire.AppendFloat64(b, m.Mean)
	return wire.AppendFloat64(b, m.M2)
}

// ReadMoments reads what Append wrote. Errors are left in r.
func ReadMoments(r *wire.Reader) Moments {
	m := Moments{r.Finite(), r.Finite(), r.Finite()}
	if r.Err() == nil && !m.Valid() {
		r.Fail("moments %v", m)
	}
	return m
}
