package metric

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// HalfLife is the half-life in events of the running means that the daemon
// shows and keeps in its state.
const HalfLife = 1000

// EWMA is an exponentially weighted mean, free of bias from its start: the
// observation k events ago has weight w 2^(-k/half-life), and the mean divides
// by the sum of these. It may be part of a state: its bits do not depend on the
// processor.
type EWMA struct {
	decay       float64
	sum, weight float64
}

// NewEWMA returns an empty mean with a half-life in events, which must be positive.
func NewEWMA(halfLife float64) EWMA {
	return EWMA{decay: portable.Exp(-math.Ln2 / halfLife)}
}

// Observe adds x with weight w >= 0.
func (m *EWMA) Observe(x, w float64) {
	m.sum = float64(m.sum*m.decay) + float64(w*x)
	m.weight = float64(m.weight*m.decay) + w
}

// Value returns the mean, 0 before the first observation of positive weight.
func (m *EWMA) Value() float64 {
	if m.weight == 0 {
		return 0
	}
	return m.sum / m.weight
}

// Append appends the two sums, 16 bytes; the half-life belongs to the constructor.
func (m *EWMA) Append(b []byte) []byte {
	return wire.AppendFloat64(wire.AppendFloat64(b, m.sum), m.weight)
}

// Read restores what Append wrote; r holds the error.
func (m *EWMA) Read(r *wire.Reader) {
	m.sum, m.weight = r.Finite(), r.Finite()
	if m.weight < 0 {
		r.Fail("negative weight %v of a running mean", m.weight)
	}
}
