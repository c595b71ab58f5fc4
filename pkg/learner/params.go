package learner

import (
	"errors"
	"fmt"
	"sync"

	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	// wholeBytes is the default of Config.WholeBytes.
	wholeBytes = 1 << 20
	// fanout is the default of Config.Fanout.
	fanout = 16
	// maxUnencoded bounds the copies that wait to be encoded. The saver encodes
	// them soon; where nobody saves, as in a replay, the learner must in the end.
	maxUnencoded = 64 << 20
)

// params are the parameters of the model at one moment: a base, which is a whole
// model, and what was learned since as changes, oldest first.
//
// Nothing in it changes. What takes time (encoding, merging, hashing) is done
// when it is first asked for, on whatever goroutine, and gives the same bytes
// whenever that is: which parts there are is decided when they are captured, by
// numbers that depend on the records alone.
type params struct {
	parts   []*part
	changed int                // bytes captured as changes since the base
	blob    func() *state.Blob // the whole model, or the manifest
}

// part is one blob of parameters.
type part struct {
	span uint64 // checkpoints that a change spans; 0 for a base
	data func() []byte
	sum  func() state.Sum
	from func() []state.Sum // what a change was merged from; nil when it was not
}

func newPart(span uint64, data func() []byte) *part {
	data = sync.OnceValue(data)
	return &part{span: span, data: data, sum: sync.OnceValue(func() state.Sum { return state.SumOf(data()) })}
}

// storedPart is a part that was read from a store.
func storedPart(span uint64, b *state.Blob) *part {
	return &part{span: span, data: func() []byte { return b.Data }, sum: func() state.Sum { return b.Sum }}
}

func newParams(changed int, parts ...*part) *params {
	p := &params{parts: parts, changed: changed}
	p.blob = sync.OnceValue(func() *state.Blob {
		if len(p.parts) == 1 {
			return &state.Blob{Sum: p.parts[0].sum(), Data: p.parts[0].data()}
		}
		m := state.Manifest{Changed: uint64(p.changed)}
		for _, part := range p.parts {
			piece := state.Part{Sum: part.sum(), Size: uint64(len(part.data())), Span: part.span}
			if part.from != nil {
				piece.From = part.from()
			}
			m.Parts = append(m.Parts, piece)
		}
		data := m.Append(nil)
		return &state.Blob{Sum: state.SumOf(data), Data: data}
	})
	return p
}

// whole returns parameters of one part, a whole model. A change by itself, and
// an encoded reference, are held in the same way.
func whole(data func() []byte) *params { return newParams(0, newPart(0, data)) }

// sums lists the sums of the parts besides that of the blob.
func (p *params) sums() []state.Sum {
	if len(p.parts) == 1 {
		return nil
	}
	out := make([]state.Sum, len(p.parts))
	for i, part := range p.parts {
		out[i] = part.sum()
	}
	return out
}

// blobs calls fn with every blob of p.
func (p *params) blobs(fn func(*state.Blob)) {
	fn(p.blob())
	if len(p.parts) > 1 {
		for _, part := range p.parts {
			fn(&state.Blob{Sum: part.sum(), Data: part.data()})
		}
	}
}

// load puts the parameters into a model.
func (p *params) load(m Model) error {
	if err := m.UnmarshalBinary(p.parts[0].data()); err != nil {
		return err
	}
	changes := make([][]byte, len(p.parts)-1)
	for i, part := range p.parts[1:] {
		changes[i] = part.data()
	}
	return Change(m, changes...)
}

// Change applies encoded changes to the whole model that they began with.
func Change(m Model, changes ...[]byte) error {
	if len(changes) == 0 {
		return nil
	}
	inc, ok := m.(Incremental)
	if !ok {
		return errors.New("the parameters have changes, which this kind of model does not know")
	}
	for i, b := range changes {
		if err := inc.ApplyChange(b); err != nil {
			return fmt.Errorf("change %d: %w", i+1, err)
		}
	}
	inc.Mark()
	return nil
}

