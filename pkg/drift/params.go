package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// The directions of change that a detector on a sequence reports.
const (
	ModeUp   = "up"   // the mean rises
	ModeDown = "down" // the mean falls
	ModeBoth = "both"
)

func validateMode(mode string) error {
	if mode != ModeUp && mode != ModeDown && mode != ModeBoth {
		return fmt.Errorf("mode: %q: must be %s, %s or %s", mode, ModeUp, ModeDown, ModeBoth)
	}
	return nil
}

// modeNumber is how a mode is stored.
func modeNumber(mode string) float64 {
	switch mode {
	case ModeUp:
		return 1
	case ModeDown:
		return 2
	}
	return 0
}

// readWithin reads a number whose magnitude is at most limit.
func readWithin(r *wire.Reader, limit float64) float64 {
	v := r.Float64()
	if !(math.Abs(v) <= limit) {
		r.Fail("number %v, at most %v expected", v, limit)
		return 0
	}
	return v
}

// readCount reads how often something was seen.
func readCount(r *wire.Reader) uint64 {
	n := r.Uvarint()
	if n > 1<<62 {
		r.Fail("%d values", n)
		return 0
	}
	return n
}

// readPositive reads a number that something is divided by or clipped at.
func readPositive(r *wire.Reader) float64 {
	v := readWithin(r, math.MaxFloat64)
	if !(v > 0) {
		r.Fail("%v where a positive number was expected", v)
	}
	return v
}

// readInto reads numbers into the memory of dst, at most its capacity; their
// magnitudes are at most huge.
func readInto(r *wire.Reader, dst []float64) []float64 {
	n := r.Count(8)
	if n > cap(dst) {
		r.Fail("%d numbers, at most %d expected", n, cap(dst))
		return dst
	}
	for range n {
		dst = append(dst, readWithin(r, huge))
	}
	return dst
}

// validateConfidences checks the error probabilities of a warning and of an alarm.
func validateConfidences(drift, warning float64) error {
	switch {
	case !(drift > 0 && drift < 1):
		return fmt.Errorf("drift_confidence: %v: must be between 0 and 1, both excluded", drift)
	case !(warning >= drift && warning < 1):
		return fmt.Errorf("warning_confidence: %v: must be at least drift_confidence (%v) and below 1", warning, drift)
	}
	return nil
}

// flag is how a boolean parameter is stored.
func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// stateVersion begins the encoding of every detector on a sequence.
const stateVersion = 1

// appendHeader appends the version and the parameters that give a state its meaning.
func appendHeader(b []byte, params ...float64) []byte {
	return wire.AppendFloats(append(b, stateVersion), params)
}

// readHeader fails unless appendHeader wrote the same parameters.
func readHeader(r *wire.Reader, params ...float64) {
	if v := r.Byte(); v != stateVersion {
		r.Fail("version %d of a detector, %d is known", v, stateVersion)
	}
	if n := r.Count(8); n != len(params) {
		r.Fail("detector of %d parameters, %d expected", n, len(params))
		return
	}
	for _, want := range params {
		if got := r.Float64(); math.Float64bits(got) != math.Float64bits(want) {
			r.Fail("stored detector has parameter %v where this one has %v", got, want)
		}
	}
}
