package drift

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// OpenScore returns a detector with the state that AppendBinary wrote, and the
// settings that it was made with. The average run length is no part of that.
func OpenScore(b []byte, falseFreezeEvery float64) (*Score, error) {
	r := wire.NewReader(b)
	version, dim, window, block, loss := r.Byte(), r.Uvarint(), r.Uvarint(), r.Uvarint(), r.Byte()
	if r.Err() == nil && version != scoreVersion {
		r.Fail("version %d of a score detector, %d is known", version, scoreVersion)
	}
	const mostDim = 1 << 10 // more would be a lot of memory for bytes that may be forged
	if r.Err() == nil && (dim > mostDim || window > maxRefBlocks*maxBlock || block > maxBlock) {
		r.Fail("dimension %d, window %d, block %d", dim, window, block)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	c := ScoreConfig{FalseFreezeEvery: falseFreezeEvery, Window: int(window), Block: int(block), Loss: LossClip(loss)}
	s, err := NewScore(c, int(dim))
	if err != nil {
		return nil, fmt.Errorf("stored detector: %w", err)
	}
	return s, s.UnmarshalBinary(b)
}

// Parts returns what direction and spread of the score vectors, and the losses,
// contribute to the statistic.
func (s *Score) Parts() (direction, loss float64) {
	direction = s.spread.value()
	for i := range s.align {
		direction += s.align[i].value()
	}
	for i := range s.rises {
		loss += s.rises[i].value()
	}
	return direction / parts, loss / parts
}

// ScoreBlock is what a block of events showed to a Score that watches.
type ScoreBlock struct {
	// Direction tells how far the block points the way of those before it, and
	// Loss how far its mean loss is above the reference's, or its mean excess loss
	// (event.Reading) if that rose more: in standard deviations of a reference block,
	// which count for more where blocks depend on each other.
	Direction, Loss float64
	MeanLoss        float64 // of the block, at the reference's parameters
	DirectionShare  float64 // of the direction and spread of the score vectors in the detector's value, in [0, 1]; the rest is the loss
}

// BlockEnded reports whether the newest event has ended a block.
func (s *Score) BlockEnded() bool { return s.n == 0 }

// Newest returns the newest block that has ended since the detector was armed or restored.
func (s *Score) Newest() ScoreBlock { return s.newest }

// Direction returns the coordinates that take part, ascending, and the average
// direction of the newest blocks in them, in standard deviations of a reference
// block. They are valid until the next event.
func (s *Score) Direction() (coordinates []uint16, direction []float64) {
	s.direction = append(s.direction[:0], s.align[0].z...)
	s.white.standardised(s.direction)
	return s.white.active, s.direction
}

// UsualLoss returns the mean loss in the reference; 0 until that is complete.
func (s *Score) UsualLoss() float64 { return s.rises[plainLoss].mean }

// Block is how many events are averaged into one observation: ScoreConfig.Block,
// or more where blocks of that depend on each other.
func (s *Score) Block() int { return s.block }

// LossScale is a large loss of the reference, its 99th percentile, as the unit
// in which losses are compared; 1 for the logistic loss and before there is one.
func (s *Score) LossScale() float64 {
	if s.phase == sampling {
		return 1
	}
	return s.clipLoss / clipFactor
}

// WarningThreshold is the value from which on the detector warns.
func (s *Score) WarningThreshold() float64 { return float64(warningPart * s.Threshold()) }
