package learner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// The kinds of commands and of journal entries.
const (
	CommandFreeze   = "freeze"
	CommandUnfreeze = "unfreeze"
	// The commands about published versions. Args say of which; their shell finds it.
	CommandPin      = "pin"      // keep a version, however old it gets
	CommandUnpin    = "unpin"    //
	CommandLabel    = "label"    // give a version a name, which keeps it too
	CommandUnlabel  = "unlabel"  //
	CommandRollback = "rollback" // hold readers at a version
	CommandPromote  = "promote"  // end the hold
	CommandImport   = state.CommandImport
	CommandSeek     = "seek"   // go on at another offset, since the log there is gone or another one
	CommandPolicy   = "policy" // what readers do with the policy of a bandit
	EntryConfig     = "config" // the configuration changed at a restart
)

// aboutArms reports whether a command changes the arms of a bandit; its kind is then that of the change.
func aboutArms(kind string) bool { return slices.Contains(event.ArmChanges(), kind) }

// Entry is an input other than a record: an operator's command or a change of
// configuration, with its place in the order.
type Entry struct {
	state.Command
	Offset int64  // it took effect before the record at this offset
	Body   string // EntryConfig: the settings from here on
	Error  string // why it was refused; empty when it was applied
}

// maxJournal is how many entries a state carries; older ones are dropped.
const maxJournal = 256

// Apply takes an operator's command between two records and returns what it
// changed. The shell saves at once; the answer travels in that save. A command
// that was taken before is only answered again.
func (l *Learner) Apply(c state.Command) *Outcome { return l.ApplyTo(c, nil) }

// ApplyTo is Apply with the version that the command is about; state.Find
// finds it. Nil will do for those that are about none.
func (l *Learner) ApplyTo(c state.Command, f *state.Found) *Outcome {
	o := &l.out
	o.reset()
	o.Save = true
	for i := range l.journal {
		if e := &l.journal[i]; e.ID == c.ID {
			l.acks = append(l.acks, state.Ack{ID: e.ID, Offset: e.Offset, Error: e.Error})
			return o
		}
	}
	e := Entry{Command: c, Offset: l.next.Offset}
	l.trail.who, l.trail.why = c.Who, c.Why
	r, before := l.audit(state.AuditCommand, nil), l.served()
	if err := l.command(o, c, f); err != nil {
		e.Error = err.Error()
	} else if l.served() != before {
		l.auditServed(c.Kind)
	}
	l.trail.who, l.trail.why = "", ""
	r.Command, r.Args, r.ID, r.Given, r.Error, r.Mode = c.Kind, c.Args, c.ID, c.At, e.Error, l.mode.String()
	l.record(e)
	l.acks = append(l.acks, state.Ack{ID: e.ID, Offset: e.Offset, Error: e.Error})
	return o
}

func (l *Learner) command(o *Outcome, c state.Command, f *state.Found) error {
	detail := fmt.Sprintf("%s: %s", c.Who, c.Why)
	switch c.Kind {
	case CommandFreeze:
		if l.mode != Frozen {
			l.enterFrozen(o, "operator", detail)
		}
		l.trial.held = true
		return nil
	case CommandUnfreeze:
		return l.unfreeze(o, detail, c.Args.Challenger)
	}
	switch {
	case c.Kind == CommandSeek:
		return l.seek(c.Args, f)
	case c.Kind == CommandPolicy:
		return l.setPolicy(c.Args.Policy)
	case aboutArms(c.Kind):
		return l.changeArm(c.Kind, &c.Args)
	}
	known := []string{CommandFreeze, CommandUnfreeze, CommandSeek, CommandPolicy, CommandPin, CommandUnpin, CommandLabel, CommandUnlabel, CommandRollback, CommandPromote, CommandImport}
	if slices.Contains(known, c.Kind) {
		return l.versionCommand(c, f)
	}
	return fmt.Errorf("unknown command %q: known are %s", c.Kind, strings.Join(append(known, event.ArmChanges()...), ", "))
}

// unfreeze goes on from the last good version, or tries the challenger: an
// operator who knows that the concept has changed need not wait for proof.
func (l *Learner) unfreeze(o *Outcome, detail string, challenger bool) error {
	switch {
	case l.mode == Learning:
		return fmt.Errorf("not frozen: the partition is %s", l.mode)
	case challenger && l.mode == Recovering:
		return errors.New("the challenger is on probation already")
	}
	l.flaps = flaps{}
	if challenger {
		l.enterRecovering(o, "operator", detail)
		return nil
	}
	l.ends[Operator]++
	l.enterLearning(o, "operator", detail, true)
	return nil
}

func (l *Learner) record(e Entry) {
	l.entries++
	if len(l.journal) == maxJournal {
		l.journal = append(l.journal[:0], l.journal[1:]...)
	}
	l.journal = append(l.journal, e)
}

// Saved tells that s is stored: the answers and imported versions that it
// carried are forgotten.
func (l *Learner) Saved(s *state.Snapshot) {
	l.trail.stored(s.Audit)
	l.added = slices.DeleteFunc(l.added, func(c checkpoint) bool {
		return slices.ContainsFunc(s.Also, func(k state.Kept) bool { return k.Number == c.version.Number })
	})
	if s.Rewind && l.next.Offset >= s.Next.Offset { // else it was put back once more since
		l.rewound = false
	}
	for len(s.Done) > 0 && len(l.acks) > 0 && l.acks[0] == s.Done[0] {
		l.acks, s = l.acks[1:], &state.Snapshot{Done: s.Done[1:]}
	}
}
