package learner

// DecisionsOf counts what automation decides about a learner in all situations that differ in
// the facts which are true or false, with waits that are over: any decision but to stay.
func DecisionsOf(c GuardConfig, mode Mode, held bool) (moves int) {
	const flags = 9
	for bits := range 1 << flags {
		is := func(n int) bool { return bits>>n&1 == 1 }
		f := facts{
			mode: mode, recovery: c.Recovery, held: held, patience: 1, frozen: 1 << 40, events: 1 << 40,
			armed: is(0), better: is(1), leading: is(2), broad: is(3), calmly: is(4), worse: is(5), refuted: is(6), ahead: is(7),
		}
		if is(8) {
			f.quiet = 1 << 40
		}
		if c.decide(f) != stay {
			moves++
		}
	}
	return moves
}
