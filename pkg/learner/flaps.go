package learner

import "github.com/streamlearner/streamlearner/internal/wire"

// flaps remembers freezes that came soon after a recovery. Each doubles all
// waits, and each stretch without a freeze takes one doubling back.
type flaps struct {
	at        uint64 // fed records at the last recovery by automation; 0 for none
	doublings uint8
}

// maxDoublings bounds the waits at 16 times what is configured.
const maxDoublings = 4

func (f *flaps) patience() uint64 { return 1 << f.doublings }

func (f *flaps) more() { f.doublings = min(f.doublings+1, maxDoublings) }

func (f *flaps) recovered(fed uint64) { f.at = fed }

// froze takes a freeze by an alarm.
func (f *flaps) froze(fed, soon uint64) {
	if f.at == 0 {
		return
	}
	if calm := (fed - f.at) / soon; calm > 0 {
		f.doublings -= uint8(min(calm, uint64(f.doublings)))
	} else {
		f.more()
	}
	f.at = 0
}

func (f *flaps) append(b []byte) []byte {
	return append(wire.AppendUvarint(b, f.at), f.doublings)
}

func (f *flaps) read(r *wire.Reader, fed uint64) {
	f.at, f.doublings = r.Uvarint(), r.Byte()
	if f.at > fed || f.doublings > maxDoublings {
		r.Fail("%d doublings of the waits, the last recovery at record %d", f.doublings, f.at)
		*f = flaps{}
	}
}
