package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// gap says why a log cannot be read on where a state stands.
type gap struct {
	key        state.Key
	next       state.Position // of the state
	start, end int64          // of the log
	// other says that the log is not the one that the state has learned from:
	// it ends before next, or its leader epochs do not lead there.
	other bool
	// common is where the two logs part, as far as the broker can tell; -1 when it cannot.
	common int64
	// learned and log name the log of the state and the one there is.
	learned, log string
}

func (g *gap) Error() string {
	seek := fmt.Sprintf("`streamlearner seek %s --to %%s --why TEXT`", g.key)
	if !g.other {
		return fmt.Sprintf("kafka no longer has the records from offset %d to %d, which were not learned: the log begins at offset %d; "+
			"to go on with what is left run "+seek+", or restart with `streamlearner run --init`", g.next.Offset, g.start-1, g.start, "start")
	}
	what := fmt.Sprintf("the log of the topic ends at offset %d", g.end)
	to := "end"
	if g.end >= g.next.Offset {
		what = fmt.Sprintf("no log of the topic leads to offset %d in leader epoch %d", g.next.Offset, g.next.LeaderEpoch)
		to = "start"
	}
	if g.learned != g.log {
		what = fmt.Sprintf("the topic is %s, and was %s", g.log, g.learned)
		to = "start"
	}
	if g.common >= 0 {
		what += fmt.Sprintf(" (it parts from the one that was learned at offset %d)", g.common)
		to = fmt.Sprint(g.common)
	}
	return fmt.Sprintf("kafka no longer has what was learned up to offset %d: %s, so the topic was created anew, or records were lost with their leader; "+
		"to keep what was learned and go on in this log run "+seek+" (start, end or an offset from %d to %d); to begin anew give the model a new name",
		g.next.Offset, what, to, g.start, g.end)
}

// inspect compares the log with the state that is to go on at next in the log
// named learned. A nil gap means that it can.
func (p *partition) inspect(ctx context.Context, next state.Position, learned, log string) (*gap, error) {
	g := &gap{key: p.key, next: next, common: -1, learned: learned, log: log, other: learned != log}
	var err error
	if g.start, g.end, err = p.bounds(ctx); err != nil {
		return nil, err
	}
	if g.other || next.Offset < g.start {
		return g, nil
	}
	if next.LeaderEpoch >= 0 {
		var r kadm.OffsetForLeaderEpochRequest
		r.Add(p.c.cfg.Topic, p.id, next.LeaderEpoch)
		ends, err := kadm.NewClient(p.cl).OffsetForLeaderEpoch(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("leader epochs of %s/%d: %w", p.c.cfg.Topic, p.id, err)
		}
		end, ok := ends[p.c.cfg.Topic][p.id]
		if !ok {
			return nil, fmt.Errorf("leader epochs of %s/%d: the broker lists none", p.c.cfg.Topic, p.id)
		}
		if end.Err != nil {
			return nil, fmt.Errorf("leader epochs of %s/%d: %w", p.c.cfg.Topic, p.id, end.Err)
		}
		// -1: the broker has never seen the epoch of the last record that was learned.
		if end.EndOffset < next.Offset {
			g.other, g.common = true, end.EndOffset
		}
	}
	g.other = g.other || g.end < next.Offset
	if g.other {
		return g, nil
	}
	return nil, nil
}

// examine is inspect for a partition that is read already.
func (p *partition) examine(ctx context.Context, next state.Position) (*gap, error) {
	t, err := p.c.lookUp(ctx, p.cl)
	if err != nil {
		return nil, err
	}
	return p.inspect(ctx, next, p.sourceLog(), t.log)
}

// bounds returns the first offset of the log and the one after its last record.
func (p *partition) bounds(ctx context.Context) (start, end int64, err error) {
	adm := kadm.NewClient(p.cl)
	if start, err = listOffset(ctx, adm.ListStartOffsets, p.c.cfg.Topic, p.id); err == nil {
		end, err = listOffset(ctx, adm.ListEndOffsets, p.c.cfg.Topic, p.id)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("bounds of the log of %s/%d: %w", p.c.cfg.Topic, p.id, err)
	}
	return start, end, nil
}

// recordsLost holds the partition, whose next records the client could not
// get, until it is known why. What was learned so far goes on being saved and
// served, and commands are taken.
func (p *partition) recordsLost(cause error) {
	if !p.queue.hold() {
		return
	}
	next := p.queue.position()
	p.troubled(troubleRecords, fmt.Errorf("kafka does not give the records from offset %d on: %w", next, cause))
	p.wg.Go(func() {
		b := backoff{first: 250 * time.Millisecond, most: 30 * time.Second}
		for b.wait(p.ctx) == nil && !p.explain(next, cause) {
		}
	})
}

// explain finds out why the records from offset next on are missing, and reports
// whether nothing is left to be found out.
func (p *partition) explain(next int64, cause error) bool {
	ctx, cancel := context.WithTimeout(p.ctx, p.c.cfg.SaveTimeout)
	defer cancel()
	g, err := p.examine(ctx, state.Position{Offset: next, LeaderEpoch: lossEpoch(cause)})
	switch {
	case p.queue.position() != next: // an operator has it go on elsewhere
	case err != nil:
		p.log.Warn("cannot tell why records are missing", "error", err)
		return false
	case g == nil:
		p.c.seek(p, kgo.EpochOffset{Offset: next, Epoch: -1})
	default:
		p.missing(g)
	}
	return true
}

// lossEpoch is the leader epoch at which the client found a log that was cut; -1 for none.
func lossEpoch(cause error) int32 {
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](cause); ok {
		return loss.ConsumedToEpoch
	}
	return -1
}

// missing notes the gap at which the partition is held.
func (p *partition) missing(g *gap) {
	p.mu.Lock()
	p.gap = g
	p.mu.Unlock()
	p.troubled(troubleRecords, g)
}

func (p *partition) missed() *gap {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gap
}

// initSeek is the decision that Config.Init makes at a gap; ok is false where
// there is nothing to decide.
func (p *partition) initSeek() (c state.Command, ok bool) {
	g := p.missed()
	if g == nil || g.other || !p.c.cfg.Init {
		return state.Command{}, false
	}
	return state.Command{
		ID: fmt.Sprintf("init-%d-%d", g.next.Offset, g.start), Kind: learner.CommandSeek, Who: "run --init",
		Why:  fmt.Sprintf("kafka has deleted the records from offset %d to %d", g.next.Offset, g.start-1),
		Args: state.Args{Offset: g.start},
	}, true
}

// target completes the arguments of a seek, and says what is wrong with them.
func (p *partition) target(ctx context.Context, a state.Args) (state.Args, *state.Found, error) {
	start, end, err := p.bounds(ctx)
	if err != nil {
		return a, nil, err
	}
	switch a.To {
	case "start":
		a.Offset = start
	case "end":
		a.Offset = end
	}
	if a.Offset < start || a.Offset > end {
		return a, &state.Found{Problem: fmt.Sprintf("offset %d is not in the log, which reaches from %d to %d", a.Offset, start, end)}, nil
	}
	return a, nil, nil
}

func (p *partition) sourceLog() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source
}

// sought makes the client read where a seek has put the learner.
func (p *partition) sought(next state.Position) {
	p.queue.hold()
	p.queue.clear()
	p.queue.start(next.Offset)
	p.mu.Lock()
	if p.gap != nil {
		p.source = p.gap.log
	}
	p.gap, p.start = nil, next
	p.mu.Unlock()
	p.c.seek(p, kgo.EpochOffset{Offset: next.Offset, Epoch: -1})
}
