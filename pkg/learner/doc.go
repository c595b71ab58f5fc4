// Package learner is one partition under its guard: the deterministic machine
// that turns records into parameters.
//
// A Learner is a pure function of its records and of the operator commands that
// its owner puts between them. It has no clock, no I/O, no goroutine and no
// lock. The shell around it (pkg/consumer, or replay) does this:
//
//	l := Restore(config, snapshot)        // or New(config, start)
//	seek to l.Next()
//	for each record:
//	        o := l.Feed(record)
//	        if o.Reject != nil: send the record to the dead-letter topic
//	        if o.Save: save l.Snapshot(), then call l.Saved
//	for each command: l.Apply(command), save l.Snapshot()
//
// A snapshot may be taken between any two records and leaves no trace in the
// learner, so when it is taken cannot change what is learned. Snapshot is
// Capture, which copies, and the function that it returns, which encodes and
// hashes: a shell runs the latter on another goroutine while it feeds on.
//
// # Checkpoints and versions
//
// Every snapshot.every records the parameters are copied as a checkpoint and
// wait in quarantine. Of a large model only what was learned since the last
// checkpoint is copied; see params and Incremental. A checkpoint that was followed by snapshot.quarantine
// records without an alarm is proven and becomes a published version. An alarm
// throws away all that wait, so no served parameter has seen an event that is
// younger than the alarm by less than the quarantine.
//
// # The guard
//
// While Learning the model learns and the guard watches its score vectors at a
// frozen reference (pkg/drift.Score). An alarm enters Frozen: the last proven
// version goes back into the model and is what readers keep being served. The
// model then goes on learning from there as the challenger, and the last good
// version is scored beside it as the champion. How Frozen is left is the
// recovery policy: see GuardConfig.
package learner
