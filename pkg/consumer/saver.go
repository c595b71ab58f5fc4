package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// saver is the side of a session that talks to the store: it writes one
// snapshot at a time and looks for operator commands.
type saver struct {
	p       *partition
	claim   state.Claim
	letters *letters
	jobs    chan job     // at most one
	results chan result  // at most one, so that sending never blocks
	orders  chan []order // at most one bundle

	mirror    *mirror
	base      uint64                 // number of the stored save
	chained   uint64                 // audit records stored
	known     map[state.Sum]struct{} // blobs that the stored save refers to
	delivered map[string]state.Args  // of commands given to the learner and still in the inbox
}

// order is an operator's command with the version that it is about, nil for none.
type order struct {
	command state.Command
	found   *state.Found
}

func (o order) isSeek() bool { return o.command.Kind == learner.CommandSeek }

// job is a captured state, to be stored once the first letters dead letters are.
type job struct {
	seal    func() *state.Snapshot
	letters uint64
	log     string // that the captured state stands in
}

type result struct {
	snapshot *state.Snapshot
	err      error // no later save under this claim can succeed
}

func newSaver(p *partition, claim state.Claim, stored *state.Snapshot, l *letters, m *mirror) *saver {
	v := &saver{
		p: p, claim: claim, letters: l, mirror: m,
		jobs: make(chan job, 1), results: make(chan result, 1), orders: make(chan []order, 1),
		delivered: map[string]state.Args{},
	}
	if stored != nil {
		v.base = stored.Seq
		if stored.Audit != nil {
			v.chained, _ = stored.Audit.End()
		}
		v.know(stored)
	}
	return v
}

func (v *saver) know(s *state.Snapshot) {
	v.known = make(map[state.Sum]struct{}, len(s.Refs))
	for _, ref := range s.Refs {
		v.known[ref] = struct{}{}
	}
}

func (v *saver) run(ctx context.Context) {
	inbox := time.NewTicker(v.p.c.cfg.InboxInterval)
	defer inbox.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-v.jobs:
			snap := j.seal()
			snap.Log = j.log
			v.results <- result{snapshot: snap, err: v.save(ctx, snap, j.letters)}
		case <-inbox.C:
			v.readInbox(ctx)
		}
	}
}

// save stores a snapshot, however often it must be tried. The dead letters of
// the records that it covers come first.
func (v *saver) save(ctx context.Context, snap *state.Snapshot, letters uint64) error {
	if err := v.letters.wait(ctx, letters); err != nil {
		return err
	}
	m := v.p.c.metrics
	b := backoff{first: 50 * time.Millisecond, most: 5 * time.Second}
	full, force := false, false
	for {
		began := time.Now()
		trail := v.trail(snap, force)
		written, err := v.attempt(ctx, snap, trail, full)
		if err == nil {
			m.saveSeconds.Observe(time.Since(began).Seconds())
			m.saves.inc(v.p.id)
			m.savedBytes.add(v.p.id, float64(written))
			v.p.recovered(troubleStore)
			v.base++
			v.know(snap)
			if v.recorded(trail, snap.Audit) {
				return nil
			}
			continue
		}
		if errors.Is(err, state.ErrFenced) || errors.Is(err, state.ErrForeign) || errors.Is(err, state.ErrBackwards) {
			return err
		}
		var base *state.BaseError
		var broken *state.AuditError
		switch {
		case errors.As(err, &broken) && broken.Stored != v.chained:
			v.chained = broken.Stored // a failover has taken records away, or the answer to a write was lost
		case errors.As(err, &broken):
			m.auditBreaks.inc(v.p.id)
			v.p.log.Error("the stored audit chain does not lead to the records of this learner; they are appended all the same, and `streamlearner audit verify` names the break", "error", err)
			force = true
		case errors.As(err, &base):
			// The claim is ours, hence so is the stored save. One below ours
			// means that a failover lost our last writes, one above that a
			// write succeeded whose answer was lost. Ours goes on top of it.
			if base.Stored < v.base {
				m.rollbacks.inc(v.p.id)
				v.p.log.Warn("the store was rolled back; writing the state forward", "stored", base.Stored, "saved", v.base)
				clear(v.delivered) // answers may be lost too: commands that wait again are answered again
			}
			v.base, full = base.Stored, true
		case errors.Is(err, state.ErrBlobs):
			full = true
		default:
			m.saveErrors.inc(v.p.id)
			v.p.troubled(troubleStore, err)
		}
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
}

// attempt writes the snapshot once, with the blobs that the store may lack, and
// returns how many bytes of head and blobs it handed over.
func (v *saver) attempt(ctx context.Context, snap *state.Snapshot, trail *state.Trail, full bool) (written int, err error) {
	ctx, cancel := context.WithTimeout(ctx, v.p.c.cfg.SaveTimeout)
	defer cancel()
	out := *snap
	out.Seq, out.Audit = v.base+1, trail
	for _, a := range v.delivered {
		if a.Version != 0 {
			out.Protect = append(out.Protect, a)
		}
	}
	if !full {
		out.Blobs = nil
		for _, b := range snap.Blobs {
			if _, ok := v.known[b.Sum]; !ok {
				out.Blobs = append(out.Blobs, b)
			}
		}
	}
	written = len(out.Head)
	for i := range out.Blobs {
		written += len(out.Blobs[i].Data)
	}
	return written, v.p.c.deps.Store.Save(ctx, v.p.key, v.claim, v.base, &out, v.p.c.cfg.Keep)
}

// readInbox gives commands that were not given before to the learner. They
// leave the inbox with the save that makes them part of the state.
func (v *saver) readInbox(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, v.p.c.cfg.SaveTimeout)
	defer cancel()
	inbox, err := v.p.c.deps.Store.Inbox(ctx, v.p.key)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			v.p.troubled(troubleStore, err)
		}
		return
	}
	v.p.recovered(troubleStore)
	waiting := make(map[string]state.Args, len(inbox))
	var fresh []order
	for _, c := range inbox {
		if _, ok := v.delivered[c.ID]; ok {
			waiting[c.ID] = c.Args
			continue
		}
		o := order{command: c}
		if o.isSeek() {
			if o.command.Args, o.found, err = v.p.target(ctx, c.Args); err != nil {
				v.p.troubled(troubleKafka, err)
				break
			}
		}
		if c.Args.Version != 0 || !c.Args.Sum.IsZero() {
			if o.found, err = v.find(ctx, c.Args); err != nil {
				v.p.troubled(troubleStore, err)
				break // it and those after it are read again
			}
		}
		fresh = append(fresh, o)
	}
	if c, ok := v.p.initSeek(); ok {
		fresh = append(fresh, order{command: c})
	}
	v.delivered = waiting
	if len(fresh) == 0 {
		return
	}
	select {
	case v.orders <- fresh:
		// Until they are answered, no save drops the versions that they are about.
		for _, o := range fresh {
			v.delivered[o.command.ID] = o.command.Args
		}
	default: // the learner has not taken the last ones yet
	}
}

// find reads the version that a command is about. Only this saver's saves drop
// versions, and none runs meanwhile.
func (v *saver) find(ctx context.Context, a state.Args) (*state.Found, error) {
	r, ok := v.p.c.deps.Store.(state.Reader)
	if !ok {
		return &state.Found{Problem: "this store does not give versions back"}, nil
	}
	f, err := state.Find(ctx, r, v.p.key, a)
	if err != nil {
		return nil, fmt.Errorf("reading the version that a command is about: %w", err)
	}
	return f, nil
}
