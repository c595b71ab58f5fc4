package learner

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// JoinConfig says how decisions and the rewards that come later become events.
type JoinConfig struct {
	join.Config
	// Records decodes the records. It keeps buffers, so every learner needs its own.
	Records *event.Loop
	// SkipUnrewarded leaves out decisions without reward. Else they are learned with Default.
	SkipUnrewarded bool
	Default        float64
	// Immediate learns a decision as a negative at once, and as a positive when the
	// first positive reward comes, both with fake-negative weights. For classifiers of two classes.
	Immediate bool
	// MaxAhead is how far, in milliseconds, the time in a record may lie ahead of the
	// record's own: one wrong clock would close the windows of all. 0 for any.
	MaxAhead int64
}

// Corrector is a Model of which an event that was learned can be made one with another label.
type Corrector interface {
	Model

	// CanCorrect reports whether the configuration of the model allows it.
	CanCorrect() bool
	// AppendReceipt appends what Correct needs of the event that was learned last.
	AppendReceipt(b []byte) []byte
	// Correct makes of a state that learned the event of a receipt with the label
	// old the one that would have learned it with another. A refusal changes nothing.
	Correct(receipt []byte, old, label float64) *event.Rejection
}

// labelChecker is a Model that knows by a label alone that it refuses it.
type labelChecker interface {
	CheckLabel(y float64) *event.Rejection
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

// JoinStats are the counters and gauges of a join.
type JoinStats struct {
	join.Counts
	join.Sizes
	Watermark int64 // event time, milliseconds since 1970; 0 before the first record
}

// joining is the join of a learner.
type joining struct {
	cfg *JoinConfig
	*join.Join
	message   event.Message
	corrector Corrector // the model, where late rewards correct it; nil where they do not
	receipt   []byte
	metrics   []join.Metric // of the record at hand
	back      int           // how often the model was put back
	base      *params       // the state at the last advance; what is done since is the log
	change    *params       // the log up to some point, nil for none
	noted     int           // length of that log
}

func newJoining(c *JoinConfig, m Model) (*joining, error) {
	if c == nil {
		return nil, nil
	}
	j, err := join.New(c.Config)
	if err != nil {
		return nil, fmt.Errorf("source.join.%w", err)
	}
	out := &joining{cfg: c, Join: j}
	out.base = out.wholeState()
	if m, ok := m.(Corrector); c.Correct && ok && m.CanCorrect() {
		out.corrector = m
	}
	return out, nil
}

func (j *joining) stats() *JoinStats {
	if j == nil {
		return nil
	}
	s := &JoinStats{Counts: j.Counts(), Sizes: j.Sizes()}
	if t, ok := j.Watermark(); ok {
		s.Watermark = t
	}
	return s
}

// wholeState returns the state as one part.
func (j *joining) wholeState() *params {
	b, err := j.AppendBinary(nil)
	if err != nil {
		panic(fmt.Sprintf("learner: a join cannot be encoded: %v", err))
	}
	return whole(func() []byte { return b })
}

// later returns what was done since the last advance, as a part by itself; nil for nothing.
func (j *joining) later() *params {
	log := j.Log()
	if len(log) == 0 {
		return nil
	}
	if j.change == nil || len(log) != j.noted {
		j.change, j.noted = whole(func() []byte { return join.SealLog(log) }), len(log)
	}
	return j.change
}

// leastLog is up to how many bytes of logs a small state is kept as a base.
const leastLog = 64 << 10

// advance makes the state of now what the log to come begins with. The state is a base and the logs since, as a large
// model is a base and changes, so that neither the learner stands still for a copy of all open decisions nor all
// of them are written with every save. It is called at checkpoints only, since it decides what parts there are.
func (j *joining) advance(c *Config) {
	if j == nil || len(j.Log()) == 0 {
		return
	}
	log, old := j.Log(), j.base
	j.Cut()
	j.change = nil
	parts := append(old.parts[:len(old.parts):len(old.parts)], newPart(1, func() []byte { return join.SealLog(log) }))
	if changed := old.changed + len(log); changed <= max(j.Footprint()/2, min(leastLog, c.whole())) {
		j.base = newParams(changed, bundle(parts, c.fanout(), join.Concat)...)
		return
	}
	for _, p := range old.parts { // where nobody saves, what waits to be encoded must not pile up
		p.data()
	}
	j.base = newParams(0, merged(0, parts, func(parts ...[]byte) ([]byte, error) {
		now, err := join.Open(parts[0], parts[1:]...)
		if err != nil {
			return nil, err
		}
		return now.AppendBinary(nil)
	}))
}

// append encodes the state of the join: where it last advanced to, and what was done since.
func (j *joining) append(b []byte, refer func([]byte, *params) []byte) []byte {
	b = wire.AppendBool(b, j != nil)
	if j == nil {
		return b
	}
	b = refer(b, j.base)
	change := j.later()
	b = wire.AppendBool(b, change != nil)
	if change != nil {
		b = refer(b, change)
	}
	return b
}

// storedJoin names the state of a join.
type storedJoin struct {
	sum, changeSum state.Sum
	base, change   *params // nil when there is none
}

// readJoin reads what append wrote.
func readJoin(r *wire.Reader, parts *storedParts) (s storedJoin) {
	if !r.Bool() {
		return s
	}
	read := func(sum *state.Sum) *params {
		*sum = readSum(r)
		p, err := parts.params(*sum)
		if err != nil {
			r.Fail("open decisions: %v", err)
		}
		return p
	}
	s.base = read(&s.sum)
	if r.Bool() {
		s.change = read(&s.changeSum)
	}
	return s
}

// DescribeJoin reads the stored state of a join: a base and the logs that follow it.
func DescribeJoin(base []byte, logs ...[]byte) (*JoinStats, error) {
	j, err := join.Open(base, logs...)
	if err != nil {
		return nil, err
	}
	return (&joining{Join: j}).stats(), nil
}

// restoreJoin continues the join of a stored state.
func (l *Learner) restoreJoin(s *storedJoin) error {
	switch {
	case s.base == nil:
		return nil
	case l.join == nil:
		return errors.New("it has open decisions, and source.join is not configured")
	}
	data := make([][]byte, len(s.base.parts))
	for i, p := range s.base.parts {
		data[i] = p.data()
	}
	j, err := join.Open(data[0], data[1:]...)
	if err == nil && s.change != nil {
		err = j.Replay(s.change.parts[0].data())
	}
	if err == nil {
		err = j.Configure(l.join.cfg.Config)
	}
	if err != nil {
		return fmt.Errorf("open decisions: %w", err)
	}
	l.join.Join, l.join.base = j, s.base
	return nil
}

// forget notes that the model is now what it was when fed records had been fed.
func (j *joining) forget(fed uint64) {
	if j != nil {
		j.Forget(fed)
		j.back++
	}
}

// feedJoin takes a record of a join: a decision, a reward or an activation. Then
// it learns the decisions whose windows have passed.
func (l *Learner) feedJoin(o *Outcome, r *Record) {
	j := l.join
	if err := j.cfg.Records.Decode(r.Value, &l.ev, &j.message); err != nil {
		l.refuse(o, rejection(err))
		return
	}
	if l.ev.Time == 0 {
		l.ev.Time = r.Time
	}
	time := l.ev.Time
	rej := j.checkTime(time, r.Time)
	if rej == nil {
		switch j.message.Kind {
		case event.DecisionMessage:
			rej = l.takeDecision(o, r)
		case event.RewardMessage:
			rej = l.takeReward(o)
		case event.ActivationMessage:
			l.takeActivation(o)
		}
	}
	if rej != nil {
		l.refuse(o, rej)
		return
	}
	j.Advance(time)
	l.closeWindows(o)
}

// Finish learns all decisions that are open, as if their windows had passed: the
// end of a finite stream. Nothing may be fed afterwards.
func (l *Learner) Finish() *Outcome {
	o := &l.out
	o.reset()
	if l.join != nil {
		l.join.Join.Finish()
		l.closeWindows(o)
	}
	return o
}

// latestTime is the end of the year 9999, in milliseconds: the latest time that a field can have.
const latestTime = 253_402_300_799_999

func (j *joining) checkTime(time, own int64) *event.Rejection {
	if rej := CheckJoinTime(time); rej != nil {
		return rej
	}
	return checkAhead(time, own, j.cfg.MaxAhead, "source.join.max_ahead")
}

// CheckJoinTime refuses an event time, in milliseconds since 1970, that nothing can be joined by.
func CheckJoinTime(time int64) *event.Rejection {
	if time > 0 && time <= latestTime { // of a record of Kafka it may be anything
		return nil
	}
	return &event.Rejection{Reason: event.TimeInvalid, Detail: "absent, before 1970 or after the year 9999: decisions and rewards are joined in event time; source.time names its field"}
}

// checkAhead refuses a time that lies more than so many milliseconds ahead of the record's own, where that is known; 0 allows any.
func checkAhead(time, own, most int64, key string) *event.Rejection {
	if most == 0 || own <= 0 || time-own <= most {
		return nil
	}
	return &event.Rejection{Reason: event.TimeInvalid, Detail: fmt.Sprintf("%d ms ahead of the record's own time; %s allows %d ms", time-own, key, most)}
}

func (l *Learner) takeDecision(o *Outcome, r *Record) *event.Rejection {
	if s := l.model.Predict(&l.ev); s.Reject != nil { // what cannot be learned is refused while its record is at hand
		return s.Reject
	}
	d := join.Decision{ID: l.ev.ID, Time: l.ev.Time, Offset: r.Offset, Value: r.Value}
	switch l.join.message.Shown {
	case event.Shown:
		d.Shown = join.Shown
	case event.NeverShown:
		d.Shown = join.NeverShown
	case event.Unsaid:
	}
	if e, v := l.join.Decide(&d); v == join.Taken {
		l.learnAtOnce(o, e)
	}
	return nil
}

func (l *Learner) takeReward(o *Outcome) *event.Rejection {
	j := l.join
	if c, ok := l.model.(labelChecker); ok && j.cfg.Reducer != join.Sum {
		if rej := c.CheckLabel(l.ev.Label); rej != nil {
			return rej
		}
	}
	j.metrics = j.metrics[:0]
	for _, m := range l.ev.Metrics {
		j.metrics = append(j.metrics, join.Metric(m))
	}
	switch e, v := j.Reward(l.ev.ID, j.message.RewardID, l.ev.Time, l.ev.Label, j.metrics); v {
	case join.Taken:
		l.learnAtOnce(o, e)
	case join.Correct:
		return l.correct(e)
	case join.Duplicate, join.Late, join.TooMany:
	}
	return nil
}

func (l *Learner) takeActivation(o *Outcome) {
	if e, v := l.join.Show(l.ev.ID, l.ev.Time); v == join.Taken {
		l.learnAtOnce(o, e)
	}
}

// closeWindows learns the decisions whose windows have passed.
func (l *Learner) closeWindows(o *Outcome) {
	j := l.join
	for e := j.Close(); e != nil; e = j.Close() {
		y, rewarded := j.Reduce(e)
		if j.cfg.Immediate || !rewarded && j.cfg.SkipUnrewarded {
			continue
		}
		if !rewarded {
			y = j.cfg.Default
		}
		l.learnDecision(o, e, y, nil)
	}
}

// learnDecision learns a decision with a label. weigh, if there is any, returns the factor
// of its weight for the prediction before.
func (l *Learner) learnDecision(o *Outcome, e *join.Entry, y float64, weigh func(p float64) float64) {
	rej, back := l.recall(e), l.join.back
	if rej == nil {
		if weigh != nil {
			l.ev.Weight = float64(l.ev.Weight * weigh(l.model.Predict(&l.ev).Prediction))
		}
		l.ev.Label, l.ev.Labelled = y, true
		o.keepStep()
		if rej = l.learn(o, nil, e.Value()); rej != nil {
			o.putBack()
		}
	}
	if rej != nil {
		l.rejected[rej.Reason]++
		l.refused.add(rej)
		o.Refused = append(o.Refused, Refused{Offset: e.Offset(), Time: e.Time(), Value: slices.Clone(e.Value()), Reject: rej})
		return
	}
	if l.join.back != back && !l.join.cfg.Immediate {
		return // it has put the model back, and so is in it no longer
	}
	l.join.Learned(e, y, l.fed)
	if j := l.join; j.corrector != nil {
		j.receipt = j.corrector.AppendReceipt(j.receipt[:0])
		j.Keep(e, j.receipt)
	}
}

// recall decodes the record of a decision again.
func (l *Learner) recall(e *join.Entry) *event.Rejection {
	if err := l.join.cfg.Records.Again(e.Value(), &l.ev); err != nil {
		return rejection(err)
	}
	l.ev.Time = e.Time()
	for i := range e.Metrics() {
		l.ev.Metrics = append(l.ev.Metrics, event.Metric(e.Metric(i)))
	}
	return nil
}

// correct makes the model one that has learned a decision with the rewards that it has now.
func (l *Learner) correct(e *join.Entry) *event.Rejection {
	j := l.join
	old, learned := e.Label()
	if !learned || j.corrector == nil {
		j.Missed()
		return nil
	}
	y, _ := j.Reduce(e)
	if rej := j.corrector.Correct(e.Value(), old, y); rej != nil {
		return rej
	}
	j.Corrected()
	j.Learned(e, y, l.fed)
	l.live.stale = true
	return nil
}

// learnAtOnce learns a decision that was shown before its window has passed, with
// fake-negative weights: every one as a negative when it comes, and once more as a positive when
// its first positive reward does. With the positive share p of all decisions, what is learned
// has the share p / (1 + p), and the weights 1 + p of positives and (1 - p)(1 + p) of negatives make
// the expected gradient that of the true labels. p is the model's own prediction for the event, through which no
// gradient passes.
//
// Ktena and others, Addressing delayed feedback for continuous training with neural networks in CTR
// prediction, RecSys 2019, section 4.2, https://arxiv.org/abs/1907.06558.
func (l *Learner) learnAtOnce(o *Outcome, e *join.Entry) {
	if !l.join.cfg.Immediate || !e.Shown() || len(e.Value()) == 0 {
		return
	}
	if _, learned := e.Label(); !learned {
		l.learnDecision(o, e, 0, func(p float64) float64 { return float64((1 - p) * (1 + p)) })
	}
	y, learned := e.Label()
	if r, ok := l.join.Reduce(e); learned && y == 0 && ok && r > 0 {
		l.learnDecision(o, e, 1, func(p float64) float64 { return 1 + p })
	}
}