// findParams returns the parameters with that sum out of the blobs of a snapshot; nil
// when some are missing.
func findParams(sum state.Sum, blob func(state.Sum) *state.Blob) (*params, error) {
	b := blob(sum)
	if b == nil {
		return nil, fmt.Errorf("parameters %s are missing", sum)
	}
	if !state.IsManifest(b.Data) {
		p := newParams(0, storedPart(0, b))
		p.blob = func() *state.Blob { return b }
		return p, nil
	}
	m, err := state.ParseManifest(b.Data)
	if err != nil {
		return nil, fmt.Errorf("parameters %s: %w", sum, err)
	}
	var parts []*part
	for _, want := range m.Parts {
		piece := blob(want.Sum)
		if piece == nil {
			return nil, fmt.Errorf("part %s of the parameters %s is missing", want.Sum, sum)
		}
		p := storedPart(want.Span, piece)
		if len(want.From) > 0 {
			p.from = func() []state.Sum { return want.From }
		}
		parts = append(parts, p)
	}
	p := newParams(int(m.Changed), parts...)
	p.blob = func() *state.Blob { return b }
	return p, nil
}

// live is where the model that learns stands.
type live struct {
	base  *params // parameters at the last advance; what is learned is a change to them
	stale bool    // something was learned since
}

// advance makes the parameters of now the base of the changes to come, and
// returns them. It copies what has changed and leaves the rest for later. It is
// called at fixed counts of events only, since it decides what parts there are.
func (l *Learner) advance() *params {
	if !l.live.stale {
		return l.live.base
	}
	l.live = live{base: l.capture()}
	if l.inc != nil {
		l.inc.Mark()
	}
	return l.live.base
}

func (l *Learner) capture() *params {
	if l.inc == nil {
		return l.wholeModel()
	}
	change, all := l.inc.Footprint()
	if all <= l.cfg.whole() || 2*change >= all {
		return whole(l.later(all, true))
	}
	old := l.live.base
	parts := append(old.parts[:len(old.parts):len(old.parts)], newPart(1, l.later(change, false)))
	if changed := old.changed + change; 2*changed <= all {
		return newParams(changed, bundle(parts, l.cfg.fanout(), l.inc.Merge)...)
	}
	return newParams(0, merged(0, parts, l.inc.Merge))
}

// later copies the model, or what has changed, and returns the function that encodes the copy.
func (l *Learner) later(size int, whole bool) func() []byte {
	if l.unencoded += size; l.unencoded > maxUnencoded {
		for _, part := range l.live.base.parts {
			part.data()
		}
		l.unencoded = size
	}
	encode := l.inc.Capture(whole)
	return func() []byte { return encode(nil) }
}

// bundle merges the last changes while there are fanout of the same span, so
// that parts stay few however many checkpoints there were, and each change is
// written again only a few times.
func bundle(parts []*part, fanout int, merge func(...[]byte) ([]byte, error)) []*part {
	for n := fanout; len(parts) > n; {
		last := parts[len(parts)-n:]
		if last[0].span != last[n-1].span {
			break
		}
		parts = append(parts[:len(parts)-n], merged(uint64(n)*last[0].span, last, merge))
	}
	return parts
}

// merged is one part instead of several.
func merged(span uint64, parts []*part, merge func(...[]byte) ([]byte, error)) *part {
	parts = append([]*part(nil), parts...)
	out := newPart(span, func() []byte {
		data := make([][]byte, len(parts))
		for i, p := range parts {
			data[i] = p.data()
		}
		b, err := merge(data...)
		if err != nil { // by a defect in the model alone
			panic(fmt.Sprintf("learner: changes do not merge that follow each other: %v", err))
		}
		return b
	})
	if span > 0 {
		out.from = sync.OnceValue(func() []state.Sum {
			sums := make([]state.Sum, len(parts))
			for i, p := range parts {
				sums[i] = p.sum()
			}
			return sums
		})
	}
	return out
}

func (c *Config) whole() int {
	if c.WholeBytes > 0 {
		return c.WholeBytes
	}
	return wholeBytes
}

func (c *Config) fanout() int {
	if c.Fanout > 0 {
		return c.Fanout
	}
	return fanout
}
