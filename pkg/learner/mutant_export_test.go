package learner

// The mutants of the state machine live inside the package, their scenarios outside.

// Mutant breaks one rule of the way back.
type Mutant struct {
	Name     string
	Scenario string // that notices
	Break    func(*Learner)
}

// lie makes the policy decide on other facts.
func lie(edit func(*facts)) func(*Learner) {
	return func(l *Learner) {
		honest := l.decide
		l.decide = func(f facts) verdict {
			edit(&f)
			return honest(f)
		}
	}
}

// turn makes another decision of one of them.
func turn(from, to verdict) func(*Learner) {
	return func(l *Learner) {
		honest := l.decide
		l.decide = func(f facts) verdict {
			if v := honest(f); v != from {
				return v
			}
			return to
		}
	}
}

// settings changes what the guard goes by.
func settings(edit func(*GuardConfig)) func(*Learner) {
	return func(l *Learner) { edit(&l.cfg.Guard) }
}

// Mutants are all of them.
func Mutants() []Mutant {
	const long = 1 << 40
	frozen := func(edit func(*facts)) func(*Learner) {
		return lie(func(f *facts) {
			if f.mode == Frozen {
				edit(f)
			}
		})
	}
	recovering := func(edit func(*facts)) func(*Learner) {
		return lie(func(f *facts) {
			if f.mode == Recovering {
				edit(f)
			}
		})
	}
	return []Mutant{
		{"thaws what an operator froze", "operator_decides", lie(func(f *facts) { f.held = false })},
		{"goes on although an operator stopped a probation", "operator_stops_a_probation", lie(func(f *facts) { f.held = false })},
		{"overrules recovery: manual", "manual", lie(func(f *facts) { f.recovery = RecoveryAuto })},
		{"promotes without a minimum of records", "concept_changes", frozen(func(f *facts) { f.frozen = long })},
		{"promotes what is not better", "attack_on_few_cards", frozen(func(f *facts) { f.better, f.broad = true, true })},
		{"promotes the favourite of few cards", "attack_on_few_cards", frozen(func(f *facts) { f.broad = true })},
		{"promotes the favourite of one source", "attack_of_one_source", frozen(func(f *facts) { f.broad = true })},
		{"promotes what was better once", "poison_ends_before_the_minimum", frozen(func(f *facts) { f.leading, f.calmly = true, f.better })},
		{"never promotes", "concept_changes", frozen(func(f *facts) { f.better = false })},
		{"counts events that are not trusted", "long_poisoning_trusted", settings(func(c *GuardConfig) { c.Trusted = TrustedConfig{} })},
		{"counts no events", "concept_changes_trusted", settings(func(c *GuardConfig) { c.Trusted.Sources = []string{"nobody"} })},
		{"takes a freeze for a quiet stream", "disturbance_passes", frozen(func(f *facts) { f.quiet = f.frozen })},
		{"resumes at once", "disturbance_passes", frozen(func(f *facts) { f.quiet = long })},
		{"never finds a stream quiet", "disturbance_passes", frozen(func(f *facts) { f.quiet = 0 })},
		{"believes a reference that is not there", "refused_records_early", frozen(func(f *facts) { f.armed = true })},
		{"skips the probation", "concept_changes", turn(try, accept)},
		{"keeps what the disturbance taught", "disturbance_passes", turn(resume, accept)},
		{"ends a probation at once", "concept_changes", recovering(func(f *facts) { f.frozen = long })},
		{"accepts a challenger that is behind", "probation_fails", recovering(func(f *facts) { f.ahead = true })},
		{"accepts without data", "trusted_source_falls_silent", recovering(func(f *facts) { f.events = long })},
		{"lets a challenger stay that proves worse", "attack_during_a_probation", recovering(func(f *facts) { f.worse = false })},
		{"lets a challenger stay that an alarm refutes", "refusals_during_a_probation", recovering(func(f *facts) { f.refuted = false })},
		{"rejects every challenger", "concept_changes", turn(accept, reject)},
		{"does not back off", "flapping", lie(func(f *facts) { f.patience = 1 })},
		{"never forgets a flap", "flapping", settings(func(c *GuardConfig) { c.BackoffEvents = long })},
		{"forgets every flap", "flapping", settings(func(c *GuardConfig) { c.BackoffEvents = 1 })},
		{"calls nobody", "manual", settings(func(c *GuardConfig) { c.MaxFreezeEvents = 0 })},
		{"cools down for good", "cooldown", frozen(func(f *facts) { f.frozen = 0 })},
		{"cools down in no time", "cooldown", frozen(func(f *facts) { f.frozen = long })},
	}
}
