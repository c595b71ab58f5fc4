// Package ope estimates what a policy would have earned from the log of another one (off-policy evaluation), and
// tests experiments in a way that holds at any time (sequential tests).
//
//	e, err := ope.New(ope.Default())
//	for each logged decision {
//		if problem := e.Add(d); problem != ope.None { // count it by reason }
//	}
//	value, ok := e.Value(ope.SNIPS)
//	lo, hi, ok := e.Interval(ope.SNIPS, 0.05)
//	lo, hi, ok = e.ConfidenceSequence(0.05) // may be looked at after every decision
//
// An [Evaluation] keeps running sums of constant size, whatever the number of decisions; one for each candidate
// policy. Evaluations of the partitions of a log are added by Merge, and stored by AppendBinary.
//
// A decision i has the reward r, the probability p > 0 with which the logging policy took the action, and the
// probability t with which the target policy takes the same action. Its importance weight is w = t/p. With a model q
// of the rewards, dm is the sum over all actions of target probability times q, and e = r - q(logged action). A log
// that was thinned by dropping decisions with probability d counts each one left g = 1/(1-d) times. Sums over
// decisions are weighted by g, and n = sum g.
package ope
