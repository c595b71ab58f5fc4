package sgd

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// A change is what has been learned since the last Mark. It is encoded like a
// whole model (AppendBinary), with kind KindSGDDelta, but lists only the
// features that were learned: the rest of a model is small and stands in a
// change in full. With recursive least squares, where every event moves every
// weight, a change is the whole model.

// has reports whether feature j has been learned.
func (m *Model) has(j uint32) bool {
	return m.before.has(j) || int(j>>6) < len(m.changed) && m.changed[j>>6]>>(j&63)&1 == 1
}

// touched returns the features that have been learned. Learning notes them in
// changed alone, so that an event writes to one set only.
func (m *Model) touched() *featureSet {
	if m.exact == nil {
		for w, word := range m.changed {
			if word&^m.before.words[w] != 0 {
				m.before.words[w] |= word
			}
		}
	}
	return &m.before
}

// change notes the features of the event as learned, without hashing.
func (m *Model) change() {
	for i := range m.act {
		if a := &m.act[i]; a.x != 0 {
			m.enlist(a.idx >> (m.shift & 31))
		}
	}
}

// enlist notes that feature j was learned, or came with a change.
func (m *Model) enlist(j uint32) {
	for int(j>>6) >= len(m.changed) {
		m.changed = append(m.changed, 0)
	}
	m.changed[j>>6] |= 1 << (j & 63)
	if m.exact != nil {
		m.before.add(j)
	}
}

// Mark lets the next change begin.
func (m *Model) Mark() {
	if m.exact == nil {
		for w, word := range m.changed {
			if word != 0 {
				m.before.words[w] |= word
			}
		}
	}
	clear(m.changed)
}

// count is the number of features that have changed since the last Mark.
func (m *Model) count() (n int) {
	for _, word := range m.changed {
		n += bits.OnesCount64(word)
	}
	return n
}

// Footprint returns about how many bytes the change since the last Mark takes,
// and the whole model. The same events give the same numbers.
func (m *Model) Footprint() (change, whole int) {
	head, feature := 256+48*m.scaler.Len()+len(m.calibration)*m.p.calibrate.Size(), 2+m.p.width()
	whole = head + m.touched().len()*feature
	if m.p.optimizer == optRLS {
		whole += 8 * (len(m.rls.d) + len(m.rls.u))
		return whole, whole
	}
	return head + m.count()*feature, whole
}

// Capture copies the model, or what has changed since the last Mark, and
// returns a function that appends the encoded copy. The function may be called
// at any time, while the model learns on.
func (m *Model) Capture(whole bool) func(b []byte) []byte {
	kind := wire.KindSGD
	if whole = whole || m.p.optimizer == optRLS; !whole {
		kind = wire.KindSGDDelta
	}
	c := &capture{exact: m.exact != nil, width: m.p.width() / 8, head: m.appendHead(nil, kind), tail: m.appendRLS(nil)}
	if whole {
		set := m.touched()
		c.features(m, set.words, set.len())
	} else {
		c.features(m, m.changed, m.count())
	}
	return c.append
}

// capture is a copy of some features of a model and of all else in it.
type capture struct {
	exact   bool
	width   int      // numbers of a feature
	head    []byte   // with the begin of the envelope
	keys    []uint32 // of features
	hashes  []uint64 // exact: theirs
	numbers []float64
	tail    []byte
}

