package learner

import (
	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Outcome is what came of one record. It and all it points to are valid until
// the next call of Feed.
//
// Without a join a record is an event. With one it is a part of a decision, and
// any number of decisions may be learned at it: Each goes through all.
type Outcome struct {
	Events  int              // events learned at this record
	Step    event.Step       // of the event learned last; meaningless when Events is 0
	Weight  float64          // importance weight of the event
	Served  float64          // loss of the served model on this event; Step.Loss while Learning
	Reject  *event.Rejection // the record changed no weight and belongs into the dead-letter topic
	Alarm   *Alarm           // raised by this record
	Change  *Transition      // change of mode at this record
	Proven  bool             // a checkpoint became proven at this record: there is something to publish
	Save    bool             // the state should be saved now: a checkpoint, a change of mode, a proven version
	Harm    string           // why an arm of a bandit was taken out with this record; empty for none
	Warning bool             // the guard stands at warning level
	Inputs  []inputs.Warning // warnings of the inputs that begin or end with this record
	Overdue bool             // a freeze has lasted guard.max_freeze_events with this record: somebody should look

	Earlier []Lesson  // events learned before that of Step; with a join alone
	Refused []Refused // decisions refused when their windows had passed; they belong into the dead-letter topic

	probs []float64 // of Earlier
}

// Alarm tells which detector fired and on what evidence.
type Alarm struct {
	Event     uint64          `json:"event"` // number of the event, counted from 0 over all fed records
	Offset    int64           `json:"offset"`
	Time      int64           `json:"time"`      // of the newest event, milliseconds since 1970 UTC
	Detector  string          `json:"detector"`  // e_detector, reject_rate, or an additional one with its signal: adwin(loss)
	Statistic float64         `json:"statistic"` // value of the detector; of an additional one that of its signal at the alarm
	Threshold float64         `json:"threshold"` // it fires at or above; 0 for an additional one
	Froze     bool            `json:"froze"`     // it froze the learner
	Evidence  *state.Evidence `json:"evidence"`
}

// The detectors of alarms that are not additional ones.
const (
	alarmScore   = "e_detector"
	alarmRejects = "reject_rate"
)

// Transition is a change of mode.
type Transition struct {
	Event    uint64
	Offset   int64
	From, To Mode
	Cause    string   // alarm, operator, quiet, probation, probation_passed, probation_failed, probation_aborted; cooldown_quiet, cooldown_probation
	Detail   string   // for people
	Restored uint64   // version put back into the live model; 0 for none
	Tainted  int64    // offsets of Suspect that this version has learned
	Suspect  *Offsets // of a freeze by an alarm: what was learned of these records is in doubt; else nil
}

// Offsets are the records from First to Last, both included.
type Offsets struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// faulty reports whether a record, or a decision, was refused for what it is. What is above
// the share of a source does not count: else whoever floods the stream could freeze the learner.
func (o *Outcome) faulty() bool {
	if o.Reject != nil && !o.Reject.Reason.Surplus() {
		return true
	}
	for i := range o.Refused {
		if !o.Refused[i].Reject.Reason.Surplus() {
			return true
		}
	}
	return false
}

// Lesson is an event that was learned.
type Lesson struct {
	Step   event.Step // its Ref is nil
	Weight float64
	Served float64 // see Outcome
}

// Refused is a decision that was refused when its window had passed.
type Refused struct {
	Offset int64 // of its record
	Time   int64 // of the decision
	Value  []byte
	Reject *event.Rejection
}

// Each calls fn with every event that was learned at this record, in the order in which they were.
func (o *Outcome) Each(fn func(s *event.Step, weight, served float64)) {
	for i := range o.Earlier {
		e := &o.Earlier[i]
		fn(&e.Step, e.Weight, e.Served)
	}
	if o.Events > 0 {
		fn(&o.Step, o.Weight, o.Served)
	}
}

// reset makes an outcome of nothing, and keeps its memory.
func (o *Outcome) reset() {
	earlier, refused, probs := o.Earlier[:0], o.Refused[:0], o.probs[:0]
	*o = Outcome{} // in place, not as a copy of another one
	o.Earlier, o.Refused, o.probs = earlier, refused, probs
}

// keepStep keeps what was learned last, before the next event is learned.
func (o *Outcome) keepStep() {
	if o.Events == 0 {
		return
	}
	s := o.Step
	s.Ref = [2]*event.Reading{}
	if n := len(o.probs); s.Probs != nil {
		o.probs = append(o.probs, s.Probs...)
		s.Probs = o.probs[n:len(o.probs):len(o.probs)]
	}
	o.Earlier = append(o.Earlier, Lesson{s, o.Weight, o.Served})
}

// putBack undoes keepStep: the event that came next was refused.
func (o *Outcome) putBack() {
	if n := len(o.Earlier) - 1; o.Events > 0 {
		e := &o.Earlier[n]
		o.Step, o.Weight, o.Served = e.Step, e.Weight, e.Served
		o.Earlier = o.Earlier[:n]
	}
}
