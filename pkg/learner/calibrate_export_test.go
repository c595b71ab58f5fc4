package learner

// Calibrating reports whether a second reference is evaluated, to succeed the one that watches.
func (l *Learner) Calibrating() bool { return l.guard.armed() && l.guard.calibrating != none }
