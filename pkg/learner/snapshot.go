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

const headVersion = 1

// ErrSettings is wrapped when a stored state was made by other settings.
var ErrSettings = errors.New("stored state was made by other settings")

// Snapshot returns the whole state at Next. Seq is left for the shell to set,
// Blobs holds all of Refs. Nothing in it changes afterwards, so another
// goroutine may store it while the learner goes on.
func (l *Learner) Snapshot() *state.Snapshot {
	live := l.encodeLive()
	if live.Sum.IsZero() {
		live.Sum = state.SumOf(live.Data)
	}
	s := &state.Snapshot{Next: l.next, Done: slices.Clone(l.acks)}
	s.Head = l.appendHead(nil, live, func(b *state.Blob) {
		if !slices.Contains(s.Refs, b.Sum) {
			s.Refs = append(s.Refs, b.Sum)
			s.Blobs = append(s.Blobs, *b)
		}
	})
	if l.proven != nil {
		s.Current = &state.Pointer{Version: l.proven.version, Mode: l.mode.String(), Schema: l.cfg.Schema}
	}
	return s
}

// appendHead encodes everything but the large parts, which it names by their
// sums and gives to refer. docs/format/state.md specifies the layout.
func (l *Learner) appendHead(b []byte, live *state.Blob, refer func(*state.Blob)) []byte {
	start := len(b)
	b = wire.Begin(b, wire.KindState, headVersion)
	b = wire.AppendString(b, l.cfg.Settings)
	b = wire.AppendUvarint(b, l.fed)
	b = wire.AppendUvarint(b, l.learned)
	b = wire.AppendVarint(b, l.newest)
	b = wire.AppendUvarint(b, uint64(len(l.rejected)))
	for _, n := range l.rejected {
		b = wire.AppendUvarint(b, n)
	}
	b = wire.AppendUvarint(b, l.alarms)
	b = wire.AppendUvarint(b, l.freezes)
	for _, a := range []average{l.lossAvg, l.gradAvg} {
		b = wire.AppendFloat64(b, a.mean)
		b = wire.AppendFloat64(b, a.weight)
	}
	b = l.descent.append(b)

	b = append(b, byte(l.mode))
	b = wire.AppendUvarint(b, l.trial.since)
	b = wire.AppendBool(b, l.trial.held)
	b = wire.AppendFloat64(b, l.trial.champion)
	b = wire.AppendFloat64(b, l.trial.challenger)
	b = wire.AppendUvarint(b, l.trial.events)

	refer(live)
	b = append(b, live.Sum[:]...)
	b = wire.AppendUvarint(b, l.versions)
	b = wire.AppendBool(b, l.proven != nil)
	if l.proven != nil {
		b = appendCheckpoint(b, l.proven, refer)
	}
	b = wire.AppendUvarint(b, uint64(len(l.pending)))
	for i := range l.pending {
		b = appendCheckpoint(b, &l.pending[i], refer)
	}

	b, err := l.guard.append(b)
	if err != nil {
		panic(fmt.Sprintf("learner: a detector cannot be encoded: %v", err))
	}
	for _, r := range l.guard.blobs {
		if r != nil {
			refer(r)
		}
	}
	b = l.watch.append(b, l)
	b = wire.AppendUvarint(b, uint64(len(l.journal)))
	for i := range l.journal {
		b = appendEntry(b, &l.journal[i])
	}
	return wire.Seal(b, start)
}

func appendCheckpoint(b []byte, c *checkpoint, refer func(*state.Blob)) []byte {
	sum, v := c.sum(), &c.version
	refer(c.blob)
	b = append(b, sum[:]...)
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
	return wire.AppendVarint(b, v.MaxAgeMS)
}

func readSum(r *wire.Reader) (s state.Sum) {
	copy(s[:], r.Take(len(s)))
	return s
}

func readCheckpoint(r *wire.Reader, blob func(state.Sum) *state.Blob) checkpoint {
	var c checkpoint
	v := &c.version
	v.Sum = readSum(r)
	c.at = r.Uvarint()
	v.Number, v.Parent, v.Created = r.Uvarint(), r.Uvarint(), r.Varint()
	v.Next = state.Position{Offset: r.Varint(), LeaderEpoch: int32(r.Varint())}
	v.Learned = r.Uvarint()
	v.Config, v.Binary, v.Arch = r.String(), r.String(), r.String()
	v.Guarded, v.MaxAgeMS = r.Bool(), r.Varint()
	if c.blob = blob(v.Sum); c.blob == nil {
		r.Fail("parameters %s of version %d are missing", v.Sum, v.Number)
	}
	return c
}

