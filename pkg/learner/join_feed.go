package learner

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
)

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
