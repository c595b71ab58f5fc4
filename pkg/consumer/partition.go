package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// errLostState is a partition whose group has consumed it, but whose state is gone.
var errLostState = errors.New("the store has no state of the partition, although its group has consumed it: " +
	"the store has lost its data; restore it from a backup, or begin anew with `streamlearner run --init`")

// partition is one assignment of a partition to this member, from its
// assignment to its revocation. One goroutine runs its sessions one after the
// other; batches and seeks of an earlier assignment belong to another partition
// value and cannot reach it.
type partition struct {
	c     *Consumer
	cl    *kgo.Client
	id    int32
	key   state.Key
	log   *slog.Logger
	queue *queue

	ctx    context.Context // ends when the assignment does
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	source    string          // identity of the log that the state stands in
	gap       *gap            // at which it is held; nil for none
	owner     state.Owner     // the assignment, and the last claim that it held
	begun     bool            // the goroutine was started
	committed int64           // offset committed to the group; negative for none
	start     state.Position  // where the session began
	drain     context.Context // bounds the last save; set before ctx ends
	err       error           // of the last save; set before the goroutine ends
	view      view
}

func newPartition(c *Consumer, cl *kgo.Client, id int32, owner state.Owner) *partition {
	p := &partition{
		c: c, cl: cl, id: id, owner: owner,
		key:       state.Key{Model: c.cfg.Model, Partition: id},
		log:       c.log.With("partition", id),
		committed: -1,
		start:     state.Position{Offset: -1, LeaderEpoch: -1},
		view:      view{highWatermark: -1},
	}
	tp := map[string][]int32{c.cfg.Topic: {id}}
	p.queue = newQueue(c.cfg.QueueRecords,
		func() { cl.PauseFetchPartitions(tp) },
		func() { cl.ResumeFetchPartitions(tp) })
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// begin makes the first attempt to open the partition, starts its goroutine
// and returns the offset to read from. When the attempt failed the partition
// is held, and the goroutine tries again.
func (p *partition) begin(ctx context.Context, committed int64) kgo.Offset {
	p.mu.Lock()
	again := p.begun
	p.committed = committed
	p.mu.Unlock()
	if again {
		return p.offset()
	}
	ctx, cancel := context.WithTimeout(ctx, p.c.cfg.SaveTimeout)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	s, err := p.open(ctx, nil)
	if err != nil {
		p.queue.hold()
		p.queue.start(max(committed, 0))
		p.troubled(troubleClaim, err)
	} else {
		p.queue.start(s.next)
		if p.missed() != nil {
			p.queue.hold()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() == nil {
		p.begun = true
		p.wg.Go(func() { p.run(s) })
	}
	return p.offsetLocked()
}

func (p *partition) offset() kgo.Offset {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offsetLocked()
}

// offsetLocked is where the client is to read on. It is told no leader epoch:
// inspect has compared the logs, and the client, which would do so in the
// background, could come back to this offset after a seek.
func (p *partition) offsetLocked() kgo.Offset { return kgo.NewOffset().At(p.queue.position()) }

// open claims the partition and makes its learner. After a session that ended
// in prev, its learner is kept when the store has lost what prev saved.
func (p *partition) open(ctx context.Context, prev *session) (*session, error) {
	p.mu.Lock()
	owner := p.owner
	p.mu.Unlock()
	claim, snap, err := p.c.deps.Store.Claim(ctx, p.key, owner)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.owner.Held = claim.Number
	p.mu.Unlock()
	t, err := p.c.lookUp(ctx, p.cl)
	if err != nil {
		return nil, err
	}
	if err := p.c.spread(ctx, t, p.id); err != nil && snap == nil && !p.imports(ctx) {
		return nil, err
	}
	var l Learner
	switch {
	case prev != nil && prev.ahead(snap):
		p.c.metrics.rollbacks.inc(p.id)
		p.log.Warn("the store has lost the claim and later saves; writing the state forward", "offset", prev.learner.Next().Offset)
		l = prev.learner
	case snap != nil:
		l, err = p.restore(snap)
	default:
		l, err = p.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	var g *gap
	source := t.log
	if snap != nil || prev != nil { // a new learner begins where the log does
		if snap != nil && snap.Log != "" {
			source = snap.Log
		}
		if g, err = p.inspect(ctx, l.Next(), source, t.log); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	p.start, p.source = l.Next(), source
	p.mu.Unlock()
	session := newSession(p, l, claim, snap)
	if g != nil {
		p.missing(g)
	}
	return session, nil
}

// imports reports whether a command waits that gives the partition a model to begin with.
func (p *partition) imports(ctx context.Context) bool {
	inbox, err := p.c.deps.Store.Inbox(ctx, p.key)
	return err == nil && slices.ContainsFunc(inbox, func(c state.Command) bool { return c.Kind == learner.CommandImport })
}

func (p *partition) restore(snap *state.Snapshot) (Learner, error) {
	l, err := p.c.deps.Restore(snap)
	if errors.Is(err, wire.ErrCorrupt) {
		return nil, fmt.Errorf("state of %s: %w; restore the store from a backup, or give the model a new name", p.key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", p.key, err)
	}
	return l, nil
}

func (p *partition) create(ctx context.Context) (Learner, error) {
	p.mu.Lock()
	committed := p.committed
	p.mu.Unlock()
	if committed > 0 && !p.c.cfg.Init {
		return nil, fmt.Errorf("%w (offset %d is committed)", errLostState, committed)
	}
	start, err := p.c.startPosition(ctx, p.cl, p.id)
	if err != nil {
		return nil, fmt.Errorf("start offset of %s/%d: %w", p.c.cfg.Topic, p.id, err)
	}
	return p.c.deps.New(start)
}

// run is the partition's goroutine. A session ends early when the store
// refuses its writes; then the claim is asked for again, which a later owner of
// the partition makes fail.
func (p *partition) run(s *session) {
	b := backoff{first: 250 * time.Millisecond, most: 30 * time.Second}
	var prev *session
	for {
		if s != nil {
			err := s.run()
			if p.ctx.Err() != nil {
				p.err = err
				return
			}
			p.queue.hold()
			p.troubled(troubleClaim, err)
			if s.saves > 0 {
				b.failures = 0
			}
			prev = s
		}
		if b.wait(p.ctx) != nil {
			return
		}
		var err error
		if s, err = p.reopen(prev); err != nil {
			p.troubled(troubleClaim, err)
			if errors.Is(err, state.ErrFenced) || errors.Is(err, state.ErrForeign) {
				prev = nil // somebody else goes on from here
			}
		}
	}
}

// reopen opens a held partition and asks for its records.
func (p *partition) reopen(prev *session) (*session, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.c.cfg.SaveTimeout)
	defer cancel()
	s, err := p.open(ctx, prev)
	if err != nil {
		return nil, err
	}
	p.queue.clear()
	if p.missed() != nil {
		return s, nil // held until an operator has decided
	}
	p.c.seek(p, kgo.EpochOffset{Offset: p.start.Offset, Epoch: -1})
	return s, nil
}

// handOver gives records to the goroutine.
func (p *partition) handOver(batch []*kgo.Record, highWatermark int64) {
	p.mu.Lock()
	p.view.highWatermark = highWatermark
	p.view.troubles[troubleKafka] = ""
	p.mu.Unlock()
	p.queue.push(batch)
}

// proceed ends a hold after the client was set to offset.
func (p *partition) proceed(offset int64) {
	p.recovered(troubleClaim)
	p.recovered(troubleRecords)
	p.queue.release(offset)
	p.log.Info("partition resumed", "offset", offset)
}

// close ends the goroutine and returns the error of its last save, which drain
// bounds or forbids.
func (p *partition) close(drain context.Context) error {
	p.queue.hold()
	p.mu.Lock()
	p.drain = drain
	p.cancel()
	p.mu.Unlock()
	p.wg.Wait()
	// The client remembers pauses beyond the assignment.
	p.cl.ResumeFetchPartitions(map[string][]int32{p.c.cfg.Topic: {p.id}})
	if p.err != nil {
		p.log.Error("the last save failed", "error", p.err)
	}
	return p.err
}