// features copies the n features of a set.
func (c *capture) features(m *Model, set []uint64, n int) {
	c.keys, c.numbers = make([]uint32, 0, n), make([]float64, n*c.width)
	if c.exact {
		m.before.each(func(j int) {
			if set[j>>6]>>(j&63)&1 == 1 {
				c.keys, c.hashes = append(c.keys, uint32(j)), append(c.hashes, m.exact.hashes[j])
			}
		})
	} else {
		for w, word := range set {
			for ; word != 0; word &= word - 1 {
				c.keys = append(c.keys, uint32(w<<6+bits.TrailingZeros64(word)))
			}
		}
	}
	// The slots lie all over the memory: little is done for each, so that the
	// processor fetches many at once.
	if c.width == 3 && c.width == m.p.floats() { // one row of one slot
		slots, shift, out := m.slots, m.shift&31, c.numbers
		for i, j := range c.keys {
			s, v := &slots[j<<shift], out[3*i:3*i+3:3*i+3]
			v[0], v[1], v[2] = s.W, s.G, s.N
		}
		return
	}
	if c.width > 5 && c.width == m.p.floats() { // one row of two slots
		slots, shift, out := m.slots, m.shift&31, c.numbers
		for i, j := range c.keys {
			at := j << shift
			s, v := slots[at:at+2:at+2], out[c.width*i:c.width*(i+1)]
			v[0], v[1], v[2], v[3], v[4], v[5] = s[0].W, s[0].G, s[0].N, s[1].W, s[1].G, s[1].N
			if len(v) > 6 {
				v[6] = s[1].R.number()
			}
		}
		return
	}
	floats, rows, out := m.p.floats(), m.p.rowCount(), c.numbers
	for _, j := range c.keys {
		for k := range rows {
			v := m.numbers(int(j)<<m.shift + k*m.lanes)
			copy(out[:floats], v[:])
			out = out[floats:]
		}
	}
}

func (c *capture) append(b []byte) []byte {
	start := len(b)
	if b == nil {
		b = make([]byte, 0, len(c.head)+len(c.tail)+(2+8*c.width)*len(c.keys)+8*len(c.hashes)+32)
	}
	b = append(b, c.head...)
	b = wire.AppendUvarint(b, uint64(len(c.keys)))
	last := -1
	for i, key := range c.keys {
		if c.exact {
			b = wire.AppendUint64(b, c.hashes[i])
		} else {
			b = wire.AppendUvarint(b, uint64(int(key)-last))
			last = int(key)
		}
		for _, v := range c.numbers[i*c.width : (i+1)*c.width] {
			b = wire.AppendFloat64(b, v)
		}
	}
	return wire.Seal(append(b, c.tail...), start)
}

// ApplyChange makes of the model that a change began with the one that it
// ended with. What it brings counts as changed since the last Mark. Bytes of
// another configuration, or damaged ones, are refused and change nothing.
func (m *Model) ApplyChange(b []byte) error {
	if wire.KindOf(b) == wire.KindSGD {
		if err := m.UnmarshalBinary(b); err != nil {
			return err
		}
		m.before.each(func(j int) { m.enlist(uint32(j)) })
		return nil
	}
	p, r, err := openEnvelope(b, wire.KindSGDDelta)
	if err != nil {
		return fmt.Errorf("sgd: read change: %w", err)
	}
	if err := m.p.compatible(&p); err != nil {
		return fmt.Errorf("sgd: read change: %w", err)
	}
	h := readHead(&m.p, r)
	if r.Err() == nil && m.p.optimizer == optRLS {
		r.Fail("a change of some features only, but recursive least squares moves all")
	}
	body := *r // read once to check everything, then again to take it over
	m.p.readSlots(r, false, func(key, int, *[maxFloats]float64) {})
	if err := r.Close(); err != nil {
		return fmt.Errorf("sgd: read change: %w", err)
	}
	m.p.readSlots(&body, true, func(id key, k int, v *[maxFloats]float64) {
		j := m.resolve(id)
		m.setNumbers(int(j)<<m.shift+k*m.lanes, v)
		m.enlist(j)
	})
	m.takeHead(&h)
	return nil
}

// After returns the model that m becomes by changes, of which there must be at
// least one. m stays as it is, so others may score with it meanwhile. The new
// model has no references.
func (m *Model) After(changes ...[]byte) (*Model, error) {
	if len(changes) == 0 {
		return nil, errors.New("sgd: no changes to a model")
	}
	n, err := New(m.cfg)
	if err != nil {
		return nil, err
	}
	n.slots = slices.Clone(m.slots)
	for i := range n.slots {
		if m.lanes == 1 || i%2 == 0 {
			n.slots[i].R = 0
		}
	}
	n.before.set(&m.before)
	n.changed = slices.Clone(m.changed)
	if m.exact != nil {
		n.exact = &directory{hashes: slices.Clone(m.exact.hashes), table: slices.Clone(m.exact.table)}
	}
	for _, b := range changes { // everything but features is in the change
		if err := n.ApplyChange(b); err != nil {
			return nil, err
		}
	}
	n.Mark()
	return n, nil
}