func appendEntry(b []byte, e *Entry) []byte {
	for _, s := range []string{e.ID, e.Kind, e.Who, e.Why, e.Body, e.Error} {
		b = wire.AppendString(b, s)
	}
	b = wire.AppendVarint(b, e.At)
	return wire.AppendVarint(b, e.Offset)
}

func readEntry(r *wire.Reader) (e Entry) {
	for _, s := range []*string{&e.ID, &e.Kind, &e.Who, &e.Why, &e.Body, &e.Error} {
		*s = r.String()
	}
	e.At, e.Offset = r.Varint(), r.Varint()
	return e
}

// Restore continues from a stored snapshot. Settings that differ from the
// stored ones are an ErrSettings, which says where, unless all of them are
// Compatible: then the change becomes an entry of the journal.
func Restore(cfg Config, s *state.Snapshot) (*Learner, error) {
	l, err := New(cfg, s.Next)
	if err != nil {
		return nil, err
	}
	version, r, err := wire.Open(s.Head, wire.KindState)
	if err != nil {
		return nil, fmt.Errorf("reading the state at offset %d: %w", s.Next.Offset, err)
	}
	if version != headVersion {
		return nil, fmt.Errorf("reading the state at offset %d: format %d, this program reads %d: use the version of streamlearner that wrote it",
			s.Next.Offset, version, headVersion)
	}
	stored := r.String()
	diff, compatible := diffSettings(stored, cfg.Settings, cfg.Defaults)
	if r.Err() == nil && !compatible {
		return nil, fmt.Errorf("%w: %s; restore these settings, or give the model a new name to start anew", ErrSettings, strings.Join(diff, "; "))
	}
	blob := func(sum state.Sum) *state.Blob {
		i := slices.IndexFunc(s.Blobs, func(b state.Blob) bool { return b.Sum == sum })
		if i < 0 {
			return nil
		}
		return &s.Blobs[i]
	}
	live := l.readMachine(r, blob)
	l.guard.readReferences(r, l, blob)
	l.watch.read(r, l)
	l.readJournal(r)
	if r.Err() == nil {
		l.readModels(r, blob(live), live)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("reading the state at offset %d: %w", s.Next.Offset, err)
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
	return l, nil
}

// readMachine reads all that does not need the models, and returns the sum of
// the live parameters.
func (l *Learner) readMachine(r *wire.Reader, blob func(state.Sum) *state.Blob) (live state.Sum) {
	l.fed, l.learned, l.newest = r.Uvarint(), r.Uvarint(), r.Varint()
	if n := r.Count(1); n > int(event.Reasons) {
		r.Fail("%d reasons, this program knows %d", n, event.Reasons)
	} else {
		for i := range n {
			l.rejected[i] = r.Uvarint()
		}
	}
	l.alarms, l.freezes = r.Uvarint(), r.Uvarint()
	for _, a := range []*average{&l.lossAvg, &l.gradAvg} {
		a.mean, a.weight = r.Finite(), r.Finite()
	}
	l.descent.read(r)

	l.mode = Mode(r.Byte())
	if l.mode > Recovering {
		r.Fail("mode %d", uint8(l.mode))
		l.mode = Learning
	}
	l.trial = trial{since: r.Uvarint(), held: r.Bool(), champion: r.Finite(), challenger: r.Finite(), events: r.Uvarint()}

	live = readSum(r)
	l.versions = r.Uvarint()
	if r.Bool() {
		c := readCheckpoint(r, blob)
		l.proven = &c
	}
	for range r.Count(len(live)) {
		l.pending = append(l.pending, readCheckpoint(r, blob))
	}
	l.guard.readScalars(r)
	return live
}

func (l *Learner) readJournal(r *wire.Reader) {
	for range r.Count(6) {
		l.journal = append(l.journal, readEntry(r))
	}
}

func (l *Learner) readModels(r *wire.Reader, live *state.Blob, sum state.Sum) {
	if live == nil {
		r.Fail("live parameters %s are missing", sum)
		return
	}
	if err := l.model.UnmarshalBinary(live.Data); err != nil {
		r.Fail("live parameters: %v", err)
		return
	}
	l.live = liveBlob{blob: live}
	if l.mode == Learning {
		return
	}
	l.champion = l.fresh()
	if l.proven == nil {
		return
	}
	if err := l.champion.UnmarshalBinary(l.proven.blob.Data); err != nil {
		r.Fail("parameters of version %d: %v", l.proven.version.Number, err)
	}
}
