package learner

import "fmt"

// facts are all that a decision to leave Frozen or Recovering depends on.
// Numbers of records and events are counted as the trial does.
type facts struct {
	mode     Mode
	recovery string
	held     bool   // by an operator
	frozen   uint64 // records in this mode
	quiet    uint64 // records since the stream was last not quiet
	armed    bool   // a reference from before the freeze watches
	patience uint64 // factor of all waits: 1, and more after freezes that came soon after a recovery
	events   uint64 // events that count for the comparison
	better   bool   // the challenger has won its bet against the champion
	leading  bool   // it is ahead in the newest blocks
	broad    bool   // on many keys, as far as there are any
	calmly   bool   // it has won it in the quiet records alone: the detector does not see what has changed
	worse    bool   // it has lost it
	refuted  bool   // it was on probation, and an alarm came
	ahead    bool   // its loss is not above the champion's
}

// verdict is what a decision comes to.
type verdict uint8

const (
	stay   verdict = iota
	resume         // the disturbance has passed: learn on from the last good version
	try            // put the challenger on probation
	accept         // the challenger becomes the live model
	reject         // the challenger goes, and the freeze begins anew
)

// justLoud is for how many blocks a stream still counts as loud.
const justLoud = 2

// decide is the recovery policy. It is a function of the facts alone.
func (c *GuardConfig) decide(f facts) verdict {
	switch {
	case f.mode == Learning || f.held:
		return stay
	case f.mode == Recovering:
		return c.judge(f)
	case f.recovery == RecoveryCooldown:
		switch {
		case f.frozen < c.CooldownEvents*f.patience:
			return stay
		case f.quiet >= min(c.QuietEvents, c.CooldownEvents):
			return resume
		}
		return try
	case f.recovery == RecoveryAuto:
		calm := c.QuietEvents
		if !f.armed { // nothing but refusals can be loud
			calm = c.CooldownEvents
		}
		// What was won while the stream was poisoned counts for nothing once it is quiet.
		now := f.leading && (f.calmly || f.quiet < justLoud*uint64(c.Block))
		switch {
		case f.better && f.broad && now && f.frozen >= c.RecoveryMinEvents*f.patience:
			return try
		case f.quiet >= calm*f.patience && (!f.calmly || !f.broad):
			return resume
		}
	}
	return stay
}

// judge decides about a challenger on probation.
func (c *GuardConfig) judge(f facts) verdict {
	switch {
	case f.refuted, f.worse:
		return reject
	case f.frozen < c.ProbationEvents || f.events < uint64(c.Block): // missing data accepts nobody
		return stay
	case f.ahead:
		return accept
	}
	return reject
}

// facts are those of now.
func (l *Learner) facts() facts {
	t := &l.trial
	f := facts{
		mode: l.mode, recovery: l.cfg.Guard.Recovery, held: t.held, armed: l.guard.armed(), patience: l.flaps.patience(),
		frozen: l.fed - t.since, quiet: l.fed - t.loud, events: t.events,
		better: t.ahead.Wealth() >= 1/leadAlpha, leading: t.leading > 0, calmly: t.calm.Wealth() >= 1/leadAlpha, worse: t.behind.Wealth() >= 1/leadAlpha,
		broad: t.broad, refuted: t.refuted, ahead: t.challenger <= t.champion,
	}
	return f
}

// leaveMode lets the recovery policy act.
func (l *Learner) leaveMode(o *Outcome) {
	if l.mode == Learning {
		return
	}
	t, limit := &l.trial, l.cfg.Guard.MaxFreezeEvents
	o.Overdue = limit > 0 && l.fed-t.began == limit
	if o.Change != nil {
		return
	}
	f := l.facts()
	v := l.decide(f)
	if v != stay {
		l.follow(o, &f, v)
	}
}

// follow carries a decision out.
func (l *Learner) follow(o *Outcome, f *facts, v verdict) {
	lead := l.trial.describe()
	switch v {
	case stay:
	case resume:
		l.ends[Quiet]++
		l.flaps.recovered(l.fed)
		l.enterLearning(o, l.causeOf("quiet"), fmt.Sprintf("quiet for %d records", f.quiet), true)
	case try:
		detail := lead
		if f.recovery == RecoveryCooldown {
			detail = fmt.Sprintf("still unlike the reference after %d records: %s", f.frozen, lead)
		}
		l.enterRecovering(o, l.causeOf("probation"), detail)
	case accept:
		l.ends[Promoted]++
		l.flaps.recovered(l.fed)
		l.enterLearning(o, "probation_passed", lead, false)
	case reject:
		cause, end := "probation_failed", Failed
		if f.refuted || f.worse {
			cause, end = "probation_aborted", Aborted
		}
		l.ends[end]++
		l.flaps.more()
		l.enterFrozen(o, cause, lead)
	}
}

// causeOf names what the policy has decided after a wait.
func (l *Learner) causeOf(what string) string {
	if l.cfg.Guard.Recovery == RecoveryCooldown {
		return "cooldown_" + what
	}
	return what
}

// describe tells people how the comparison stands.
func (t *trial) describe() string {
	s := fmt.Sprintf("over %d events loss %.3g, last good version %.3g", t.events, t.mean(t.challenger), t.mean(t.champion))
	for _, b := range []struct {
		*breadth
		what string
	}{{&t.keys, "keys"}, {&t.sources, "sources"}} {
		if won, groups := b.wins(); groups > 0 {
			s += fmt.Sprintf(", better on %d of %d groups of %s", won, groups, b.what)
		}
	}
	return s
}

// mean is a sum of the trial over its events.
func (t *trial) mean(sum float64) float64 { return sum / float64(max(t.events, 1)) }
