package learner

import (
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
	Recent      []*Alarm // the newest alarms, oldest first
	Freezes     uint64
	Mode        Mode
	Held        bool // frozen by an operator
	Loss        float64
	GradNorm    float64
	Descent     Descent
	Live        state.Sum // parameters of the model that learns, without LiveChange
	LiveChange  state.Sum // what it has learned since; zero for nothing
	Join        state.Sum // state of the join; zero for none
	Checkpoints uint64    // number of the newest checkpoint
	Proven      *state.Version
	Hold        *state.Version  // what readers are held at; nil for nothing
	Quarantine  []state.Version // checkpoints that are not proven yet, oldest first
	Armed       bool
	Calibrating bool
	Warning     bool
	Evaluations []EvaluationStats // candidates of a bandit; nil for none
	Audit       uint64            // audit records
	AuditSum    state.Sum         // hash of the newest one; zero for none
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
		Settings: settings, Fed: l.fed, Learned: l.learned, Rejected: l.rejected, Alarms: l.alarms, Recent: l.recent, Freezes: l.freezes,
		Mode: l.mode, Held: l.trial.held, Loss: l.lossAvg.mean, GradNorm: l.gradAvg.mean, Descent: l.descent.report(),
		Live: live.sum, LiveChange: live.changeSum, Join: live.joinSum, Checkpoints: l.versions,
		Armed: l.guard.armed(), Calibrating: l.guard.calibrating != none, Warning: l.guard.level != drift.Stable,
	}
	d.Evaluations = statsOf(l.evaluate.stored, StoredAlpha)
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
