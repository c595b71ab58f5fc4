package learner

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// alarm reports a in o and freezes the learner.
func (l *Learner) alarm(o *Outcome, a Alarm) {
	a.Froze = true
	l.report(o, a)
	detail := fmt.Sprintf("%s at %.4g", a.Detector, a.Statistic)
	if a.Threshold != 0 {
		detail += fmt.Sprintf(", threshold %.4g", a.Threshold)
	}
	l.flaps.froze(l.fed, l.cfg.Guard.BackoffEvents)
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
	began, unit := l.trial.began, l.unit()
	if l.mode == Learning {
		began = l.fed
	}
	l.freezes++
	l.transition(o, Frozen, cause, detail)
	l.trial = l.newTrial(began, unit)
	o.Change.Restored = l.restoreLastGood()
	if l.champion == nil {
		l.renewChampion()
	}
	// What is calibrated while the stream is suspect would take it for normal.
	l.guard.discardCandidate(l)
	l.guard.restart()
}

// renewChampion makes the champion anew.
func (l *Learner) renewChampion() {
	if err := l.loadChampion(); err != nil {
		panic(fmt.Sprintf("learner: the last good version cannot be loaded: %v", err))
	}
}

// loadChampion makes the champion of what was proven last, and of nothing else, so that a restart comes to the same one. Where
// nothing was, it is a fresh model with the arms of now.
func (l *Learner) loadChampion() error {
	l.champion = l.fresh()
	if l.proven == nil {
		table := l.tableOfArms()
		if table == nil {
			return nil
		}
		data := encode(l.champion)
		return whole(func() []byte { return data }).loadUnder(l.champion, table)
	}
	return l.proven.params.load(l.champion)
}

// enterRecovering puts the challenger on probation: a reference is calibrated
// for it beside the one that watches, and its loss is compared with the
// champion's. Legal from Frozen.
func (l *Learner) enterRecovering(o *Outcome, cause, detail string) {
	if l.mode != Frozen {
		panic("learner: Recovering entered from " + l.mode.String())
	}
	l.transition(o, Recovering, cause, detail)
	l.trial = l.newTrial(l.trial.began, l.trial.unit)
	l.guard.enroll(l)
}

// enterLearning makes the model the live one again. Legal from Frozen and
// Recovering. With restore it starts from the last good version, else it stays
// what the challenger has learned.
func (l *Learner) enterLearning(o *Outcome, cause, detail string, restore bool) {
	if l.mode == Learning {
		panic("learner: Learning entered twice")
	}
	l.transition(o, Learning, cause, detail)
	l.trial = trial{}
	if restore {
		o.Change.Restored = l.restoreLastGood()
		l.guard.resume(l)
	} else {
		l.guard.adopt(l)
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
	if to == Frozen && cause == "alarm" {
		o.Change.Suspect = o.Alarm.suspect()
		if l.proven != nil {
			o.Change.Tainted = max(0, l.proven.version.Next.Offset-o.Change.Suspect.First)
		}
	}
	o.Save = true
	l.mode = to
	l.auditMode(o)
	l.watch.restart()
	l.suspect.enter(l.next.Offset)
	l.pending = l.pending[:0]
}

// restoreLastGood loads the last proven version, or a fresh model when nothing
// has been proven, and returns the version's number.
func (l *Learner) restoreLastGood() uint64 {
	if l.proven == nil {
		l.join.forget(0)
		data := encode(l.fresh())
		l.live = live{base: whole(func() []byte { return data })}
		l.restoreLive(l.live.base)
		l.audit(state.AuditRestore, nil).Why = "nothing was proven: a fresh model"
		return 0
	}
	l.join.forget(l.proven.at)
	l.live = live{base: l.proven.params}
	l.restoreLive(l.proven.params)
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

// load puts parameters into a model that stands for now: its arms stay those of now.
func (l *Learner) load(m Model, p *params) {
	if err := p.loadUnder(m, l.tableOfArms()); err != nil {
		panic(fmt.Sprintf("learner: a model does not take back its own bytes: %v", err))
	}
}

// restoreLive puts parameters into the model that learns.
func (l *Learner) restoreLive(p *params) {
	l.load(l.model, p)
	l.live.stale = l.tableOfArms() != nil // they may be of other arms than p's
}
