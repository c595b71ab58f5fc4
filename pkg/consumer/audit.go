package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	maxRecorded = 1024 // audit records that one save carries, so that it holds up the store for no more than a few milliseconds
	mirrorBatch = 256  // audit records written to the mirror at a time
)

// trail returns the audit records of snap that the store lacks, or as many of
// them as one save may carry.
func (v *saver) trail(snap *state.Snapshot, force bool) *state.Trail {
	if snap.Audit == nil {
		return nil
	}
	t := snap.Audit.After(v.chained, maxRecorded)
	t.Force, t.Keep, t.Mirrored = force, v.p.c.cfg.AuditKeep, v.mirror.sent.Load()
	return &t
}

// recorded tells that the records of t, a part of all, are stored, and reports
// whether those are all.
func (v *saver) recorded(t, all *state.Trail) bool {
	if t == nil {
		return true
	}
	end, sum := t.End()
	for i := range t.Entries {
		if t.From+uint64(i) >= v.chained {
			v.p.c.metrics.auditRecords.WithLabelValues(strconv.Itoa(int(v.p.id)), t.Entries[i].Kind).Inc()
		}
	}
	v.chained = end
	v.mirror.offer(end)
	last, lastSum := all.End()
	return end == last && sum == lastSum
}

// mirror copies the stored audit records of a session to a topic, in order and
// each at least once. How far it came is saved with the next state.
type mirror struct {
	p      *partition
	stored atomic.Uint64 // number of the newest stored record
	sent   atomic.Uint64 // number of the newest record that the topic has
	wake   chan struct{}
	last   state.Sum // hash of the record with number sent; zero when unknown
}

func newMirror(p *partition, stored *state.Snapshot) *mirror {
	m := &mirror{p: p, wake: make(chan struct{}, 1)}
	if stored != nil && stored.Audit != nil {
		end, _ := stored.Audit.End()
		m.sent.Store(min(stored.Audit.Mirrored, end))
		m.offer(end)
	}
	return m
}

func (m *mirror) on() bool { return m.p.c.cfg.AuditTopic != "" }

// offer tells that the records up to number n are stored.
func (m *mirror) offer(n uint64) {
	m.stored.Store(n)
	m.show()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// show tells Status and the metrics how far the mirror lags behind.
func (m *mirror) show() {
	if !m.on() {
		return
	}
	stored, sent := m.stored.Load(), m.sent.Load()
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	m.p.view.mirrored, m.p.view.mirrorLag = true, stored-min(stored, sent)
}

func (m *mirror) run(ctx context.Context) {
	if !m.on() {
		return
	}
	b := backoff{first: 100 * time.Millisecond, most: 10 * time.Second}
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		}
		for m.sent.Load() < m.stored.Load() {
			err := m.copy(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				b.failures = 0
				m.p.recovered(troubleMirror)
				continue
			}
			m.p.c.metrics.mirrorErrors.inc(m.p.id)
			m.p.troubled(troubleMirror, fmt.Errorf("audit records are not mirrored to %s: %w", m.p.c.cfg.AuditTopic, err))
			if errors.Is(err, kerr.UnknownTopicOrPartition) {
				m.p.c.prepareMirror(ctx, m.p.cl)
			}
			if b.wait(ctx) != nil {
				return
			}
		}
	}
}

// copy writes the next records to the topic. It reads them from the store: what
// is not stored never happened, and an outage of the topic needs no memory.
func (m *mirror) copy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, letterTimeout)
	defer cancel()
	sent := m.sent.Load()
	chain, err := m.p.c.deps.Store.Audit(ctx, m.p.key, int64(sent), mirrorBatch)
	if err != nil {
		return err
	}
	if len(chain.Records) == 0 {
		return fmt.Errorf("the store has no record after number %d, although it names %d; `streamlearner audit verify %s` tells more", sent, chain.Length, m.p.key)
	}
	var out []*kgo.Record
	next, last := sent+1, m.last
	for i, data := range chain.Records {
		r, err := state.ParseAudit(data)
		if err == nil && (i > 0 || r.Seq == next) && !last.IsZero() && (r.Seq != next || r.Prev != last) {
			err = errors.New("it does not follow the one before it")
		}
		if err != nil {
			return fmt.Errorf("record %d: %w; `streamlearner audit verify %s` tells more", next, err, m.p.key)
		}
		if i == 0 && r.Seq > next {
			m.p.log.Error("audit records were dropped from the store before they were mirrored", "from", next, "to", r.Seq-1)
		}
		out = append(out, &kgo.Record{Topic: m.p.c.cfg.AuditTopic, Key: []byte(m.p.key.String()), Value: data})
		next, last = r.Seq+1, state.SumOf(data)
	}
	if err := m.p.cl.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return err
	}
	m.last = last
	m.sent.Store(next - 1)
	m.show()
	return nil
}
