package learner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const headVersion = 5

// ErrSettings is wrapped when a stored state was made by other settings.
var ErrSettings = errors.New("stored state was made by other settings")

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

// readInputs reads what appendInputs wrote, if there still is a guard of the inputs.
func (l *Learner) readInputs(r *wire.Reader) {
	b := r.Bytes()
	if l.input == nil || len(b) == 0 || r.Err() != nil {
		return
	}
	in := wire.NewReader(b)
	l.input.Read(in)
	if err := in.Close(); err != nil {
		r.Fail("inputs: %v", err)
	}
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

func readSum(r *wire.Reader) (s state.Sum) {
	copy(s[:], r.Take(len(s)))
	return s
}

func readCheckpoint(r *wire.Reader, parts *storedParts) checkpoint {
	var c checkpoint
	v := &c.version
	v.Sum = readSum(r)
	c.origin, v.State = readOrigin(r, parts)
	c.at = r.Uvarint()
	v.Number, v.Parent, v.Created = r.Uvarint(), r.Uvarint(), r.Varint()
	v.Next = state.Position{Offset: r.Varint(), LeaderEpoch: int32(r.Varint())}
	v.Learned = r.Uvarint()
	v.Config, v.Binary, v.Arch = r.String(), r.String(), r.String()
	v.Guarded, v.MaxAgeMS, v.Loss = r.Bool(), r.Varint(), r.Finite()
	var err error
	if c.params, err = parts.params(v.Sum); err != nil {
		r.Fail("version %d: %v", v.Number, err)
	}
	return c
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

func readEntry(r *wire.Reader) (e Entry) {
	for _, s := range []*string{&e.ID, &e.Kind, &e.Who, &e.Why, &e.Body, &e.Error, &e.Args.Label, &e.Args.Arm, &e.Args.Like, &e.Args.Policy} {
		*s = r.String()
	}
	e.Args.Version, e.Args.Sum, e.Args.Restore, e.Args.Forced, e.Args.Challenger = r.Uvarint(), readSum(r), r.Bool(), r.Bool(), r.Bool()
	e.Args.Offset, e.Args.Lost = r.Varint(), r.Bool()
	e.Args.Cap, e.Args.Price = r.Finite(), r.Finite()
	e.At, e.Offset = r.Varint(), r.Varint()
	return e
}

// Restore continues from a stored snapshot. Settings that differ from the
// stored ones are an ErrSettings, which says where, unless all of them are
// Compatible: then the change becomes an entry of the journal.
func Restore(cfg Config, s *state.Snapshot) (*Learner, error) {
	return restore(cfg, s.Next, s.Head, s.Audit, func(sum state.Sum) *state.Blob {
		i := slices.IndexFunc(s.Blobs, func(b state.Blob) bool { return b.Sum == sum })
		if i < 0 {
			return nil
		}
		return &s.Blobs[i]
	})
}

// restore reads a head. audit is the end of the stored audit chain; blob returns the blobs that it names, nil for one that is missing.
func restore(cfg Config, next state.Position, head []byte, audit *state.Trail, blob func(state.Sum) *state.Blob) (*Learner, error) {
	l, err := New(cfg, next)
	if err != nil {
		return nil, err
	}
	version, r, err := wire.Open(head, wire.KindState)
	if err != nil {
		return nil, fmt.Errorf("reading the state at offset %d: %w", next.Offset, err)
	}
	if version != headVersion {
		return nil, fmt.Errorf("reading the state at offset %d: format %d, this program reads %d: use the version of streamlearner that wrote it",
			next.Offset, version, headVersion)
	}
	stored := r.String()
	l.trail = readTrail(r, audit)
	diff, compatible := diffSettings(stored, cfg.Settings, cfg.Defaults)
	if r.Err() == nil && !compatible {
		return nil, fmt.Errorf("%w: %s; restore these settings, or give the model a new name to start anew", ErrSettings, strings.Join(diff, "; "))
	}
	parts := newStoredParts(blob)
	live := l.readMachine(r, parts)
	l.evaluate.resume()
	l.guard.readReferences(r, l, parts.params)
	l.watch.read(r, l)
	if l.suspect.seen = l.guard.reference(); !l.suspect.read(r) {
		l.suspect.seen = new(params) // unlike any reference
	}
	l.readInputs(r)
	l.settleWarnings()
	l.readJournal(r)
	if r.Err() == nil {
		l.readModels(r, live)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("reading the state at offset %d: %w", next.Offset, err)
	}
	if len(diff) > 0 {
		l.record(Entry{
			Command: state.Command{
				ID: fmt.Sprintf("config-%d-%s", l.next.Offset, l.cfg.hash()), Kind: EntryConfig,
				Who: "restart", Why: strings.Join(diff, "; "),
			},
			Offset: l.next.Offset, Body: cfg.Settings,
		})
	}
	l.auditRestart(strings.Join(diff, "; "))
	if err := l.restartArms(diff); err != nil {
		return nil, err
	}
	return l, nil
}

// storedLive names the live parameters and the state of the join.
type storedLive struct {
	sum, changeSum state.Sum
	base, change   *params // change is nil when there is none
	join           storedJoin
}

// readLive reads what appendLive wrote, and the state of the join.
func readLive(r *wire.Reader, parts *storedParts) storedLive {
	s := storedLive{sum: readSum(r)}
	var err error
	if s.base, err = parts.params(s.sum); err != nil {
		r.Fail("live parameters: %v", err)
	}
	if r.Bool() {
		s.changeSum = readSum(r)
		if s.change, err = parts.params(s.changeSum); err != nil {
			r.Fail("live parameters, change: %v", err)
		}
	}
	s.join = readJoin(r, parts)
	return s
}

// readMachine reads all that does not need the models, and returns the live parameters.
func (l *Learner) readMachine(r *wire.Reader, parts *storedParts) storedLive {
	l.fed, l.learned, l.newest = r.Uvarint(), r.Uvarint(), r.Varint()
	if n := r.Count(1); n > int(event.Reasons) {
		r.Fail("%d reasons, this program knows %d", n, event.Reasons)
	} else {
		for i := range n {
			l.rejected[i] = r.Uvarint()
		}
	}
	l.refused = readRefusals(r)
	l.alarms, l.freezes = r.Uvarint(), r.Uvarint()
	for _, a := range []*average{&l.lossAvg, &l.gradAvg} {
		a.mean, a.weight = r.Finite(), r.Finite()
	}
	l.descent.read(r)
	l.readAlarms(r)
	l.readWarnings(r)
	l.evaluate.read(r)

	l.mode = Mode(r.Byte())
	if l.mode > Recovering {
		r.Fail("mode %d", uint8(l.mode))
		l.mode = Learning
	}
	if l.mode != Learning {
		l.trial.read(r, l.fed)
	}
	l.readWay(r)

	live := readLive(r, parts)
	l.versions = r.Uvarint()
	if r.Bool() {
		c := readCheckpoint(r, parts)
		l.proven = &c
	}
	l.readHold(r, parts)
	for range r.Count(len(state.Sum{})) {
		l.pending = append(l.pending, readCheckpoint(r, parts))
	}
	l.guard.readScalars(r)
	return live
}

func (l *Learner) readJournal(r *wire.Reader) {
	l.entries = r.Uvarint()
	for range r.Count(6) {
		l.journal = append(l.journal, readEntry(r))
	}
}

func (l *Learner) readModels(r *wire.Reader, stored storedLive) {
	if err := stored.base.load(l.model); err != nil {
		r.Fail("live parameters: %v", err)
		return
	}
	if err := l.restoreJoin(&stored.join); err != nil {
		r.Fail("%v", err)
		return
	}
	l.live = live{base: stored.base}
	if stored.change != nil {
		if err := l.applyChange(stored.change); err != nil {
			r.Fail("live parameters, change: %v", err)
			return
		}
	}
	if l.mode == Learning {
		return
	}
	l.champion = l.fresh()
	if l.proven == nil {
		return
	}
	if err := l.proven.params.load(l.champion); err != nil {
		r.Fail("parameters of version %d: %v", l.proven.version.Number, err)
	}
}

func (l *Learner) applyChange(p *params) error {
	l.live.stale = true
	if l.inc == nil || len(p.parts) > 1 {
		return errors.New("this kind of model knows none")
	}
	return l.inc.ApplyChange(p.parts[0].data())
}
