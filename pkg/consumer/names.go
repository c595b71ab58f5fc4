package consumer

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	waitingNames = 64          // sampled records that may wait
	namesPause   = time.Minute // longest time between two writes of names that have changed
)

// namer learns the names of features from some of a session's records. It has
// a goroutine of its own; the session gives it copies and never waits.
type namer struct {
	p       *partition
	keeper  state.NameKeeper
	mu      sync.Mutex // of table
	table   *names.Table
	sampler names.Sampler
	records chan []byte
}

// newNamer returns nil when no names are to be kept.
func newNamer(p *partition) *namer {
	keeper, ok := p.c.deps.Store.(state.NameKeeper)
	if !ok || p.c.deps.Names == nil {
		return nil
	}
	return &namer{p: p, keeper: keeper, table: p.c.deps.Names(), sampler: names.Sampler{Every: names.Every}, records: make(chan []byte, waitingNames)}
}

// offer gives n, which may be nil, a record, of which it keeps nothing.
func (n *namer) offer(record []byte) {
	if n == nil || !n.sampler.Take() {
		return
	}
	select {
	case n.records <- bytes.Clone(record):
	default: // there are enough others
	}
}

func (n *namer) run(ctx context.Context) {
	if n == nil {
		return
	}
	n.restore(ctx)
	pause := n.p.c.cfg.SaveInterval
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-n.records:
			n.mu.Lock()
			n.table.Look(r)
			n.mu.Unlock()
		case <-timer.C:
			n.save(ctx)
			pause = min(2*pause, namesPause)
			timer.Reset(pause)
		}
	}
}

// restore takes over what earlier sessions have learned.
func (n *namer) restore(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, n.p.c.cfg.SaveTimeout)
	defer cancel()
	b, err := n.keeper.Names(ctx, n.p.key)
	var known map[uint64]string
	if err == nil {
		known, err = names.Read(b)
	}
	if err != nil && !errors.Is(err, state.ErrNotFound) && ctx.Err() == nil {
		n.p.log.Warn("cannot read the names of features; they are learned anew", "error", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.table.Restore(known)
}

// name returns the name of a feature; false when it is not known. n may be nil.
func (n *namer) name(hash state.Hash) (string, bool) {
	if n == nil {
		return "", false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.table.Name(uint64(hash))
}

// save stores the names when there are new ones. What fails is tried again later.
func (n *namer) save(ctx context.Context) {
	n.mu.Lock()
	var data []byte
	if n.table.Changed() {
		data = n.table.Append(nil)
	}
	n.mu.Unlock()
	if data == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, n.p.c.cfg.SaveTimeout)
	defer cancel()
	if err := n.keeper.SaveNames(ctx, n.p.key, data); err != nil {
		n.p.log.Debug("cannot store the names of features", "error", err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.table.Stored() // only this goroutine adds names
}
