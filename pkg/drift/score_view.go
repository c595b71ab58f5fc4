package drift

// ScoreBlock is what a block of events showed to a Score that watches.
type ScoreBlock struct {
	// Direction tells how far the block points the way of those before it, and
	// Loss how far its mean loss is above the reference's: in standard deviations of
	// a reference block, which count for more where blocks depend on each other.
	Direction, Loss float64
	MeanLoss        float64 // of the block, at the reference's parameters
	DirectionShare  float64 // of the detector's value, in [0, 1]; the rest is the loss
}

// BlockEnded reports whether the newest event has ended a block.
func (s *Score) BlockEnded() bool { return s.n == 0 }

// Newest returns the newest block that has ended since the detector was armed or restored.
func (s *Score) Newest() ScoreBlock { return s.newest }

// Direction returns the coordinates that take part, ascending, and the average
// direction of the newest blocks in them, in standard deviations of a reference
// block. They are valid until the next event.
func (s *Score) Direction() (coordinates []uint16, direction []float64) { return s.active, s.z }

// LossReference returns mean and standard deviation of the loss of a reference block.
func (s *Score) LossReference() (mean, sd float64) { return s.m, s.s }

// LossScale is a large loss of the reference, its 99th percentile, as the unit
// in which losses are compared; 1 for the logistic loss and before there is one.
func (s *Score) LossScale() float64 {
	if s.phase == sampling {
		return 1
	}
	return s.clipLoss / clipFactor
}
