package event

import (
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// maxNgrams is the greatest Schema.Ngrams.
const maxNgrams = 5

// bag turns text into features, one for each distinct word and sequence of
// words. How often a word occurs does not count: on messages of which the
// unwanted are to be found, this predicts better than counts, their logarithms
// or vectors scaled to norm 1.
type bag struct {
	words []byte // the words of a text in lower case, with one space between them
	ends  []int  // where each word ends
	name  []byte // "path=" and the name of a feature
	seen  []bagSlot
	used  int
	stamp uint32 // number of the current text, never 0
}

// bagSlot is a place of an open-addressing table of the hashes in a text.
type bagSlot struct {
	hash  uint64
	stamp uint32
}

func newBag() bag { return bag{seen: make([]bagSlot, 64)} }

// begin starts a text.
func (b *bag) begin() {
	b.words, b.ends, b.used = b.words[:0], b.ends[:0], 0
	b.stamp++
	if b.stamp == 0 {
		clear(b.seen)
		b.stamp = 1
	}
}

// split puts the words of a text into b: its longest runs of letters, marks
// and decimal digits, in lower case.
func (b *bag) split(text []byte) {
	inside := false
	for i := 0; i < len(text); {
		c, n := rune(text[i]), 1
		var isWord bool
		switch {
		case c|0x20-'a' < 26 && c|0x20 >= 'a':
			c, isWord = c|0x20, true
		case c < utf8.RuneSelf:
			isWord = c >= '0' && c <= '9'
		default:
			c, n = utf8.DecodeRune(text[i:])
			isWord = unicode.In(c, unicode.L, unicode.M, unicode.Nd)
			c = unicode.ToLower(c)
		}
		i += n
		switch {
		case isWord && !inside && len(b.words) > 0:
			b.words = append(b.words, ' ')
		case !isWord && inside:
			b.ends = append(b.ends, len(b.words))
		}
		if isWord {
			b.words = utf8.AppendRune(b.words, c)
		}
		inside = isWord
	}
	if inside {
		b.ends = append(b.ends, len(b.words))
	}
}

// find returns the slot of a hash, and whether it is taken: the current text has it.
func (b *bag) find(hash uint64) (s *bagSlot, taken bool) {
	mask := uint64(len(b.seen) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s = &b.seen[i]
		if s.stamp != b.stamp {
			return s, false
		}
		if s.hash == hash {
			return s, true
		}
	}
}

// add reports whether a hash is new to the current text.
func (b *bag) add(hash uint64) bool {
	s, taken := b.find(hash)
	if taken {
		return false
	}
	*s = bagSlot{hash, b.stamp}
	b.used++
	if 2*b.used < len(b.seen) {
		return true
	}
	old := b.seen
	b.seen = make([]bagSlot, 2*len(old))
	for _, o := range old {
		if o.stamp == b.stamp {
			s, _ := b.find(o.hash)
			*s = o
		}
	}
	return true
}

// words adds the features of a text in the field with this path and hash.
func (f *filler) words(id uint64, path, text []byte) {
	b := &f.bag
	b.begin()
	b.split(text)
	b.name = append(append(b.name[:0], path...), '=')
	prefix := len(b.name)
	start := 0
	for i := range b.ends {
		for n := i; n < min(i+f.ngrams, len(b.ends)); n++ {
			b.name = append(b.name[:prefix], b.words[start:b.ends[n]]...)
			if hash := xxhash.Sum64(b.name); b.add(hash) {
				f.e.X.Sparse = append(f.e.X.Sparse, Feature{hash, 1, uint32(id)})
				if f.names != nil {
					f.keepName(hash, string(b.name))
				}
			}
		}
		if f.e.X.Len() > f.limit {
			return
		}
		start = b.ends[i] + 1
	}
}
