package learner

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// trial is what the state machine needs to know to leave Frozen or Recovering.
type trial struct {
	since uint64 // fed records when the mode was entered
	held  bool   // an operator froze it: only an operator unfreezes

	// Progressive loss sums since probation began.
	champion, challenger float64
	events               uint64
}

// alarm reports a in o and freezes the learner.
func (l *Learner) alarm(o *Outcome, a Alarm) {
	a.Froze = true
	l.report(o, a)
	detail := fmt.Sprintf("%s at %.4g", a.Detector, a.Statistic)
	if a.Threshold != 0 {
		detail += fmt.Sprintf(", threshold %.4g", a.Threshold)
	}
	l.enterFrozen(o, "alarm", detail)
}

// report completes a and puts it into o.
func (l *Learner) report(o *Outcome, a Alarm) {
	a.Event, a.Offset, a.Time = l.fed-1, l.next.Offset-1, l.newest
	l.alarms++
	l.remember(&a)
	o.Alarm = &a
}

// enterFrozen puts the last good version back into the model, which goes on as
// the challenger, and beside it as the champion. Checkpoints in quarantine are
// thrown away. Illegal from Frozen.
func (l *Learner) enterFrozen(o *Outcome, cause, detail string) {
	if l.mode == Frozen {
		panic("learner: Frozen entered twice")
	}
	l.freezes++
	l.transition(o, Frozen, cause, detail)
	l.trial = trial{since: l.fed}
	o.Change.Restored = l.restoreLastGood()
	if l.champion == nil {
		l.champion = l.fresh()
		if l.proven != nil {
			l.load(l.champion, l.proven.params)
		}
	}
	if l.guard.armed() {
		l.guard.discardCandidate(l)
		l.guard.restart()
	} else { // probation has replaced the reference by the challenger, or none was armed yet
		l.guard.replace(l)
	}
}

// enterRecovering puts the challenger on probation: it becomes the reference
// of a new calibration, and its loss is compared with the champion's. Legal
// from Frozen.
func (l *Learner) enterRecovering(o *Outcome, cause, detail string) {
	if l.mode != Frozen {
		panic("learner: Recovering entered from " + l.mode.String())
	}
	l.transition(o, Recovering, cause, detail)
	l.trial = trial{since: l.fed}
	l.guard.replace(l)
}

// enterLearning makes the model the live one again. Legal from Frozen and
// Recovering. With restore it starts from the last good version, else it stays
// what the challenger has learned.
func (l *Learner) enterLearning(o *Outcome, cause, detail string, restore bool) {
	if l.mode == Learning {
		panic("learner: Learning entered twice")
	}
	l.transition(o, Learning, cause, detail)
	l.trial = trial{since: l.fed}
	if restore {
		o.Change.Restored = l.restoreLastGood()
	} else {
		l.suspect.renew(l.next.Offset)
	}
	l.champion = nil
	l.guard.restart()
}

func (l *Learner) transition(o *Outcome, to Mode, cause, detail string) {
	o.Change = &Transition{
		Event: l.fed - min(l.fed, 1), Offset: l.next.Offset - 1,
		From: l.mode, To: to, Cause: cause, Detail: detail,
	}
	o.Save = true
	l.mode = to
	l.auditMode(o)
	l.watch.restart()
	l.suspect.begin(l.next.Offset)
	l.pending = l.pending[:0]
}

// restoreLastGood loads the last proven version, or a fresh model when nothing
// has been proven, and returns the version's number.
func (l *Learner) restoreLastGood() uint64 {
	if l.proven == nil {
		l.join.forget(0)
		data := encode(l.fresh(), nil)
		l.live = live{base: whole(func() []byte { return data })}
		l.load(l.model, l.live.base)
		l.audit(state.AuditRestore, nil).Why = "nothing was proven: a fresh model"
		return 0
	}
	l.join.forget(l.proven.at)
	l.live = live{base: l.proven.params}
	l.load(l.model, l.proven.params)
	l.audit(state.AuditRestore, l.proven)
	return l.proven.version.Number
}

func (l *Learner) fresh() Model {
	m, err := l.cfg.Model()
	if err != nil { // it was made once before from the same values
		panic(fmt.Sprintf("learner: a model cannot be made again: %v", err))
	}
	return m
}

func (l *Learner) load(m Model, p *params) {
	if err := p.load(m); err != nil {
		panic(fmt.Sprintf("learner: a model does not take back its own bytes: %v", err))
	}
}

// leaveMode lets the recovery policy act.
func (l *Learner) leaveMode(o *Outcome) {
	switch {
	case o.Change != nil:
	case l.mode == Frozen && !l.trial.held && l.cfg.Guard.Recovery == RecoveryCooldown:
		l.coolDown(o)
	case l.mode == Recovering && l.trial.events >= l.cfg.Guard.ProbationEvents:
		n := float64(l.trial.events)
		detail := fmt.Sprintf("loss %.3g, last good version %.3g", l.trial.challenger/n, l.trial.champion/n)
		if l.trial.challenger <= l.trial.champion {
			l.enterLearning(o, "probation_passed", detail, false)
		} else {
			l.enterFrozen(o, "probation_failed", detail)
		}
	}
}

// coolDown ends a freeze after its cooldown. The detector restarts for the last
// blocks of it: its value wanders on any stream, and from a restart on it
// hardly ever warns unless the stream is different.
func (l *Learner) coolDown(o *Outcome) {
	cooldown, frozen := l.cfg.Guard.CooldownEvents, l.fed-l.trial.since
	if look := uint64(quietBlocks * l.cfg.Guard.Block); frozen+look == cooldown {
		l.guard.restart()
	}
	switch {
	case frozen < cooldown:
	case l.guard.warned:
		l.enterRecovering(o, "cooldown_probation", fmt.Sprintf("still unlike the reference after %d records", cooldown))
	default:
		l.enterLearning(o, "cooldown_quiet", fmt.Sprintf("no warning for %d blocks", quietBlocks), true)
	}
}
