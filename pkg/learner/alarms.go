package learner

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	moves        = 7       // len(state.AllMoved())
	mostRecent   = 4       // alarms that a state remembers
	maxAlarmJSON = 1 << 13 // bounds one of them
)

// remember completes an alarm by its evidence and keeps it.
func (l *Learner) remember(a *Alarm) {
	a.Statistic, a.Threshold = finite(a.Statistic), finite(a.Threshold)
	a.Evidence = l.evidence(a)
	what := a.Evidence.What()
	for i, name := range state.AllMoved() {
		if slices.Contains(what, name) {
			l.moved[i]++
		}
	}
	if len(l.recent) == mostRecent {
		l.recent = slices.Clone(l.recent[1:]) // an earlier one may be in use
	}
	l.recent = append(l.recent, a)
}

// finite is x, or the nearest number that JSON has.
func finite(x float64) float64 {
	if x != x {
		return 0
	}
	return max(-math.MaxFloat64, min(math.MaxFloat64, x))
}

// appendAlarms encodes the newest alarms as JSON, as audit records have their evidence.
func (l *Learner) appendAlarms(b []byte) []byte {
	for _, n := range l.moved {
		b = wire.AppendUvarint(b, n)
	}
	b = wire.AppendUvarint(b, uint64(len(l.recent)))
	for _, a := range l.recent {
		data, err := json.Marshal(a)
		if err != nil { // nothing in it is beyond JSON
			panic("learner: an alarm cannot be encoded: " + err.Error())
		}
		b = wire.AppendBytes(b, data)
	}
	return b
}

// readAlarms reads what appendAlarms wrote.
func (l *Learner) readAlarms(r *wire.Reader) {
	for i := range l.moved {
		l.moved[i] = r.Uvarint()
	}
	n := r.Count(1)
	if n > mostRecent {
		r.Fail("%d alarms, at most %d are kept", n, mostRecent)
		return
	}
	for range n {
		data := r.Bytes()
		if r.Err() != nil {
			return
		}
		a := new(Alarm)
		if len(data) > maxAlarmJSON {
			r.Fail("an alarm of %d bytes", len(data))
		} else if err := json.Unmarshal(data, a); err != nil {
			r.Fail("an alarm: %v", err)
		}
		l.recent = append(l.recent, a)
	}
}
