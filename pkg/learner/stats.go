package learner

import (
	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Stats are the counters and gauges of a partition since its state began.
type Stats struct {
	Fed, Learned uint64                // records fed, events learned
	Rejected     [event.Reasons]uint64 // records refused, by reason
	Alarms       uint64
	Moved        [moves]uint64 // alarms before which something moved, in the order of state.AllMoved
	Newest       *Alarm        // the newest alarm; nil for none
	Freezes      uint64
	Recoveries   [Outcomes]uint64 // ends of freezes and probations
	Way          Way              // how far the way back has come
	Mode         Mode
	Armed        bool // an armed reference watches
	Warning      bool
	Statistic    float64 // the detector's value
	Threshold    float64 // it alarms at or above
	Live         uint64  // number of the newest checkpoint
	Published    uint64  // number of the newest proven version; 0 for none
	Held         uint64  // number of the version that readers are held at; 0 for none
	Loss         float64 // exponentially weighted mean of the progressive loss, half-life 1,000 events
	GradNorm     float64 // the same of the gradient norm
	Time         int64   // time of the newest record
	Descent      Descent
	Detectors    []DetectorStats
	Join         *JoinStats           // nil without a join
	Inputs       *inputs.Report       // nil when nothing is looked at
	Warned       []state.InputWarning // the newest warnings of the inputs, oldest first, with their evidence
	Arms         *ArmStats            // nil for a model without arms
}

// Stats returns the counters and gauges.
func (l *Learner) Stats() Stats {
	s := Stats{
		Fed: l.fed, Learned: l.learned, Rejected: l.rejected, Alarms: l.alarms, Freezes: l.freezes,
		Mode: l.mode, Armed: l.guard.armed(), Warning: l.guard.level != 0,
		Statistic: l.guard.statistic(), Threshold: l.guard.threshold(),
		Live: l.versions, Loss: l.lossAvg.mean, GradNorm: l.gradAvg.mean, Time: l.newest, Descent: l.descent.report(),
		Detectors: l.watch.stats(), Moved: l.moved, Join: l.join.stats(),
	}
	if n := len(l.recent); n > 0 {
		s.Newest = l.recent[n-1]
	}
	s.Recoveries, s.Way = l.ends, l.way()
	if l.input != nil {
		s.Inputs, s.Warned = l.input.Report(), l.warned
	}
	s.Arms = l.armStats()
	if l.proven != nil {
		s.Published = l.proven.version.Number
	}
	if l.hold != nil && !l.hold.released {
		s.Held = l.hold.version.Number
	}
	return s
}

// Params returns the SHA-256 of the parameters that this learner stands for:
// those of the live model while Learning, of the last good version otherwise.
func (l *Learner) Params() state.Sum {
	return state.SumOf(encode(l.Model()))
}

// Model returns the model whose parameters Params is about. It must not be changed.
func (l *Learner) Model() Model {
	if l.champion != nil {
		return l.champion
	}
	return l.model
}

// Occupancy returns how full the weights of Model are; ok is false for a model that has
// no features. It costs a walk over the weights that are in use.
func (l *Learner) Occupancy() (o event.Occupancy, ok bool) {
	m, ok := l.Model().(interface{ Occupancy() event.Occupancy })
	if !ok {
		return event.Occupancy{}, false
	}
	return m.Occupancy(), true
}

// Champion returns the last good model while the learner is not Learning, else
// nil. It must not be changed.
func (l *Learner) Champion() Model { return l.champion }
