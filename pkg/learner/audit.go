package learner

import (
	"slices"
	"sync"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	// maxLinks bounds the audit records that wait for a store that takes no saves.
	maxLinks = 1 << 16
	// maxUnsealed bounds those that hold on to parameters because nobody has
	// asked for their bytes.
	maxUnsealed = 64
)

// trail is the end of the partition's audit chain. The bytes and the hash of a
// record are made when they are first asked for, on whatever goroutine, since
// the hash of a large model in it takes a while.
type trail struct {
	length uint64           // records of the chain
	head   func() state.Sum // hash of the newest one; nil for none
	binary string           // program and architecture of the newest one

	links  []func() state.AuditEntry // the newest records, oldest first
	before state.Sum                 // hash of the record before them

	who, why string // of the command that is being carried out; empty for none
}

// audit appends a record about c, or about no version when that is nil. The
// caller completes it before it returns to the shell.
func (l *Learner) audit(kind string, c *checkpoint) *state.AuditRecord {
	t := &l.trail
	r := &state.AuditRecord{
		Kind: kind, Who: t.who, Why: t.why, At: l.newest, Next: l.next, Fed: l.fed, Learned: l.learned, Mode: l.mode.String(),
		Config: l.cfg.hash(), Binary: l.cfg.Binary, Arch: l.cfg.Arch,
	}
	if t.who == "" {
		r.Who = state.Automation
	}
	if !l.cfg.Audit {
		return r
	}
	var version checkpoint
	if c != nil {
		version = *c
	}
	t.length++
	t.binary = l.program()
	r.Seq = t.length
	previous := t.head
	link := sync.OnceValue(func() state.AuditEntry {
		if previous != nil {
			r.Prev = previous()
		}
		if c != nil {
			v := version.sealed()
			r.Version = &v
		}
		data := r.Bytes()
		return state.AuditEntry{Kind: r.Kind, Sum: state.SumOf(data), Data: data}
	})
	t.head = func() state.Sum { return link().Sum }
	t.links = append(t.links, link)
	if n := len(t.links); n > maxUnsealed {
		t.links[n-1-maxUnsealed]()
	}
	if len(t.links) > maxLinks {
		t.forget(maxLinks / 4)
	}
	return r
}

// program is what computes, for people.
func (l *Learner) program() string { return l.cfg.Binary + " " + l.cfg.Arch }

// forget drops the oldest n records that are at hand.
func (t *trail) forget(n int) {
	if n > 0 {
		t.before = t.links[n-1]().Sum
		t.links = slices.Delete(t.links, 0, n)
	}
}

// stored tells that s is stored. Some of its records stay at hand, for the case
// that the store loses them in a failover.
func (t *trail) stored(s *state.Trail) {
	if s == nil {
		return
	}
	end, _ := s.End()
	from := t.length - uint64(len(t.links))
	if end > from+state.AuditTail {
		t.forget(int(min(end-state.AuditTail-from, uint64(len(t.links)))))
	}
}

// capture returns a function that makes the records at hand.
func (t *trail) capture() func() *state.Trail {
	if t.length == 0 {
		return func() *state.Trail { return nil }
	}
	links := slices.Clone(t.links)
	out := state.Trail{From: t.length - uint64(len(links)), Sum: t.before}
	return func() *state.Trail {
		s := out
		s.Entries = make([]state.AuditEntry, len(links))
		for i, link := range links {
			s.Entries[i] = link()
		}
		return &s
	}
}

// append encodes what the state keeps of the chain, apart from the hash.
func (t *trail) append(b []byte) []byte {
	b = wire.AppendUvarint(b, t.length)
	return wire.AppendString(b, t.binary)
}

// readTrail reads what append wrote, and the hash. The records of the claimed
// snapshot are at hand from then on if they lead up to that hash.
func readTrail(r *wire.Reader, stored *state.Trail) trail {
	t := trail{length: r.Uvarint(), binary: r.String()}
	sum := readSum(r)
	if t.length == 0 {
		return t
	}
	t.head, t.before = func() state.Sum { return sum }, sum
	if stored == nil {
		return t
	}
	if n, end := stored.End(); n == t.length && end == sum {
		t.before = stored.Sum
		for _, e := range stored.Entries {
			t.links = append(t.links, func() state.AuditEntry { return e })
		}
	}
	return t
}

// auditRestart records what a restart has changed.
func (l *Learner) auditRestart(diff string) {
	switch was := l.trail.binary; {
	case l.trail.length == 0:
		l.audit(state.AuditInit, nil).Why = "the audit trail begins with a state that was there before"
	case was != l.program():
		l.audit(state.AuditBinary, nil).Why = "was " + was
	}
	if diff != "" {
		l.audit(state.AuditConfig, nil).Why = diff
	}
}

// auditServed records that a command gave readers another version.
func (l *Learner) auditServed(command string) {
	switch command {
	case CommandRollback:
		l.audit(state.AuditRollback, l.served())
	case CommandPromote:
		l.audit(state.AuditPromotion, l.served())
	default:
		l.audit(state.AuditPublish, l.served())
	}
}

// audited is the alarm as audit records have it.
func (a *Alarm) audited() *state.AuditAlarm {
	return &state.AuditAlarm{Detector: a.Detector, Statistic: a.Statistic, Threshold: a.Threshold, Evidence: a.Evidence}
}

// auditMode records a change of mode.
func (l *Learner) auditMode(o *Outcome) {
	kind := [...]string{Learning: state.AuditRecovery, Frozen: state.AuditFreeze, Recovering: state.AuditProbation}[o.Change.To]
	r := l.audit(kind, nil)
	r.From, r.Cause = o.Change.From.String(), o.Change.Cause
	if r.Why == "" {
		r.Why = o.Change.Detail
	}
	if a := o.Alarm; a != nil && kind == state.AuditFreeze {
		r.Alarm = a.audited()
	}
}
