package consumer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"sync/atomic"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// tally is a learner whose state shows every record that was lost, repeated or
// fed out of order: a hash chain over offsets and values. It refuses values
// that begin with "bad" and is due for a save every few records.
type tally struct {
	body    tallyBody
	every   uint64
	acks    []state.Ack
	rewound bool
	out     learner.Outcome
	gate    *gate
	trail   state.Trail // a record of every checkpoint and command
}

type tallyBody struct {
	Next    state.Position
	Fed     uint64
	Refused uint64
	Chain   uint64
	Frozen  bool
	Taken   []string // ids of commands
	Records uint64   // audit records
	Record  state.Sum
}

// gate makes learners wait before records whose value has a prefix, while it is shut.
type gate struct{ shut atomic.Pointer[barrier] }

type barrier struct {
	prefix []byte
	opened chan struct{}
}

func (g *gate) close(prefix string) (open func()) {
	b := &barrier{prefix: []byte(prefix), opened: make(chan struct{})}
	g.shut.Store(b)
	return func() { g.shut.Store(nil); close(b.opened) }
}

func (g *gate) pass(value []byte) {
	if b := g.shut.Load(); b != nil && bytes.HasPrefix(value, b.prefix) {
		<-b.opened
	}
}

func newTally(every uint64, start state.Position) *tally {
	return &tally{every: every, gate: &gate{}, body: tallyBody{Next: start}}
}

func restoreTally(every uint64, s *state.Snapshot) (*tally, error) {
	t := &tally{every: every, gate: &gate{}}
	if err := json.Unmarshal(s.Head, &t.body); err != nil {
		return nil, fmt.Errorf("corrupt state: %w", err)
	}
	if len(s.Blobs) != 1 || !bytes.Equal(s.Blobs[0].Data, t.blob().Data) {
		return nil, fmt.Errorf("corrupt state: the blob is not the chain")
	}
	t.trail.From, t.trail.Sum = t.body.Records, t.body.Record
	if n, sum := s.Audit.End(); n == t.body.Records && sum == t.body.Record {
		t.trail = state.Trail{From: s.Audit.From, Sum: s.Audit.Sum, Entries: s.Audit.Entries}
	}
	return t, nil
}

func (t *tally) record(kind, why string) {
	t.body.Records++
	r := state.AuditRecord{Seq: t.body.Records, Prev: t.body.Record, Kind: kind, Who: state.Automation, Why: why, Next: t.body.Next, Fed: t.body.Fed}
	data := r.Bytes()
	t.body.Record = state.SumOf(data)
	t.trail.Entries = append(t.trail.Entries, state.AuditEntry{Kind: kind, Sum: t.body.Record, Data: data})
}

// blob changes every 1,024 records, so that saves with and without new blobs happen.
func (t *tally) blob() state.Blob {
	data := binary.BigEndian.AppendUint64(nil, t.body.Fed>>10)
	return state.Blob{Sum: state.SumOf(data), Data: data}
}

func chain(prev uint64, offset int64, value []byte) uint64 {
	h := fnv.New64a()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], prev)
	binary.BigEndian.PutUint64(b[8:], uint64(offset))
	h.Write(b[:])
	h.Write(value)
	return h.Sum64()
}

func (t *tally) Feed(r learner.Record) *learner.Outcome {
	t.gate.pass(r.Value)
	if r.Offset < t.body.Next.Offset {
		panic(fmt.Sprintf("offset %d fed where %d is next", r.Offset, t.body.Next.Offset))
	}
	t.out = learner.Outcome{}
	t.body.Fed++
	t.body.Chain = chain(t.body.Chain, r.Offset, r.Value)
	t.body.Next = state.Position{Offset: r.Offset + 1, LeaderEpoch: r.LeaderEpoch}
	if bytes.HasPrefix(r.Value, []byte("bad")) {
		t.body.Refused++
		t.out.Reject = &event.Rejection{Reason: event.Syntax, Field: "value", Detail: "it is bad"}
	}
	if t.out.Save = t.body.Fed%t.every == 0; t.out.Save {
		t.record(state.AuditPublish, "")
	}
	return &t.out
}

func (t *tally) Next() state.Position { return t.body.Next }

func (t *tally) ApplyTo(c state.Command, f *state.Found) *learner.Outcome {
	if slices.Contains(t.body.Taken, c.ID) { // its journal knows it
		t.acks = append(t.acks, state.Ack{ID: c.ID, Offset: t.body.Next.Offset})
		t.out = learner.Outcome{Save: true}
		return &t.out
	}
	if f != nil && f.Problem != "" {
		t.acks = append(t.acks, state.Ack{ID: c.ID, Offset: t.body.Next.Offset, Error: f.Problem})
		return &t.out
	}
	if c.Kind == learner.CommandSeek && c.Args.Offset < t.body.Next.Offset && !c.Args.Lost {
		t.acks = append(t.acks, state.Ack{ID: c.ID, Offset: t.body.Next.Offset, Error: "records would be learned twice"})
		return &t.out
	}
	if c.Kind == learner.CommandSeek {
		t.rewound = t.rewound || c.Args.Offset < t.body.Next.Offset
		t.body.Next = state.Position{Offset: c.Args.Offset, LeaderEpoch: -1}
	}
	was := t.body.Frozen
	t.body.Frozen = c.Kind == learner.CommandFreeze
	t.body.Taken = append(t.body.Taken, c.ID)
	t.record(state.AuditCommand, c.Why)
	t.acks = append(t.acks, state.Ack{ID: c.ID, Offset: t.body.Next.Offset})
	t.out = learner.Outcome{Save: true}
	if was != t.body.Frozen {
		t.out.Change = &learner.Transition{Offset: t.body.Next.Offset, To: learner.Frozen, Cause: "operator"}
	}
	return &t.out
}

func (t *tally) AtCheckpoint() bool { return (t.body.Fed+1)%t.every == 0 }

func (t *tally) Capture() func() *state.Snapshot {
	s := t.snapshot()
	return func() *state.Snapshot { return s }
}

func (t *tally) snapshot() *state.Snapshot {
	head, err := json.Marshal(t.body)
	if err != nil {
		panic(err)
	}
	b := t.blob()
	trail := t.trail
	return &state.Snapshot{
		Audit: &trail,
		Next:  t.body.Next, Head: head, Refs: []state.Sum{b.Sum}, Blobs: []state.Blob{b},
		Done: append([]state.Ack(nil), t.acks...), Rewind: t.rewound,
	}
}

func (t *tally) Saved(s *state.Snapshot) {
	t.acks, t.rewound = t.acks[len(s.Done):], t.rewound && !s.Rewind
}

func (t *tally) Evaluations() []learner.EvaluationStats { return nil }
func (t *tally) Judge() []event.RailReport              { return nil }

func (t *tally) Occupancy() (event.Occupancy, bool) { return event.Occupancy{Used: 3, Slots: 16}, true }

func (t *tally) Stats() learner.Stats {
	s := learner.Stats{Fed: t.body.Fed, Learned: t.body.Fed - t.body.Refused}
	s.Rejected[event.Syntax] = t.body.Refused
	if t.body.Frozen {
		s.Mode = learner.Frozen
	}
	return s
}
