package sgd

import (
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// A feature has a number: with hashing the low bits of its hash, and 2^bits for
// the intercept. With `bits: 0` features are numbered in the order in which they appear,
// and no two share a number unless their 64-bit hashes are equal.

// featureSet is a set of features. Its order is ascending with hashing, and that of
// arrival without, so that the bytes of a model do not depend on what it knew before.
type featureSet struct {
	words []uint64 // bit i: feature i is in the set
	order []uint32 // without hashing: the features in order of arrival
	exact bool
}

func newFeatureSet(features int, exact bool) featureSet {
	return featureSet{words: make([]uint64, (features+63)/64), exact: exact}
}

// has reports whether feature j is in the set.
func (s *featureSet) has(j uint32) bool {
	return int(j>>6) < len(s.words) && s.words[j>>6]>>(j&63)&1 == 1
}

// add puts feature j into the set.
func (s *featureSet) add(j uint32) {
	if s.exact {
		if s.has(j) {
			return
		}
		for int(j>>6) >= len(s.words) {
			s.words = append(s.words, 0)
		}
		s.order = append(s.order, j)
	}
	s.words[j>>6] |= 1 << (j & 63)
}

func (s *featureSet) clear() {
	clear(s.words)
	s.order = s.order[:0]
}

// set makes s equal to t.
func (s *featureSet) set(t *featureSet) {
	s.words = append(s.words[:0], t.words...)
	s.order = append(s.order[:0], t.order...)
	s.exact = t.exact
}

// each calls fn with every feature in order.
func (s *featureSet) each(fn func(j int)) {
	if s.exact {
		for _, j := range s.order {
			fn(int(j))
		}
		return
	}
	for w, word := range s.words {
		for ; word != 0; word &= word - 1 {
			fn(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// len returns the number of features in the set.
func (s *featureSet) len() int {
	if s.exact {
		return len(s.order)
	}
	n := 0
	for _, word := range s.words {
		n += bits.OnesCount64(word)
	}
	return n
}

// directory numbers features by their hashes, in the order in which they are
// added. 0 is the intercept, and 1 stands for all features that are not known:
// its weights are 0 for ever.
type directory struct {
	hashes []uint64 // of each number
	table  []uint32 // open addressing by hash; 0 for free
}

const (
	exactHome    = 0
	exactUnknown = 1
	exactTable   = 64 // first size of the table
)

func newDirectory() *directory {
	return &directory{hashes: make([]uint64, 2), table: make([]uint32, exactTable)}
}

// number returns the number of a hash, exactUnknown when there is none.
func (d *directory) number(hash uint64) uint32 {
	mask := uint64(len(d.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		j := d.table[i]
		if j == 0 {
			return exactUnknown
		}
		if d.hashes[j] == hash {
			return j
		}
	}
}

// add returns the number of a hash that had none.
func (d *directory) add(hash uint64) uint32 {
	d.hashes = append(d.hashes, hash)
	if 2*len(d.hashes) > len(d.table) {
		d.table = make([]uint32, 2*len(d.table))
		for j := 2; j < len(d.hashes); j++ {
			d.insert(uint32(j))
		}
	} else {
		d.insert(uint32(len(d.hashes) - 1))
	}
	return uint32(len(d.hashes) - 1)
}

// insert puts number j into the table.
func (d *directory) insert(j uint32) {
	mask := uint64(len(d.table) - 1)
	i := d.hashes[j] & mask
	for d.table[i] != 0 {
		i = (i + 1) & mask
	}
	d.table[i] = j
}

// cut forgets all but the first n numbers: the last added is the last of its
// chain in the table, so that nothing is found behind it.
func (d *directory) cut(n int) {
	mask := uint64(len(d.table) - 1)
	for j := len(d.hashes) - 1; j >= n; j-- {
		i := d.hashes[j] & mask
		for d.table[i] != uint32(j) {
			i = (i + 1) & mask
		}
		d.table[i] = 0
	}
	d.hashes = d.hashes[:n]
}

// enter returns the number of a hash, with slots for it.
func (m *Model) enter(hash uint64) uint32 {
	j := m.exact.number(hash)
	if j == exactUnknown {
		j = m.exact.add(hash)
		m.slots = append(m.slots, make([]slot, 1<<(m.shift&31))...)
	}
	return j
}

// locate puts the numbers of the known features into the gathered event.
func (m *Model) locate(e *event.Event) {
	act := m.act[1:]
	for i := range e.X.Dense {
		act[i].idx = uint32(m.position(e.X.Dense[i].Hash))
	}
	act = act[len(e.X.Dense):]
	for i := range e.X.Sparse {
		act[i].idx = uint32(m.position(e.X.Sparse[i].Hash))
	}
}

// learnExact is learnGathered without hashing: it makes room for the features
// that are new, and takes it back when the event is refused.
func (m *Model) learnExact(e *event.Event, y, h float64) event.Step {
	known, act := len(m.exact.hashes), m.act[1:]
	room := func(a *active, hash uint64) {
		if a.idx>>(m.shift&31) == exactUnknown {
			a.idx = m.enter(hash) << (m.shift & 31)
		}
	}
	for i := range e.X.Dense {
		room(&act[i], e.X.Dense[i].Hash)
	}
	act = act[len(e.X.Dense):]
	for i := range e.X.Sparse {
		room(&act[i], e.X.Sparse[i].Hash)
	}
	s := m.learnGathered(e, y, h)
	if s.Reject != nil {
		m.forget(known)
	}
	return s
}

// forget takes back the features from number n on.
func (m *Model) forget(n int) {
	if n < len(m.exact.hashes) {
		m.exact.cut(n)
		clear(m.slots[n<<m.shift:])
		m.slots = m.slots[:n<<m.shift]
	}
}

// position returns where the slots of a hash are in m.slots.
func (m *Model) position(hash uint64) int {
	if m.exact != nil {
		return int(m.exact.number(hash)) << (m.shift & 31)
	}
	return int(hash&m.mask) << (m.shift & 31)
}

// keyWriter appends the keys of a set's features: with hashing the distance of the
// feature to the one before (the first: to -1), without its hash (of the intercept, always the first, 0).
type keyWriter struct {
	m    *Model
	last int
}

func (w *keyWriter) append(b []byte, j int) []byte {
	if w.m.exact != nil {
		return wire.AppendUint64(b, w.m.exact.hashes[j])
	}
	b = wire.AppendUvarint(b, uint64(j-w.last))
	w.last = j
	return b
}

// keyReader reads what keyWriter wrote.
type keyReader struct {
	bits int
	last int
	n    int
	seen map[uint64]bool // nil when they were checked before
}

// newKeyReader returns a reader that checks the keys, or trusts them.
func (p *plan) newKeyReader(trust bool) keyReader {
	k := keyReader{bits: p.bits, last: -1}
	if p.bits == 0 && !trust {
		k.seen = map[uint64]bool{}
	}
	return k
}

// key is a feature as it is encoded.
type key struct {
	id    uint64 // its number with hashing, else its hash
	first bool
}

// next reads a key. Errors are left in r.
func (k *keyReader) next(r *wire.Reader) key {
	k.n++
	out := key{first: k.n == 1}
	if k.bits > 0 {
		k.last = readIndex(r, k.last, k.bits)
		out.id = uint64(k.last)
		return out
	}
	out.id = r.Uint64()
	switch {
	case r.Err() != nil:
	case out.first && out.id != 0:
		r.Fail("the first feature is %016x, it must be the intercept", out.id)
	case !out.first && k.seen != nil:
		if k.seen[out.id] {
			r.Fail("feature %016x twice", out.id)
		}
		k.seen[out.id] = true
	}
	return out
}

// resolve returns the number of a feature that was read, and makes room for it.
func (m *Model) resolve(k key) uint32 {
	switch {
	case m.exact == nil:
		return uint32(k.id)
	case k.first:
		return exactHome
	default:
		return m.enter(k.id)
	}
}

// readIndex reads the distance from feature last to the next one.
func readIndex(r *wire.Reader, last, bits int) int {
	d := r.Uvarint()
	if r.Err() == nil && (d == 0 || d > uint64(1<<bits-last)) {
		r.Fail("feature %d steps after feature %d of %d", d, last, 1<<bits)
		return last
	}
	return last + int(d)
}
