package dataset

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// appender appends a value of one type as JSON; not ok for a null.
type appender func(dst []byte, v parquet.Value) (_ []byte, ok bool)

// appenderOf returns the appender for a leaf column:
//
//   - an integer is a number; a float is one with the fewest digits that read
//     back as the same 32-bit or 64-bit float; NaN and the infinities are 1e999,
//     which decoders refuse as not finite;
//   - a decimal is a number with all its digits;
//   - text, enumerations and UUIDs are strings, JSON is what it says;
//   - a timestamp is RFC 3339 text in UTC (which one without a zone is taken
//     for), a date 2006-01-02, a time 15:04:05.999999999;
//   - other bytes are a string when they are UTF-8, as older writers store
//     text, and base64 otherwise.
func appenderOf(t parquet.Type, element *format.SchemaElement) (appender, error) {
	kind := t.Kind()
	switch l := logical(t).(type) {
	case *format.StringType, *format.EnumType:
		return func(dst []byte, v parquet.Value) ([]byte, bool) { return appendString(dst, v.ByteArray()), true }, nil
	case *format.JsonType:
		return appendJSON, nil
	case *format.UUIDType:
		return appendUUID, nil
	case *format.DecimalType:
		return decimalAppender(kind, l.Scale)
	case *format.IntType:
		if !l.IsSigned {
			return unsignedAppender(kind), nil
		}
	case *format.DateType:
		return func(dst []byte, v parquet.Value) ([]byte, bool) {
			return time.Unix(int64(v.Int32())*secondsOfDay, 0).UTC().AppendFormat(dst, `"2006-01-02"`), true
		}, nil
	case *format.TimeType:
		return timeAppender(kind, l.Unit, `"15:04:05.999999999"`)
	case *format.TimestampType:
		return timeAppender(kind, l.Unit, `"`+time.RFC3339Nano+`"`)
	case *format.NullType:
		return func(dst []byte, _ parquet.Value) ([]byte, bool) { return dst, false }, nil
	}
	if _, ok := element.LogicalType.Value.(*format.Float16Type); ok { // the library takes it for two bytes
		return appendFloat16, nil
	}
	return plainAppender(kind)
}

// plainAppender returns the appender for a type that has nothing but its kind.
func plainAppender(kind parquet.Kind) (appender, error) {
	switch kind {
	case parquet.Boolean:
		return func(dst []byte, v parquet.Value) ([]byte, bool) { return strconv.AppendBool(dst, v.Boolean()), true }, nil
	case parquet.Int32:
		return func(dst []byte, v parquet.Value) ([]byte, bool) {
			return strconv.AppendInt(dst, int64(v.Int32()), 10), true
		}, nil
	case parquet.Int64:
		return func(dst []byte, v parquet.Value) ([]byte, bool) { return strconv.AppendInt(dst, v.Int64(), 10), true }, nil
	case parquet.Int96:
		return appendInt96, nil
	case parquet.Float:
		return func(dst []byte, v parquet.Value) ([]byte, bool) {
			return appendFloat(dst, float64(v.Float()), 32), true
		}, nil
	case parquet.Double:
		return func(dst []byte, v parquet.Value) ([]byte, bool) { return appendFloat(dst, v.Double(), 64), true }, nil
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return appendBytes, nil
	}
	return nil, fmt.Errorf("its type %v is not supported", kind)
}

