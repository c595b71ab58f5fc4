package drift

// Level is what a detector says after an observation.
type Level uint8

// The levels. Drift is reported at the observation that raises the alarm.
const (
	Stable Level = iota
	Warning
	Drift
)

func (l Level) String() string { return [...]string{"stable", "warning", "drift"}[l] }

// Detector watches a sequence of numbers for a change in distribution.
//
// The rules that every implementation keeps (internal/conform proves them):
// Observe allocates nothing and stays finite for any finite input; after Drift
// the detector has re-armed itself as its published definition says; Reset
// returns it to its initial state; AppendBinary then UnmarshalBinary yields a
// detector that continues with the same levels bit for bit.
type Detector interface {
	Observe(x float64) Level
	Reset()
	AppendBinary(b []byte) ([]byte, error)
	UnmarshalBinary(b []byte) error
}
