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
