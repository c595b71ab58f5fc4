package sgd

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// Merge returns the encoded model, or change, that a model or change and the
// changes after it, in order, come to: the same bytes as if it had been
// captured at their end. It uses nothing of m and works on the encoded
// features as they are, so that it needs no second model in memory.
func (m *Model) Merge(parts ...[]byte) ([]byte, error) {
	out, err := merge(parts)
	if err != nil {
		return nil, fmt.Errorf("sgd: merge %d parts: %w", len(parts), err)
	}
	return out, nil
}

// features are the encoded features of one part.
type features struct {
	n     int
	bytes []byte // each its key and its numbers
}

func merge(parts [][]byte) ([]byte, error) {
	if len(parts) == 0 {
		return nil, errors.New("nothing to merge")
	}
	for i := len(parts) - 1; i > 0; i-- {
		if wire.KindOf(parts[i]) == wire.KindSGD { // a whole model, in the place of a change
			parts = parts[i:]
			break
		}
	}
	kind := wire.KindOf(parts[0])
	var first, p plan
	var head []byte
	lists := make([]features, len(parts))
	for i, part := range parts {
		want := wire.KindSGDDelta
		if i == 0 && kind == wire.KindSGD {
			want = kind
		}
		var r *wire.Reader
		var err error
		if p, r, err = openEnvelope(part, want); err != nil {
			return nil, fmt.Errorf("part %d: %w", i, err)
		}
		if i == 0 {
			first = p
		} else if err := first.compatible(&p); err != nil {
			return nil, fmt.Errorf("part %d: %w", i, err)
		}
		readHead(&p, r)
		if p.optimizer == optRLS { // the last part becomes the model as it is, which joining would have checked
			whole := *r
			p.readRLS(&whole, p.countPositions(&whole))
			if err := whole.Close(); err != nil {
				return nil, fmt.Errorf("part %d: %w", i, err)
			}
		}
		body := part[:len(part)-wire.ChecksumLen]
		head = body[wire.HeaderLen : len(body)-r.Len()]
		lists[i].n = r.Count(1 + p.width())
		lists[i].bytes = r.Take(r.Len())
		if r.Err() != nil {
			return nil, fmt.Errorf("part %d: %w", i, r.Err())
		}
	}
	if p.optimizer == optRLS {
		return parts[len(parts)-1], nil
	}
	var all features
	var err error
	if p.bits == 0 {
		all, err = p.joinExact(lists)
	} else {
		// The base is the largest by far: it is walked once, with all changes merged.
		all, err = p.joinTree(lists[1:])
		if err == nil && len(lists) > 1 {
			all, err = p.join(lists[0], all)
		} else if err == nil {
			all = lists[0]
		}
	}
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(head)+len(all.bytes)+32)
	b = append(wire.Begin(b, kind, formatVersion), head...)
	b = wire.AppendUvarint(b, uint64(all.n))
	return wire.Seal(append(b, all.bytes...), 0), nil
}

// width is the number of bytes of a feature's numbers.
func (p *plan) width() int { return 8 * p.floats() * p.rowCount() }

// joinTree joins lists, the newest last.
func (p *plan) joinTree(lists []features) (features, error) {
	switch len(lists) {
	case 0:
		return features{}, nil
	case 1:
		return lists[0], nil
	}
	old, err := p.joinTree(lists[:len(lists)/2])
	if err != nil {
		return features{}, err
	}
	fresh, err := p.joinTree(lists[len(lists)/2:])
	if err != nil {
		return features{}, err
	}
	return p.join(old, fresh)
}

// cursor walks over the features of a list, with hashing.
type cursor struct {
	r       *wire.Reader
	plan    *plan
	left    int
	width   int
	key     int // of the feature at hand; beyond all when there is none
	numbers []byte
}

const beyond = int(^uint(0) >> 1)

func (p *plan) cursor(f features) *cursor {
	c := &cursor{r: wire.NewReader(f.bytes), plan: p, left: f.n, width: p.width(), key: -1}
	c.next()
	return c
}

func (c *cursor) next() {
	if c.left == 0 || c.r.Err() != nil {
		c.key = beyond
		return
	}
	c.left--
	c.key = readIndex(c.r, c.key, c.plan.bits)
	c.numbers = c.r.Take(c.width)
}

// join joins two lists of hashed features; where both have a feature, that of fresh counts.
func (p *plan) join(old, fresh features) (features, error) {
	out := features{bytes: make([]byte, 0, len(old.bytes)+len(fresh.bytes))}
	a, b, last := p.cursor(old), p.cursor(fresh), -1
	for a.key != beyond || b.key != beyond {
		from := a
		if b.key <= a.key {
			from = b
		}
		out.bytes = wire.AppendUvarint(out.bytes, uint64(from.key-last))
		out.bytes = append(out.bytes, from.numbers...)
		out.n++
		if last = from.key; from == b && a.key == b.key {
			a.next()
		}
		from.next()
	}
	for _, c := range []*cursor{a, b} {
		if err := c.r.Close(); err != nil {
			return features{}, err
		}
	}
	return out, nil
}

// joinExact joins lists of features by hash, in order of arrival.
func (p *plan) joinExact(lists []features) (features, error) {
	var out features
	width, at := p.width(), map[uint64]int{}
	for _, f := range lists {
		r := wire.NewReader(f.bytes)
		for i := range f.n {
			raw := r.Take(8 + width)
			if r.Err() != nil {
				return features{}, r.Err()
			}
			hash := wire.NewReader(raw).Uint64()
			old, known := at[hash]
			switch {
			case i == 0 && out.n > 0: // the intercept
				copy(out.bytes, raw)
			case i > 0 && known:
				copy(out.bytes[old:], raw)
			default:
				if i > 0 {
					at[hash] = len(out.bytes)
				}
				out.bytes = append(out.bytes, raw...)
				out.n++
			}
		}
		if err := r.Close(); err != nil {
			return features{}, err
		}
	}
	return out, nil
}
