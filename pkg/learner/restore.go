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

// ErrSettings is wrapped when a stored state was made by other settings.
var ErrSettings = errors.New("stored state was made by other settings")

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
	if err := l.loadChampion(); err != nil {
		r.Fail("parameters of the last good version: %v", err)
	}
}

func (l *Learner) applyChange(p *params) error {
	l.live.stale = true
	if l.inc == nil || len(p.parts) > 1 {
		return errors.New("this kind of model knows none")
	}
	return l.inc.ApplyChange(p.parts[0].data())
}