func unsignedAppender(kind parquet.Kind) appender {
	if kind == parquet.Int32 {
		return func(dst []byte, v parquet.Value) ([]byte, bool) {
			return strconv.AppendUint(dst, uint64(v.Uint32()), 10), true
		}
	}
	return func(dst []byte, v parquet.Value) ([]byte, bool) { return strconv.AppendUint(dst, v.Uint64(), 10), true }
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "1e999"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// appendFloat16 appends an IEEE 754 half-precision float, stored little-endian.
func appendFloat16(dst []byte, v parquet.Value) ([]byte, bool) {
	b := v.ByteArray()
	if len(b) != 2 {
		return dst, false
	}
	h := binary.LittleEndian.Uint16(b)
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var x float64
	switch exponent {
	case 0:
		x = math.Ldexp(fraction, -24)
	case 0x1f:
		x = math.Inf(1)
	default:
		x = math.Ldexp(fraction+1024, exponent-25)
	}
	if h>>15 == 1 {
		x = -x
	}
	return appendFloat(dst, x, 32), true
}

func appendBytes(dst []byte, v parquet.Value) ([]byte, bool) {
	b := v.ByteArray()
	if utf8.Valid(b) {
		return appendString(dst, b), true
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(dst, '"'), true
}

// appendJSON appends the value of a JSON column, as text when it is damaged.
func appendJSON(dst []byte, v parquet.Value) ([]byte, bool) {
	var compact bytes.Buffer
	if json.Compact(&compact, v.ByteArray()) != nil {
		return appendString(dst, v.ByteArray()), true
	}
	return append(dst, compact.Bytes()...), compact.String() != "null"
}

func appendUUID(dst []byte, v parquet.Value) ([]byte, bool) {
	b := v.ByteArray()
	if len(b) != 16 {
		return appendBytes(dst, v)
	}
	dst = hex.AppendEncode(append(dst, '"'), b[:4])
	for _, part := range [4][]byte{b[4:6], b[6:8], b[8:10], b[10:]} {
		dst = hex.AppendEncode(append(dst, '-'), part)
	}
	return append(dst, '"'), true
}

const (
	secondsOfDay  = 24 * 60 * 60
	julianDay1970 = 2440588 // the Julian day of 1970-01-01
)

// appendInt96 appends the deprecated timestamp: nanoseconds of the day in the
// first 8 bytes, the Julian day in the last 4.
func appendInt96(dst []byte, v parquet.Value) ([]byte, bool) {
	x := v.Int96()
	nanos := int64(uint64(x[0]) | uint64(x[1])<<32)
	t := time.Unix((int64(int32(x[2]))-julianDay1970)*secondsOfDay, nanos)
	return t.UTC().AppendFormat(dst, `"`+time.RFC3339Nano+`"`), true
}

// timeAppender returns the appender of a count of units since 1970 or midnight.
func timeAppender(kind parquet.Kind, unit format.TimeUnit, layout string) (appender, error) {
	since := time.UnixMilli
	switch unit.Value.(type) {
	case *format.MilliSeconds:
	case *format.MicroSeconds:
		since = time.UnixMicro
	case *format.NanoSeconds:
		since = func(n int64) time.Time { return time.Unix(0, n) }
	default:
		return nil, errors.New("its unit of time is not supported")
	}
	return func(dst []byte, v parquet.Value) ([]byte, bool) {
		n := v.Int64()
		if kind == parquet.Int32 {
			n = int64(v.Int32())
		}
		return since(n).UTC().AppendFormat(dst, layout), true
	}, nil
}

// maxScale is more digits after the point than any decimal type has.
const maxScale = 1000

// decimalAppender returns the appender of whole numbers of units of 10^-scale.
func decimalAppender(kind parquet.Kind, scale int32) (appender, error) {
	if scale < 0 || scale > maxScale {
		return nil, fmt.Errorf("its decimal scale %d is not between 0 and %d", scale, maxScale)
	}
	return func(dst []byte, v parquet.Value) ([]byte, bool) {
		switch kind {
		case parquet.Int32:
			return appendDecimal(dst, strconv.FormatInt(int64(v.Int32()), 10), int(scale)), true
		case parquet.Int64:
			return appendDecimal(dst, strconv.FormatInt(v.Int64(), 10), int(scale)), true
		default:
			return appendDecimal(dst, bigEndian(v.ByteArray()).String(), int(scale)), true
		}
	}, nil
}

// bigEndian reads a whole number in two's complement.
func bigEndian(b []byte) *big.Int {
	x := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return x
}

// appendDecimal appends the digits, with a minus sign or not, with the point
// before the last scale of them.
func appendDecimal(dst []byte, digits string, scale int) []byte {
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	whole := len(digits) - scale
	switch {
	case scale == 0:
		return append(dst, digits...)
	case whole > 0:
		dst = append(dst, digits[:whole]...)
		return append(append(dst, '.'), digits[whole:]...)
	}
	dst = append(dst, '0', '.')
	dst = append(dst, bytes.Repeat([]byte{'0'}, -whole)...)
	return append(dst, digits...)
}
