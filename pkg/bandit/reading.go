package bandit

import (
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// The coordinates of a bandit's score vector, see event.Coordinates. The lower
// half pools the arms: coordinate 0 is the gradient by an intercept common to
// all, 1 + i by a common weight of numeric field i. The upper half is the
// sketch of the gradient by the parameters of the chosen arm, which are named
// by the hashes of arm and feature together.
const (
	pooled     = event.Coordinates / 2
	sketchMask = event.Coordinates/2 - 1
)

// armHashes returns the hashes of the arms' names.
func armHashes(arms []string) []uint64 {
	h := make([]uint64, len(arms))
	for i, a := range arms {
		h[i] = xxhash.Sum64String(a)
	}
	return h
}

// armFeature returns the hash of a feature's weight in an arm. The last steps
// are MurmurHash3's finaliser (Appleby): neighbouring inputs differ in all bits.
func armFeature(arm, feature uint64) uint64 {
	h := arm*0x9e3779b97f4a7c15 ^ feature
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// addSketch adds the weight with hash h and feature value x to a reading.
func addSketch(r *event.Reading, h uint64, x float64) {
	if h>>63 == 1 {
		x = -x
	}
	r.J, r.X = append(r.J, uint16(pooled+h>>57&sketchMask)), append(r.X, x)
}

// evaluate fills the step of a predicted reward: squared error and gradient.
// norm is the Euclidean norm of the features as the arm sees them.
func evaluate(s *event.Step, expected, norm, reward float64) {
	d := expected - reward
	s.Prediction, s.Margin, s.Label = expected, expected, reward
	s.Loss, s.Grad = float64(d*d), 2*d
	s.GradNorm = math.Abs(s.Grad) * norm
}

// evaluateReading fills loss and gradient of a reading. The loss of a reference
// far from the reward is kept finite.
func evaluateReading(r *event.Reading, expected, reward float64) {
	d := expected - reward
	r.Loss, r.Grad = min(float64(d*d), math.MaxFloat64), 2*d
}
