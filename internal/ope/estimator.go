package ope

import (
	"fmt"
	"slices"
	"strings"
)

// Estimator names a way to estimate the value of a policy.
type Estimator uint8

// The estimators; each has a file that gives formula and source.
const (
	IPS Estimator = iota
	ClippedIPS
	SNIPS
	DM
	DR
	SNDR
	SwitchDR
	DROS
	SubGaussianIPS
	SubGaussianDR
	CressieRead
	Replay
	estimatorCount
)

var estimatorNames = [estimatorCount]string{
	"ips", "clipped-ips", "snips", "dm", "dr", "sndr", "switch-dr", "dr-os", "sg-ips", "sg-dr", "cressie-read", "replay",
}

// String returns the name that ParseEstimator takes.
func (k Estimator) String() string {
	if k < estimatorCount {
		return estimatorNames[k]
	}
	return "unknown"
}

// ParseEstimator finds an estimator by name.
func ParseEstimator(name string) (Estimator, error) {
	for k, n := range estimatorNames {
		if n == name {
			return Estimator(k), nil
		}
	}
	return 0, fmt.Errorf("ope: no estimator %q: choose among %s", name, strings.Join(estimatorNames[:], ", "))
}

// NeedsModel tells whether the estimator uses predicted rewards.
func (k Estimator) NeedsModel() bool {
	return slices.Contains([]Estimator{DM, DR, SNDR, SwitchDR, DROS, SubGaussianDR}, k)
}

// Value returns the estimated mean reward per decision; ok is false while the log tells nothing about it.
func (e *Evaluation) Value(k Estimator) (value float64, ok bool) {
	if e.sums[events] == 0 {
		return 0, false
	}
	switch k {
	case IPS, ClippedIPS, DM, DR, SwitchDR, DROS, SubGaussianIPS, SubGaussianDR:
		return e.mean(k)
	case SNIPS:
		return e.snips()
	case SNDR:
		return e.sndr()
	case CressieRead:
		return e.cressieRead(), true
	case Replay:
		return e.replay()
	case estimatorCount:
	}
	return 0, false
}

// Interval returns bounds that hold the value with probability 1-alpha, for a number of decisions that was fixed
// beforehand. Those of CressieRead are its own; the others go by the central limit theorem, which needs a large
// effective sample size. The interval of DM and of the DR family takes the model as given: that of DM is blind to
// the model's bias. Replay has none. Look at ConfidenceSequence to stop at any time.
func (e *Evaluation) Interval(k Estimator, alpha float64) (lo, hi float64, ok bool) {
	if !(alpha > 0 && alpha < 1) || e.sums[events] == 0 {
		return 0, 0, false
	}
	switch k {
	case IPS, ClippedIPS, DM, DR, SwitchDR, DROS, SubGaussianIPS, SubGaussianDR:
		return e.gaussian(k, alpha)
	case SNIPS:
		return e.snipsInterval(alpha)
	case SNDR:
		return e.sndrInterval(alpha)
	case CressieRead:
		lo, hi = e.cressieReadInterval(alpha)
		return lo, hi, true
	case Replay, estimatorCount:
	}
	return 0, 0, false
}

// Estimators returns all estimators in the order of their numbers.
func Estimators() []Estimator {
	all := make([]Estimator, estimatorCount)
	for k := range all {
		all[k] = Estimator(k)
	}
	return all
}
