package event

import (
	"math"
	"math/bits"
)

// shortNumber reads a JSON number of up to 8 characters without its sign and
// without exponent, and returns the length of its text; 0 when b[i:], which has
// at least 9 bytes, begins with something else.
//
// It looks at 8 bytes at once. The first that is no digit is the end, or a point
// and the next one the end. The point is closed up, the digits moved to the high
// end of the word, and neighbours added up in pairs: to four numbers below 100,
// two below 10,000, and one. See D. Lemire, "Number parsing at a gigabyte per
// second", Software: Practice and Experience 51 (2021),
// https://doi.org/10.1002/spe.2984. The division by a power of ten is exact in
// both operands, and so rounds once.
func shortNumber(b []byte, i int) (v float64, n int) {
	if b[i] == '-' {
		n = 1
	}
	sign := uint64(n) << 63
	i += n
	x := inside(b, i) ^ '0'*eachByte // a digit is its value
	other := ((x + (0x80-10)*eachByte) | x) & highBits
	first := bits.TrailingZeros64(other) >> 3
	if first == 0 || x&0xff == 0 && first > 1 {
		return 0, 0
	}
	last, fraction := first, 0
	if byte(x>>(8*first&63)) == '.'^'0' && first < 8 {
		last = bits.TrailingZeros64(other&(other-1)) >> 3
		fraction = last - first - 1
		if fraction == 0 {
			return 0, 0
		}
		whole := uint64(1)<<(8*first&63) - 1
		x = x&whole | x>>8&^whole
		x <<= 8 * (9 - last) & 63
	} else {
		x <<= 8 * (8 - last) & 63
	}
	if i += last; i < len(b) && (b[i]|0x20 == 'e' || last == 8 && (b[i] == '.' || b[i]-'0' <= 9)) {
		return 0, 0
	}
	x = x*10 + x>>8
	x = (x&0x000000ff000000ff*(100+1000000<<32) + x>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
	v = float64(uint32(x)) / pow10[fraction&15]
	return math.Float64frombits(math.Float64bits(v) | sign), n + last
}
