package drift

import "github.com/streamlearner/streamlearner/internal/wire"

// runningMean is the mean of the values so far, rounded as River's stats.Mean
// rounds it: detectors compare such means for equality.
type runningMean struct {
	n    uint64
	mean float64
}

func (m *runningMean) add(x float64) {
	m.n++
	m.mean += float64(1 / float64(m.n) * (x - m.mean))
}

func (m *runningMean) append(b []byte) []byte {
	return wire.AppendFloat64(wire.AppendUvarint(b, m.n), m.mean)
}

func (m *runningMean) read(r *wire.Reader, limit float64) {
	m.n, m.mean = readCount(r), readWithin(r, limit)
}
