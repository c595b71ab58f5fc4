// Package offpolicy evaluates candidate policies on a log of decisions: it reads the decisions from records, asks
// every candidate what it would have done, predicts rewards honestly, and adds to the running sums of package ope.
//
//	v, err := offpolicy.New(config, candidates, rewards)
//	for each record { v.Teach(number, record) } // only for cross-fitted rewards
//	for each record { v.Add(number, place, record) }
//	results := v.Results()
//
// A row that cannot be used, for one candidate or for all, is left out for all, so that candidates are compared on
// the same decisions; [Refusals] counts such rows by reason.
//
// A prediction of a reward never uses the reward itself. Cross-fitted models are fitted to the rows of the other
// folds; a progressive one to the rows before. A policy that learns from the log is asked about a row before it
// learns it, so that its estimate is that of the policy as it changes.
package offpolicy
