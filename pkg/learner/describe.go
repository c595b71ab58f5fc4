package learner

import (
	"strconv"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// StoredAlpha is the alpha of the intervals of a Description, which knows none.
const StoredAlpha = 0.05

// Description is what a stored state says of itself, for people.
type Description struct {
	Settings    string
	Fed         uint64
	Learned     uint64
	Rejected    [event.Reasons]uint64
	Alarms      uint64
	Recent      []*Alarm             // the newest alarms, oldest first
	Warned      []state.InputWarning // the newest warnings of the inputs, oldest first
	Freezes     uint64
	Endings     [Outcomes]uint64 // of freezes and probations
	Mode        Mode
	Held        bool // frozen by an operator
	Loss        float64
	GradNorm    float64
	Descent     Descent
	Live        state.Sum // parameters of the model that learns, without LiveChange
	LiveChange  state.Sum // what it has learned since; zero for nothing
	Join        state.Sum // state of the join, without JoinChange; zero for none
	JoinChange  state.Sum // what was done since; zero for nothing
	Checkpoints uint64    // number of the newest checkpoint
	Proven      *state.Version
	Hold        *state.Version  // what readers are held at; nil for nothing
	Quarantine  []state.Version // checkpoints that are not proven yet, oldest first
	Way         Way             // how far the way back has come; Overdue is left to the learner
	Armed       bool
	Calibrating bool
	Warning     bool
	Evaluations []EvaluationStats // candidates of a bandit; nil for none
	// The detector that watches; all 0 while there is none.
	Statistic, WarningThreshold, Threshold float64
	DirectionShare                         float64   // of the statistic; the rest is the loss
	ReferenceAge                           uint64    // events learned since its reference was frozen
	Audit                                  uint64    // audit records
	AuditSum                               state.Sum // hash of the newest one; zero for none
}

// Describe reads the head of a stored snapshot without its blobs.
func Describe(head []byte) (*Description, error) {
	_, r, err := wire.Open(head, wire.KindState)
	if err != nil {
		return nil, err
	}
	settings := r.String()
	l := Learner{trail: readTrail(r, nil)}
	live := l.readMachine(r, newStoredParts(func(s state.Sum) *state.Blob { return &state.Blob{Sum: s} }))
	if err := r.Err(); err != nil {
		return nil, err
	}
	d := &Description{
		Settings: settings, Fed: l.fed, Learned: l.learned, Rejected: l.rejected, Alarms: l.alarms, Recent: l.recent, Warned: l.warned, Freezes: l.freezes, Endings: l.ends,
		Mode: l.mode, Way: l.way(), Held: l.trial.held, Loss: l.lossAvg.mean, GradNorm: l.gradAvg.mean, Descent: l.descent.report(),
		Live: live.sum, LiveChange: live.changeSum, Join: live.join.sum, JoinChange: live.join.changeSum, Checkpoints: l.versions,
		Armed: l.guard.armed(), Calibrating: l.guard.calibrating != none, Warning: l.guard.level != drift.Stable,
	}
	d.Evaluations = statsOf(l.evaluate.stored, StoredAlpha)
	l.guard.describe(r, d, falseFreezeEvery(settings))
	if err := r.Err(); err != nil {
		return nil, err
	}
	if l.proven != nil {
		d.Proven = &l.proven.version
	}
	if l.hold != nil && !l.hold.released {
		d.Hold = &l.hold.version
	}
	if d.Audit = l.trail.length; d.Audit > 0 {
		d.AuditSum = l.trail.head()
	}
	for i := range l.pending {
		d.Quarantine = append(d.Quarantine, l.pending[i].version)
	}
	return d, nil
}

// falseFreezeEvery finds guard.false_freeze_every in stored settings; the
// default where it is not among them.
func falseFreezeEvery(settings string) float64 {
	for _, s := range parseSettings(settings) {
		if v, err := strconv.ParseFloat(s.value, 64); err == nil && s.key == "guard.false_freeze_every" {
			return v
		}
	}
	return DefaultGuard().FalseFreezeEvery
}
