package sgd

import (
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// A feature has a number: with hashing the low bits of its hash, and 2^bits for
// the intercept. With `bits: 0` features are numbered in the order in which they appear,
// and no two share a number unless their 64-bit hashes are equal.

// featureSet is a set of features. Its order is ascending with hashing, and that of
// arrival without, so that the bytes of a model do not depend on what it knew before.
type featureSet struct {
	words []uint64 // bit i: feature i is in the set
	ring  []link   // without hashing: the features in order of arrival, each at its number + 1; both ends at 0
	n     int      // without hashing: how many they are
	exact bool
}

// link says what stands before and behind a feature.
type link struct{ prev, next uint32 }

func newFeatureSet(features int, exact bool) featureSet {
	return featureSet{words: make([]uint64, (features+63)/64), ring: make([]link, 1), exact: exact}
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
		for int(j)+1 >= len(s.ring) {
			s.ring = append(s.ring, link{})
		}
		last := s.ring[0].prev
		s.ring[j+1] = link{last, 0}
		s.ring[last].next, s.ring[0].prev = j+1, j+1
		s.n++
	}
	s.words[j>>6] |= 1 << (j & 63)
}

// remove takes feature j, which is in the set, out of it.
func (s *featureSet) remove(j uint32) {
	s.words[j>>6] &^= 1 << (j & 63)
	if s.exact {
		at := s.ring[j+1]
		s.ring[at.prev].next, s.ring[at.next].prev = at.next, at.prev
		s.n--
	}
}

func (s *featureSet) clear() {
	clear(s.words)
	s.ring, s.n = append(s.ring[:0], link{}), 0
}

// set makes s equal to t.
func (s *featureSet) set(t *featureSet) {
	s.words = append(s.words[:0], t.words...)
	s.ring = append(s.ring[:0], t.ring...)
	s.n, s.exact = t.n, t.exact
}

// each calls fn with every feature in order. fn may remove the feature from the set.
func (s *featureSet) each(fn func(j int)) {
	if s.exact {
		if s.n == 0 {
			return
		}
		for at := s.ring[0].next; at != 0; {
			next := s.ring[at].next
			fn(int(at) - 1)
			at = next
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
		return s.n
	}
	n := 0
	for _, word := range s.words {
		n += bits.OnesCount64(word)
	}
	return n
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
