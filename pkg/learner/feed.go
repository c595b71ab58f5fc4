package learner

import (
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

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
		if from := l.cfg.Guard.Source; from.NeedsHeaders() {
			l.ev.Source = append(l.ev.Source[:0], from.source(&r)...)
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
