package event

import "math/bits"

// The constants of XXH64, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
const (
	xxPrime1 = 11400714785074694791
	xxPrime2 = 14029467366897019727
	xxPrime3 = 1609587929392839161
	xxPrime4 = 9650029242287828579
	xxPrime5 = 2870177450012600261
)

// prefixHash is the xxHash (XXH64, seed 0) of a text as far as its beginning
// determines it, in the order in which XXH64 takes the bytes: first in stripes
// of 32, of which the last must end within the beginning, then in words of 8.
type prefixHash struct {
	after   [8]uint64 // what stripes and words make, when so many bytes follow
	base    uint64    // what the stripes make, and the length
	words   [3]uint64 // the words behind the stripes, each mixed for itself
	part    uint64    // the bytes behind the words, in the lowest bits
	n       uint8     // of the words
	partial uint8     // bits of part, below 64
	room    uint8     // how many more bits do not complete a stripe
}

func newPrefixHash(text []byte) prefixHash {
	p := prefixHash{base: xxPrime5}
	size := uint64(len(text))
	if len(text) >= 32 {
		var v1, v2, v3, v4 uint64 = xxPrime1, xxPrime2, 0, 0
		v1 += xxPrime2
		v4 -= xxPrime1
		for ; len(text) >= 32; text = text[32:] {
			v1 = xxRound(v1, word(text, 0))
			v2 = xxRound(v2, word(text, 8))
			v3 = xxRound(v3, word(text, 16))
			v4 = xxRound(v4, word(text, 24))
		}
		p.base = bits.RotateLeft64(v1, 1) + bits.RotateLeft64(v2, 7) + bits.RotateLeft64(v3, 12) + bits.RotateLeft64(v4, 18)
		for _, v := range [...]uint64{v1, v2, v3, v4} {
			p.base = (p.base^xxRound(0, v))*xxPrime1 + xxPrime4
		}
	}
	p.base += size
	p.room = uint8(8 * (31 - len(text)))
	for ; len(text) >= 8; text = text[8:] {
		p.words[p.n] = xxRound(0, word(text, 0))
		p.n++
	}
	p.part, p.partial = word(text, 0), uint8(8*len(text))
	for n := range p.after {
		p.after[n] = p.begin(n)
	}
	return p
}

// begin returns what stripes and words make, when n bytes follow.
func (p *prefixHash) begin(n int) uint64 {
	h := p.base + uint64(n)
	for _, w := range p.words[:p.n] {
		h = xxMix(h, w)
	}
	return h
}

func xxRound(acc, word uint64) uint64 {
	return bits.RotateLeft64(acc+word*xxPrime2, 31) * xxPrime1
}

func xxMix(h, mixed uint64) uint64 {
	return bits.RotateLeft64(h^mixed, 27)*xxPrime1 + xxPrime4
}

// sum returns the hash of the beginning followed by b[i:i+n]; 8n must not
// exceed p.room.
func (p *prefixHash) sum(b []byte, i, n int) uint64 {
	h := p.begin(n)
	// The words of the text are those of b, moved up by the bytes of p.part.
	part, up := p.part, p.partial&63
	for ; n >= 8; n -= 8 {
		x := word(b, i)
		h = xxMix(h, xxRound(0, part|x<<up))
		part = x >> 1 >> (63 - up)
		i += 8
	}
	return xxEnd(h, part, uint(up), word(b, i)&(1<<(8*n)-1), uint(8*n))
}

// sumWord is sum for fewer than 8 bytes: x, of which this many bits count and
// the others are 0.
func (p *prefixHash) sumWord(x uint64, size uint) uint64 {
	return xxEnd(p.after[size/8&7], p.part, uint(p.partial), x, size)
}

// xxEnd mixes the bytes of part, up bits, and then those of x, size bits, into h; both
// are below 64. Which steps there are depends on lengths that are hard to
// predict; so it takes all of them and chooses among the results, which needs no
// jumps.
func xxEnd(h, part uint64, up uint, x uint64, size uint) uint64 {
	up &= 63
	left := up + size
	rest := part | x<<up
	full := xxMix(h, xxRound(0, rest))
	over := x >> 1 >> ((63 - up) & 63)
	if left >= 64 {
		h = full
	}
	if left >= 64 {
		rest = over
	}
	left &= 63
	half := bits.RotateLeft64(h^rest&(1<<32-1)*xxPrime1, 23)*xxPrime2 + xxPrime3
	if left >= 32 {
		h = half
	}
	rest >>= left & 32
	left &= 31
	one := bits.RotateLeft64(h^rest&0xff*xxPrime5, 11) * xxPrime1
	if left >= 8 {
		h = one
	}
	two := bits.RotateLeft64(h^rest>>8&0xff*xxPrime5, 11) * xxPrime1
	if left >= 16 {
		h = two
	}
	three := bits.RotateLeft64(h^rest>>16&0xff*xxPrime5, 11) * xxPrime1
	if left >= 24 {
		h = three
	}
	h ^= h >> 33
	h *= xxPrime2
	h ^= h >> 29
	h *= xxPrime3
	return h ^ h>>32
}
