package learner

import (
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Record is one record of a partition as it was read.
type Record struct {
	Offset      int64
	LeaderEpoch int32 // -1 when unknown
	Time        int64 // record timestamp, milliseconds since 1970 UTC
	Key, Value  []byte
}

// Mode is the state of the guard's state machine.
type Mode uint8

// The modes.
const (
	Learning   Mode = iota // learns, takes checkpoints, publishes proven ones
	Frozen                 // serves the last good version; a challenger learns aside
	Recovering             // the challenger is on probation; still serves the last good version
)

func (m Mode) String() string { return [...]string{"learning", "frozen", "recovering"}[m] }

// Outcome is what came of one record. It and all it points to are valid until
// the next call of Feed.
type Outcome struct {
	Step    event.Step       // of the learning model; meaningless when Reject is set
	Served  float64          // loss of the served model on this event; Step.Loss while Learning
	Reject  *event.Rejection // the record changed no weight and belongs into the dead-letter topic
	Alarm   *Alarm           // raised by this record
	Change  *Transition      // change of mode at this record
	Proven  bool             // a checkpoint became proven at this record: there is something to publish
	Save    bool             // the state should be saved now: a checkpoint, a change of mode, a proven version
	Warning bool             // the guard stands at warning level
}

// Alarm tells which detector fired and on what evidence.
type Alarm struct {
	Event     uint64 // number of the event, counted from 0 over all fed records
	Offset    int64
	Detector  string  // e_detector, adwin, page_hinkley, reject_rate
	Statistic float64 // value of the detector
	Threshold float64 // it fires at or above
}

// Transition is a change of mode.
type Transition struct {
	Event    uint64
	Offset   int64
	From, To Mode
	Cause    string // alarm, operator, cooldown_quiet, cooldown_probation, probation_passed, probation_failed
	Detail   string // for people
	Restored uint64 // version put back into the live model; 0 for none
}

// Stats are the counters and gauges of a partition since its state began.
type Stats struct {
	Fed, Learned uint64                // records fed, events learned
	Rejected     [event.Reasons]uint64 // records refused, by reason
	Alarms       uint64
	Freezes      uint64
	Mode         Mode
	Armed        bool // an armed reference watches
	Warning      bool
	Statistic    float64 // the detector's value
	Threshold    float64 // it alarms at or above
	Live         uint64  // number of the newest checkpoint
	Published    uint64  // number of the newest proven version; 0 for none
	Loss         float64 // exponentially weighted mean of the progressive loss, half-life 1,000 events
	GradNorm     float64 // the same of the gradient norm
	Time         int64   // time of the newest record
}

// API is the surface that shells build on; *Learner satisfies it.
type API interface {
	// Feed takes the next record. Its offset must not be below Next().Offset.
	Feed(r Record) *Outcome
	// Next is the position of the next record.
	Next() state.Position
	// Apply takes an operator's command between two records. The shell saves
	// at once; the answer travels in that save.
	Apply(c state.Command)
	// Snapshot returns the whole state at Next. Seq is left for the shell to
	// set. Blobs holds all of Refs. Nothing in it changes afterwards, so it may
	// be stored by another goroutine while the learner goes on.
	Snapshot() *state.Snapshot
	// Saved tells that s is stored: its answered commands are forgotten.
	Saved(s *state.Snapshot)
	Stats() Stats
}
