package drift

import "math"

// Level is what a detector says after an observation.
type Level uint8

// The levels. Drift is reported at the observation that raises the alarm.
const (
	Stable Level = iota
	Warning
	Drift
)

func (l Level) String() string { return [...]string{"stable", "warning", "drift"}[l] }

// Domain is the set of numbers that the definition of a detector is made for.
type Domain uint8

// The domains.
const (
	AnyNumber    Domain = iota // any finite number
	UnitInterval               // 0 to 1, as the error rates and losses that Hoeffding's bounds hold for
	ZeroOrOne                  // 0 where a prediction was right, 1 where it was wrong
)

func (d Domain) String() string {
	return [...]string{"any number", "0 to 1", "0 or 1"}[d]
}

// Has reports whether x belongs to the domain. NaN and infinities belong to none.
func (d Domain) Has(x float64) bool {
	switch d {
	case UnitInterval:
		return x >= 0 && x <= 1
	case ZeroOrOne:
		return x == 0 || x == 1
	default:
		return x >= -math.MaxFloat64 && x <= math.MaxFloat64
	}
}

// Detector watches a sequence of numbers for a change in distribution.
//
// The rules that every implementation keeps (internal/conform proves them):
// Observe allocates nothing and stays finite for any finite input; after Drift
// the detector has re-armed itself as its published definition says; Reset
// returns it to its initial state; values outside of its domain are moved to the
// nearest one inside, a caller who wants them refused asks Domain; AppendBinary then UnmarshalBinary yields a
// detector that continues with the same levels bit for bit.
type Detector interface {
	Observe(x float64) Level
	Reset()
	Domain() Domain
	AppendBinary(b []byte) ([]byte, error)
	UnmarshalBinary(b []byte) error
}
