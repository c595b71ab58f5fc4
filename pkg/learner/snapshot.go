package learner

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const headVersion = 5

// Snapshot returns the whole state at Next. Seq is left for the shell to set,
// Blobs holds all of Refs. Nothing in it changes afterwards, so another
// goroutine may store it while the learner goes on.
func (l *Learner) Snapshot() *state.Snapshot { return l.Capture()() }

// Capture copies the whole state at Next and returns a function that makes the
// snapshot of the copy: it encodes, merges and hashes large parts, which may
// take a while, and may run on another goroutine while the learner goes on. What
// it returns does not depend on when it is called.
func (l *Learner) Capture() func() *state.Snapshot {
	s := state.Snapshot{Next: l.next, Rewind: l.rewound, Done: slices.Clone(l.acks)}
	w := headWriter{origins: true}
	head, audit := l.appendHead(nil, &w), l.trail.capture()
	published := l.publication()
	return func() *state.Snapshot {
		out := s
		out.Head, out.Audit = slices.Clone(head), audit()
		seen := make(map[state.Sum]struct{}, 4*len(w.marks))
		add := func(b *state.Blob) {
			if _, ok := seen[b.Sum]; !ok {
				seen[b.Sum] = struct{}{}
				out.Refs, out.Blobs = append(out.Refs, b.Sum), append(out.Blobs, *b)
			}
		}
		done := make(map[*params]struct{}, len(w.marks))
		for _, m := range w.marks {
			m.fill(out.Head)
			if m.origin != nil {
				m.origin.blobs(done, add)
			} else if m.params == nil {
				continue // the audit trail is no blob
			} else if _, ok := done[m.params]; !ok {
				done[m.params] = struct{}{}
				m.params.blobs(add)
			}
		}
		out.Head = wire.Seal(out.Head, 0)
		if published != nil {
			published.seal(&out)
		}
		return &out
	}
}

// appendHead encodes everything but the large parts and the seal. Of the large
// parts it notes where their sums belong. docs/format/state.md specifies the layout.
func (l *Learner) appendHead(b []byte, w *headWriter) []byte {
	b = wire.Begin(b, wire.KindState, headVersion)
	b = wire.AppendString(b, l.cfg.Settings)
	b = w.referTrail(b, &l.trail)
	b = wire.AppendUvarint(b, l.fed)
	b = wire.AppendUvarint(b, l.learned)
	b = wire.AppendVarint(b, l.newest)
	b = wire.AppendUvarint(b, uint64(len(l.rejected)))
	for _, n := range l.rejected {
		b = wire.AppendUvarint(b, n)
	}
	b = l.refused.append(b)
	b = wire.AppendUvarint(b, l.alarms)
	b = wire.AppendUvarint(b, l.freezes)
	for _, a := range []average{l.lossAvg, l.gradAvg} {
		b = wire.AppendFloat64(b, a.mean)
		b = wire.AppendFloat64(b, a.weight)
	}
	b = l.descent.append(b)
	b = l.appendAlarms(b)
	b = l.appendWarnings(b)
	b = l.evaluate.append(b)

	b = append(b, byte(l.mode))
	if l.mode != Learning {
		b = l.trial.append(b)
	}
	b = l.appendWay(b)

	b = l.appendLive(b, w.refer)
	b = l.join.append(b, w.refer)
	b = wire.AppendUvarint(b, l.versions)
	b = wire.AppendBool(b, l.proven != nil)
	if l.proven != nil {
		b = l.proven.append(b, w)
	}
	b = l.appendHold(b, w)
	b = wire.AppendUvarint(b, uint64(len(l.pending)))
	for i := range l.pending {
		b = l.pending[i].append(b, w)
	}

	b, err := l.guard.append(b, w.refer)
	if err != nil {
		panic(fmt.Sprintf("learner: a detector cannot be encoded: %v", err))
	}
	b = l.watch.append(b, l)
	b = l.suspect.append(b, l)
	b = wire.AppendBytes(b, l.appendInputs())
	b = wire.AppendUvarint(b, l.entries)
	b = wire.AppendUvarint(b, uint64(len(l.journal)))
	for i := range l.journal {
		b = appendEntry(b, &l.journal[i])
	}
	return b
}

// appendInputs encodes the guard of the inputs; nothing where there is none.
func (l *Learner) appendInputs() []byte {
	if l.input == nil {
		return nil
	}
	return l.input.Append(nil)
}

// appendLive encodes the parameters of the model that learns: the last ones
// that it advanced to, and what it has learned since as a change. It leaves no
// trace in the learner, so a save at any time does not.
func (l *Learner) appendLive(b []byte, refer func([]byte, *params) []byte) []byte {
	base, change := l.live.base, l.live.stale
	if change && l.inc == nil {
		base, change = l.wholeModel(), false
	}
	b = refer(b, base)
	b = wire.AppendBool(b, change)
	if change {
		b = refer(b, whole(l.later(0, false)))
	}
	return b
}

// wholeModel returns the live parameters as one part.
func (l *Learner) wholeModel() *params {
	data := encode(l.model)
	return whole(func() []byte { return data })
}

func (c *checkpoint) append(b []byte, w *headWriter) []byte {
	v := &c.version
	b = w.refer(b, c.params)
	b = w.referOrigin(b, c.origin, v.State)
	b = wire.AppendUvarint(b, c.at)
	b = wire.AppendUvarint(b, v.Number)
	b = wire.AppendUvarint(b, v.Parent)
	b = wire.AppendVarint(b, v.Created)
	b = wire.AppendVarint(b, v.Next.Offset)
	b = wire.AppendVarint(b, int64(v.Next.LeaderEpoch))
	b = wire.AppendUvarint(b, v.Learned)
	b = wire.AppendString(b, v.Config)
	b = wire.AppendString(b, v.Binary)
	b = wire.AppendString(b, v.Arch)
	b = wire.AppendBool(b, v.Guarded)
	b = wire.AppendVarint(b, v.MaxAgeMS)
	return wire.AppendFloat64(b, v.Loss)
}

func appendEntry(b []byte, e *Entry) []byte {
	for _, s := range []string{e.ID, e.Kind, e.Who, e.Why, e.Body, e.Error, e.Args.Label, e.Args.Arm, e.Args.Like, e.Args.Policy} {
		b = wire.AppendString(b, s)
	}
	b = wire.AppendUvarint(b, e.Args.Version)
	b = append(b, e.Args.Sum[:]...)
	b = wire.AppendBool(b, e.Args.Restore)
	b = wire.AppendBool(b, e.Args.Forced)
	b = wire.AppendBool(b, e.Args.Challenger)
	b = wire.AppendVarint(b, e.Args.Offset)
	b = wire.AppendBool(b, e.Args.Lost)
	b = wire.AppendFloat64(wire.AppendFloat64(b, e.Args.Cap), e.Args.Price)
	b = wire.AppendVarint(b, e.At)
	return wire.AppendVarint(b, e.Offset)
}
