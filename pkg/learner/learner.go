package learner

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Mode is the state of the guard's state machine.
type Mode uint8

// The modes.
const (
	Learning   Mode = iota // learns, takes checkpoints, publishes proven ones
	Frozen                 // serves the last good version; a challenger learns aside
	Recovering             // the challenger is on probation; still serves the last good version
)

func (m Mode) String() string { return [...]string{"learning", "frozen", "recovering"}[m] }

// Learner is one partition's learner under its guard.
type Learner struct {
	cfg Config

	model    Model // learns: the live model, or the challenger while not Learning
	champion Model // last good version, scored beside the model; nil while Learning
	ref      Referenced
	inc      Incremental // nil when the model is not

	next    state.Position
	fed     uint64
	learned uint64
	newest  int64 // newest event time

	rejected        [event.Reasons]uint64
	refused         refusals // of the current block of the reject rate
	alarms, freezes uint64
	lossAvg         average
	gradAvg         average
	descent         descent

	mode   Mode
	trial  trial // what the machine needs to leave its mode
	flaps  flaps
	ends   [Outcomes]uint64
	decide func(facts) verdict
	guard  guard
	watch  watches

	input    *inputs.Guard // nil when nothing is looked at
	evaluate evaluations

	suspect suspicion
	recent  []*Alarm             // the newest ones, oldest first
	warned  []state.InputWarning // the newest warnings of the inputs, oldest first; replaced, never changed, but while a state is read
	moved   [moves]uint64        // alarms before which something moved

	versions uint64       // number of the newest checkpoint
	pending  []checkpoint // in quarantine, oldest first
	proven   *checkpoint  // newest proven one; nil while there is none
	hold     *hold        // what readers are served instead of proven; nil for nothing
	policy   string       // what readers do with a bandit; empty for online
	marks    []state.Mark // pins and labels of people
	added    []checkpoint // imported versions that no save has carried yet
	journal  []Entry
	entries  uint64      // journalled since the state began
	rewound  bool        // Next was put back, and no save has carried that yet
	acks     []state.Ack // answers that no save has carried yet
	trail    trail

	join      *joining // nil without a join
	live      live
	unencoded int // bytes captured since the last time that all were surely encoded
	ev        event.Event
	out       Outcome
}

// average is an exponentially weighted mean with a half-life of 1,000 events.
type average struct{ mean, weight float64 }

func (a *average) add(x float64) {
	const decay = 0.9993070929904525 // 2^(-1/1000)
	a.weight = float64(decay*a.weight) + 1
	a.mean += (x - a.mean) / a.weight
}

// New returns a learner without history that expects the record at start.
func New(cfg Config, start state.Position) (*Learner, error) {
	if err := cfg.Guard.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.Snapshot.Validate(); err != nil {
		return nil, err
	}
	if err := state.CheckSchema(cfg.Schema); err != nil {
		return nil, err
	}
	l := &Learner{cfg: cfg, next: start}
	l.decide = l.cfg.Guard.decide
	var err error
	if l.model, err = cfg.Model(); err != nil {
		return nil, fmt.Errorf("making a model: %w", err)
	}
	l.ref, _ = l.model.(Referenced)
	l.inc, _ = l.model.(Incremental)
	l.live.base = l.wholeModel()
	if err := l.watch.init(&l.cfg, l.model); err != nil {
		return nil, err
	}
	if err := l.guard.init(&l.cfg.Guard); err != nil {
		return nil, err
	}
	if err := l.evaluate.init(&l.cfg.Evaluate); err != nil {
		return nil, err
	}
	l.suspect.init(start.Offset)
	if l.input, err = inputs.New(cfg.Guard.Inputs, cfg.Inputs, cfg.Guard.Source.Known()); err != nil {
		return nil, err
	}
	if l.join, err = newJoining(cfg.Join, l.model); err != nil {
		return nil, err
	}
	l.audit(state.AuditInit, nil).Why = "there was no state"
	return l, nil
}

// AtCheckpoint reports whether the next record ends with a checkpoint. Then
// Feed takes longer, by a copy of what was learned since the last one.
func (l *Learner) AtCheckpoint() bool { return (l.fed+1)%l.cfg.Snapshot.Every == 0 }

// Next is the position of the next record.
func (l *Learner) Next() state.Position { return l.next }

// Mode returns the mode of the guard.
func (l *Learner) Mode() Mode { return l.mode }

// Armed reports whether an armed reference watches the stream.
func (l *Learner) Armed() bool { return l.guard.armed() }

// encode returns the sealed bytes of a model. AppendBinary has no way to fail
// but by a defect in the model, so an error is a panic.
func encode(m Model) []byte {
	b, err := m.AppendBinary(nil)
	if err != nil {
		panic(fmt.Sprintf("learner: a model cannot be encoded: %v", err))
	}
	return b
}
