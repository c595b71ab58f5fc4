package drift

import "github.com/streamlearner/streamlearner/internal/wire"

// rise asks whether the mean of a block is above those of the reference.
type rise struct {
	mean, sd float64 // of the reference blocks
	evidence
}

// of returns the statistic of a block.
func (s *rise) of(x float64) float64 { return (x - s.mean) / s.sd }

// calibrate takes the means of the reference blocks, in their order, and
// standardises them.
func (s *rise) calibrate(means []float64, largest float64) {
	s.mean, s.sd = standardise(means)
	s.evidence.calibrate(means, largest)
	s.shift = 0 // standardised values have mean 0 but for rounding
}

func (s *rise) append(b []byte) []byte {
	return s.evidence.append(wire.AppendFloat64(wire.AppendFloat64(b, s.mean), s.sd))
}

func (s *rise) read(r *wire.Reader) {
	s.mean, s.sd = readWithin(r, 2*huge), readPositive(r)
	s.evidence.read(r)
}
