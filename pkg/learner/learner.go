package learner

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Record is one record of a partition as it was read.
type Record struct {
	Offset      int64
	LeaderEpoch int32 // -1 when unknown
	Time        int64 // record timestamp, milliseconds since 1970 UTC
	Key, Value  []byte
	Headers     []Header // those that SourceConfig.Header may name; nil when it names none
}

// Header is a header of a record.
type Header struct {
	Key   string
	Value []byte
}

// header returns the value of a header; of several with one key that of the last, as
// Kafka's own clients do.
func (r *Record) header(key string) []byte {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value
		}
	}
	return nil
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

// Feed takes the next record: decode, learn, watch, and once in a while take a
// checkpoint. The offset must not be below Next().Offset.
func (l *Learner) Feed(r Record) *Outcome {
	o := &l.out
	o.reset()
	l.next = state.Position{Offset: r.Offset + 1, LeaderEpoch: r.LeaderEpoch}
	l.fed++
	if l.input != nil {
		l.input.Record(l.fed-1, r.Offset)
	}
	if l.join != nil {
		l.feedJoin(o, &r)
	} else if err := l.cfg.Decoder.Decode(r.Value, &l.ev); err != nil {
		l.refuse(o, rejection(err))
	} else {
		if l.ev.Time == 0 {
			l.ev.Time = r.Time
		}
		if l.cfg.Guard.Source.Header != "" {
			l.ev.Source = append(l.ev.Source[:0], r.header(l.cfg.Guard.Source.Header)...)
		}
		rej := checkAhead(l.ev.Time, r.Time, l.cfg.MaxAhead, "source.max_ahead")
		if rej == nil {
			rej = l.learn(o, r.Key, r.Value)
		}
		if rej != nil {
			l.refuse(o, rej)
		}
	}
	if l.input != nil {
		l.warnInputs(o)
	}
	if l.guard.rejectRate(o.faulty()) {
		l.refuses(o)
	}
	if l.guard.blockFed == 0 {
		l.suspect.countRejects(l)
		l.refused = l.refused[:0]
	}
	l.leaveMode(o)
	l.takeOut(o)
	l.checkpoints(o)
	o.Warning = l.guard.level != 0
	return o
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

// refuses takes a block of which too many records were refused.
func (l *Learner) refuses(o *Outcome) {
	if l.mode == Learning {
		l.alarm(o, Alarm{Detector: alarmRejects, Statistic: l.guard.lastRejectRate, Threshold: l.cfg.Guard.MaxRejectRate})
		return
	}
	l.trial.refuted = l.mode == Recovering
	l.loud()
}

// rejection gives any decoder error a reason.
func rejection(err error) *event.Rejection {
	if r, ok := err.(*event.Rejection); ok {
		return r
	}
	return &event.Rejection{Reason: event.Syntax, Detail: err.Error()}
}

func (l *Learner) refuse(o *Outcome, r *event.Rejection) {
	o.Reject = r
	l.rejected[r.Reason]++
	l.refused.add(r)
}

// learn learns the event at hand, which was decoded from record, or returns why it is
// refused. key is that of its record, for events without one.
func (l *Learner) learn(o *Outcome, key, record []byte) *event.Rejection {
	if l.input != nil {
		if rej := l.input.Admit(&l.ev); rej != nil {
			return rej
		}
	}
	served := 0.0
	if l.champion != nil {
		served = l.champion.Predict(&l.ev).Loss
	}
	asked := l.evaluate.all != nil && l.evaluate.ask(l)
	step := &o.Step // filled in place: a copy of what was just written is slow
	if l.input != nil && l.input.Clips() && l.ev.Weight != 0 {
		*step = l.learnBounded()
	} else {
		*step = l.model.Learn(&l.ev)
	}
	if step.Reject != nil {
		return step.Reject
	}
	if l.champion == nil {
		served = step.Loss
	}
	if asked {
		l.evaluate.add()
	}
	if a, ok := l.model.(Armed); ok {
		l.noteHarm(o, a)
	}
	o.Served = served
	o.Events++
	l.learned++
	l.live.stale = true
	o.Weight = l.ev.Weight
	l.newest = max(l.newest, l.ev.Time)
	l.lossAvg.add(step.Loss)
	l.gradAvg.add(step.GradNorm)
	l.descent.observe(l.model, step)
	if len(l.ev.Key) > 0 {
		key = l.ev.Key
	}
	if l.mode != Learning && l.counts() {
		l.trial.compare(key, l.ev.Source, o.Served, step.Loss)
	}
	l.suspect.observe(l, step, key)
	fired := l.guard.observe(l, step)
	if l.guard.ended || !l.guard.armed() {
		l.suspect.judge(l, fired)
	}
	if fired && l.mode == Learning {
		l.alarm(o, Alarm{Detector: alarmScore, Statistic: l.guard.fired, Threshold: l.guard.threshold()})
	}
	if l.watch.all != nil {
		l.watch.observe(l, o)
	}
	if l.input != nil {
		l.input.Observe(&l.ev, record)
	}
	return nil
}

// learnBounded lets the model learn the event at hand with its gradient bounded.
func (l *Learner) learnBounded() event.Step {
	before := l.model.Predict(&l.ev)
	if before.Reject != nil {
		return before
	}
	weight := l.ev.Weight
	l.ev.Weight = float64(weight * l.input.Factor(before.GradNorm))
	step := l.model.Learn(&l.ev)
	l.ev.Weight = weight
	if step.Reject == nil {
		l.input.ObserveNorm(before.GradNorm)
	}
	return step
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

// encode returns the sealed bytes of a model. AppendBinary has no way to fail
// but by a defect in the model, so an error is a panic.
func encode(m Model) []byte {
	b, err := m.AppendBinary(nil)
	if err != nil {
		panic(fmt.Sprintf("learner: a model cannot be encoded: %v", err))
	}
	return b
}
