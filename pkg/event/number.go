package event

import (
	"math"
	"strconv"
)

// pow10 holds the powers of ten that a float64 represents exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// maxMantissaDigits is how many decimal digits always fit in a uint64.
const maxMantissaDigits = 19

// decimal is a decimal number without its sign: mantissa * 10^exp. With more
// than 19 digits the mantissa has wrapped around and only the text counts.
type decimal struct {
	mantissa    uint64
	exp, digits int
}

// float returns the number that text writes and x was read from, correctly
// rounded; infinite when it is too large for a float64.
//
// Most numbers take a single rounding: one exact number times or divided by
// another (Clinger, "How to read floating point numbers accurately", PLDI 1990,
// https://doi.org/10.1145/93542.93557). The others are left to strconv; their
// text is copied, which costs an allocation beyond 32 bytes.
func (x decimal) float(text []byte) float64 {
	v := float64(x.mantissa)
	switch {
	case x.digits > maxMantissaDigits:
		return parseLong(text)
	case x.exp == 0:
	case x.mantissa > 1<<53 || x.exp < -22 || x.exp > 22:
		return parseLong(text)
	case x.exp < 0:
		v /= pow10[-x.exp]
	default:
		v *= pow10[x.exp]
	}
	if text[0] == '-' {
		v = -v
	}
	return v
}

func parseLong(text []byte) float64 {
	v, _ := strconv.ParseFloat(string(text), 64)
	return v
}

// scanNumber reads the JSON number at b[i:] and returns the index after it; -1
// when it is malformed.
func scanNumber(b []byte, i int) (x decimal, end int) {
	if b[i] == '-' {
		i++
	}
	first := i
	for i < len(b) && b[i]-'0' <= 9 {
		x.mantissa = x.mantissa*10 + uint64(b[i]-'0')
		i++
	}
	x.digits = i - first
	if x.digits == 0 || x.digits > 1 && b[first] == '0' {
		return x, -1
	}
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for i < len(b) && b[i]-'0' <= 9 {
			x.mantissa = x.mantissa*10 + uint64(b[i]-'0')
			i++
		}
		if i == point {
			return x, -1
		}
		x.exp = point - i
		x.digits -= x.exp
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		e, after := scanExponent(b, i+1)
		x.exp += e
		return x, after
	}
	return x, i
}

// scanExponent reads an optionally signed integer; -1 when there is none.
// Beyond the range of a float64 its exact value does not matter.
func scanExponent(b []byte, i int) (e, end int) {
	negative := false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		negative = b[i] == '-'
		i++
	}
	first := i
	for i < len(b) && b[i]-'0' <= 9 {
		e = min(e*10+int(b[i]-'0'), 1<<20)
		i++
	}
	if i == first {
		return 0, -1
	}
	if negative {
		e = -e
	}
	return e, i
}

// parseText reads text that is a decimal number and nothing else: an optional
// sign, digits with an optional point among or around them, an optional
// exponent. The value is infinite when it is too large. Unlike JSON it allows
// "+1", ".5", "5." and leading zeros; unlike Go no hexadecimals, underscores or names.
func parseText(b []byte) (v float64, ok bool) {
	i := 0
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		i++
	}
	var x decimal
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		x.mantissa = x.mantissa*10 + uint64(b[i]-'0')
		x.digits++
	}
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
			x.mantissa = x.mantissa*10 + uint64(b[i]-'0')
			x.digits++
			x.exp--
		}
	}
	if x.digits == 0 {
		return 0, false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		e, after := scanExponent(b, i+1)
		if after < 0 {
			return 0, false
		}
		x.exp, i = x.exp+e, after
	}
	if i != len(b) {
		return 0, false
	}
	return x.float(b), true
}

// isNonFiniteName reports whether text spells NaN or an infinity as the common
// number formats do: nan, inf, infinity, in any case, with an optional sign.
func isNonFiniteName(b []byte) bool {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	return equalFold(b, "nan") || equalFold(b, "inf") || equalFold(b, "infinity")
}

// equalFold compares b with lower-case ASCII.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// isInteger reports whether text is digits with an optional minus sign.
func isInteger(text []byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	for _, c := range text {
		if c-'0' > 9 {
			return false
		}
	}
	return len(text) > 0
}

// appendCategory appends the text that stands for a number used as a category.
// An integer keeps its digits, so that long identifiers stay distinct. Any
// other number gets the shortest text that reads back as the same float64,
// written as ECMAScript does: no exponent for 1e-6 <= |v| < 1e21. So 7, 7.0
// and 7e0 are one category, "7".
func appendCategory(dst, text []byte, v float64) []byte {
	if isInteger(text) && v != 0 {
		return append(dst, text...)
	}
	if v == 0 {
		return append(dst, '0')
	}
	if a := math.Abs(v); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, 64)
	// ECMAScript writes e-7 where Go writes e-07.
	if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
