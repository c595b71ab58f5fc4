package learner

import (
	"fmt"
	"sync"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// origin is the whole state that a checkpoint was taken from, the checkpoint
// itself included: its head, and the parameters that the head names. A version
// keeps it, so that its records can be replayed from there.
//
// The head of an origin does not name the origins of its own checkpoints, else
// every version would keep all versions before it.
type origin struct {
	blob func() *state.Blob
	refs []*params // in the order of the head; some may be there twice
}

// takeOrigin copies the state. The large parts are encoded later, as in Capture.
func (l *Learner) takeOrigin() *origin {
	w := headWriter{}
	head := l.appendHead(nil, &w)
	o := &origin{}
	for _, m := range w.marks {
		o.refs = append(o.refs, m.params)
	}
	o.blob = sync.OnceValue(func() *state.Blob {
		for _, m := range w.marks {
			m.fill(head)
		}
		data := wire.Seal(head, 0)
		return &state.Blob{Sum: state.SumOf(data), Data: data}
	})
	return o
}

// blobs calls fn with every blob of o, those of parameters in done excepted.
func (o *origin) blobs(done map[*params]struct{}, fn func(*state.Blob)) {
	fn(o.blob())
	for _, p := range o.refs {
		if _, ok := done[p]; !ok {
			done[p] = struct{}{}
			p.blobs(fn)
		}
	}
}

// parts lists the blobs that a version of this checkpoint needs besides that of
// its parameters: the parts of those, and all that its origin is made of.
func (c *checkpoint) parts() []state.Sum {
	out := c.params.sums()
	if c.origin == nil {
		return out
	}
	seen := map[state.Sum]struct{}{c.params.blob().Sum: {}}
	for _, s := range out {
		seen[s] = struct{}{}
	}
	c.origin.blobs(map[*params]struct{}{}, func(b *state.Blob) {
		if _, ok := seen[b.Sum]; !ok {
			seen[b.Sum] = struct{}{}
			out = append(out, b.Sum)
		}
	})
	return out
}

// headWriter notes where the sums of large parts belong in a head.
type headWriter struct {
	marks   []mark
	origins bool // name the origins of checkpoints, too
}

// mark is a place in the head where a sum belongs, that of one of these three.
type mark struct {
	at     int
	params *params
	origin *origin
	record func() state.Sum // the newest audit record
}

func (m *mark) fill(head []byte) {
	var sum state.Sum
	switch {
	case m.params != nil:
		sum = m.params.blob().Sum
	case m.origin != nil:
		sum = m.origin.blob().Sum
	default:
		sum = m.record()
	}
	copy(head[m.at:], sum[:])
}

// referTrail encodes the end of the audit trail. An origin has none: what was
// recorded until then says nothing of what is learned from there on.
func (w *headWriter) referTrail(b []byte, t *trail) []byte {
	if !w.origins {
		t = &trail{}
	}
	b = t.append(b)
	if t.length > 0 {
		w.marks = append(w.marks, mark{at: len(b), record: t.head})
	}
	return append(b, make([]byte, len(state.Sum{}))...)
}

// refer makes room for the sum of p.
func (w *headWriter) refer(b []byte, p *params) []byte {
	w.marks = append(w.marks, mark{at: len(b), params: p})
	return append(b, make([]byte, len(state.Sum{}))...)
}

// referOrigin makes room for the sums of o and of its parameters. Without an
// origin it writes stored, the one that the store keeps with the version (zeros
// for none), and no parameters.
func (w *headWriter) referOrigin(b []byte, o *origin, stored state.Sum) []byte {
	if !w.origins {
		o, stored = nil, state.Sum{}
	}
	if o == nil {
		b = append(b, stored[:]...)
		return wire.AppendUvarint(b, 0)
	}
	w.marks = append(w.marks, mark{at: len(b), origin: o})
	b = append(b, make([]byte, len(state.Sum{}))...)
	b = wire.AppendUvarint(b, uint64(len(o.refs)))
	for _, p := range o.refs {
		b = w.refer(b, p)
	}
	return b
}

// readOrigin reads what referOrigin wrote.
func readOrigin(r *wire.Reader, parts *storedParts) (*origin, state.Sum) {
	sum := readSum(r)
	o := &origin{}
	for range r.Count(len(sum)) {
		p, err := parts.params(readSum(r))
		if err != nil {
			r.Fail("state of a version: %v", err)
		}
		o.refs = append(o.refs, p)
	}
	if len(o.refs) == 0 {
		return nil, sum
	}
	b := parts.blob(sum)
	if b == nil {
		r.Fail("state %s of a version is missing", sum)
		return nil, sum
	}
	o.blob = func() *state.Blob { return b }
	return o, sum
}

// storedParts finds the large parts that a head names.
type storedParts struct {
	blob  func(state.Sum) *state.Blob // nil when it is missing
	found map[state.Sum]*params
}

func newStoredParts(blob func(state.Sum) *state.Blob) *storedParts {
	return &storedParts{blob: blob, found: map[state.Sum]*params{}}
}

// params returns the parameters with that sum, the same ones every time.
func (s *storedParts) params(sum state.Sum) (*params, error) {
	if p, ok := s.found[sum]; ok {
		return p, nil
	}
	p, err := findParams(sum, s.blob)
	if err == nil {
		s.found[sum] = p
	}
	return p, err
}

// RestoreVersion continues from the whole state that version v was taken from,
// right after its checkpoint. fetch reads blobs of the version's partition.
// Settings are compared as in Restore.
func RestoreVersion(cfg Config, v *state.Version, fetch func(state.Sum) ([]byte, error)) (*Learner, error) {
	if v.State.IsZero() {
		return nil, fmt.Errorf("version %d has no state that it was taken from", v.Number)
	}
	head, err := fetch(v.State)
	if err != nil {
		return nil, fmt.Errorf("state of version %d: %w", v.Number, err)
	}
	var failed error
	l, err := restore(cfg, v.Next, head, nil, func(sum state.Sum) *state.Blob {
		data, err := fetch(sum)
		if err != nil {
			failed = err
			return nil
		}
		return &state.Blob{Sum: sum, Data: data}
	})
	if failed != nil {
		return nil, fmt.Errorf("state of version %d: %w", v.Number, failed)
	}
	return l, err
}
