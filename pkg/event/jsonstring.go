package event

import (
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	eachByte = 0x0101010101010101 // times c: c in each byte
	highBits = 0x8080808080808080
)

// plainEnd returns the index of the first byte at or after i that a string
// cannot hold as it is: a quote, a backslash, a control character, or a byte
// beyond ASCII.
func plainEnd(b []byte, i int) int {
	for ; i < len(b); i += 8 {
		if hit := unplain(word(b, i)); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	return i
}

// unplain marks the bytes of x, by their high bits, that a string cannot hold as
// they are; only the lowest mark is exact. With y = byte ^ c, only y = 0 makes
// (y-1) &^ y reach the high bit, and a borrow from the byte below can deceive
// only above the first hit (Mycroft's test for zero bytes).
func unplain(x uint64) uint64 {
	q := x ^ '"'*eachByte
	s := x ^ '\\'*eachByte
	return ((q-eachByte)&^q | (s-eachByte)&^s | (x-0x20*eachByte)&^x | x) & highBits
}

// unquote appends the string whose text continues at b[i:] to dst and returns
// the index after its closing quote; -1 when it is malformed. As encoding/json
// it puts U+FFFD for each invalid byte and each unpaired surrogate.
func unquote(dst, b []byte, i int) (out []byte, end int) {
	for {
		j := plainEnd(b, i)
		dst = append(dst, b[i:j]...)
		i = j
		switch {
		case i >= len(b) || b[i] < 0x20:
			return dst, -1
		case b[i] == '"':
			return dst, i + 1
		case b[i] == '\\':
			if dst, i = unescape(dst, b, i+1); i < 0 {
				return dst, -1
			}
		default:
			r, n := utf8.DecodeRune(b[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
}

// unescape appends what follows a backslash and returns the index after it.
func unescape(dst, b []byte, i int) (out []byte, end int) {
	if i >= len(b) {
		return dst, -1
	}
	c := b[i]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r := hex4(b, i+1)
		if r < 0 {
			return dst, -1
		}
		i += 5
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if i+1 < len(b) && b[i] == '\\' && b[i+1] == 'u' {
				low = hex4(b, i+2)
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		return utf8.AppendRune(dst, r), i
	default:
		return dst, -1
	}
	return append(dst, c), i + 1
}

// hex4 reads four hexadecimal digits at b[i:]; -1 when they are not there.
func hex4(b []byte, i int) rune {
	if i+4 > len(b) {
		return -1
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
