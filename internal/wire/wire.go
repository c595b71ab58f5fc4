// Package wire holds the primitives of every binary format of streamlearner:
// append-style writers, a reader that latches its first error, and the sealed
// envelope (magic, kind, version, checksum) around each stored object.
//
// All integers are little-endian or LEB128 varints, all floats are IEEE 754
// bits. docs/format specifies what is built from these.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// Kind says what an envelope holds.
type Kind byte

// The kinds of stored objects. A number is never given a second meaning.
const (
	KindState           Kind = 1  // head of a partition's state (pkg/learner)
	KindSGD             Kind = 2  // parameters and optimizer state of an SGD model
	KindBandit          Kind = 3  // statistics of a bandit
	KindReference       Kind = 4  // a frozen detector reference
	KindCommand         Kind = 5  // an operator command
	KindFactor          Kind = 6  // parameters and optimizer state of a factorization model
	KindManifest        Kind = 7  // the blobs that make up the parameters of a large model (pkg/state)
	KindSGDDelta        Kind = 8  // what changed in an SGD model
	KindNames           Kind = 9  // names of features (internal/names)
	KindEncode          Kind = 10 // encodings of features around a model (internal/encode)
	KindEncodeReference Kind = 11 // the same around a frozen detector reference
	KindExport          Kind = 12 // a version by itself (pkg/state)
	KindJoin            Kind = 13 // decisions that wait for their rewards (pkg/join)
	KindJoinLog         Kind = 14 // what was done to them since (pkg/join)
)

// ErrCorrupt is wrapped by every error that a damaged or truncated object causes.
var ErrCorrupt = errors.New("corrupt")

const magic0, magic1 = 'S', 'L'

// An envelope is a header, a body and a checksum, of which these are the sizes in bytes.
const (
	HeaderLen   = 4
	ChecksumLen = 8
)

// Begin appends the header of an envelope and returns the extended slice.
// Remember len(b) before the call and give it to Seal.
func Begin(b []byte, kind Kind, version byte) []byte {
	return append(b, magic0, magic1, byte(kind), version)
}

// Seal appends the checksum (xxHash64, seed 0) of b[start:] to b.
func Seal(b []byte, start int) []byte {
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b[start:]))
}

// KindOf returns the kind that an envelope claims, 0 when b is none.
func KindOf(b []byte) Kind {
	if len(b) < HeaderLen || b[0] != magic0 || b[1] != magic1 {
		return 0
	}
	return Kind(b[2])
}

// Open checks an envelope and returns its version and a reader of its payload.
func Open(b []byte, kind Kind) (version byte, r *Reader, err error) {
	if len(b) < HeaderLen+ChecksumLen {
		return 0, nil, fmt.Errorf("%w: %d bytes are too few for an envelope", ErrCorrupt, len(b))
	}
	if b[0] != magic0 || b[1] != magic1 {
		return 0, nil, fmt.Errorf("%w: no streamlearner envelope (starts with % x)", ErrCorrupt, b[:2])
	}
	if Kind(b[2]) != kind {
		return 0, nil, fmt.Errorf("%w: object of kind %d where kind %d was expected", ErrCorrupt, b[2], kind)
	}
	body, sum := b[:len(b)-ChecksumLen], binary.LittleEndian.Uint64(b[len(b)-ChecksumLen:])
	if got := xxhash.Sum64(body); got != sum {
		return 0, nil, fmt.Errorf("%w: checksum %016x, computed %016x", ErrCorrupt, sum, got)
	}
	return b[3], NewReader(body[HeaderLen:]), nil
}

// AppendUvarint appends v as an unsigned LEB128 varint.
func AppendUvarint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// AppendVarint appends v as a zig-zag varint.
func AppendVarint(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// AppendUint64 appends v as eight bytes.
func AppendUint64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// AppendFloat64 appends the bits of v as eight bytes.
func AppendFloat64(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// AppendFloat32 appends the bits of v as four bytes.
func AppendFloat32(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

// AppendFloats appends the length of v and its values.
func AppendFloats(b []byte, v []float64) []byte {
	b = AppendUvarint(b, uint64(len(v)))
	for _, x := range v {
		b = AppendFloat64(b, x)
	}
	return b
}

// AppendBool appends one byte, 0 or 1.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendBytes appends the length of v and v.
func AppendBytes(b, v []byte) []byte { return append(AppendUvarint(b, uint64(len(v))), v...) }

// AppendString appends the length of s and s.
func AppendString(b []byte, s string) []byte { return append(AppendUvarint(b, uint64(len(s))), s...) }

// Reader reads what the Append functions wrote. After the first error every
// read returns a zero value; ask Err or Close once at the end.
type Reader struct {
	b   []byte
	err error
}

// NewReader reads from b, which must not change meanwhile.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Fail records err unless an earlier one stands; it wraps ErrCorrupt.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
	}
}

// Close returns the first error, or one when bytes are left over.
func (r *Reader) Close() error {
	if r.err == nil && len(r.b) > 0 {
		r.Fail("%d bytes left over", len(r.b))
	}
	return r.err
}

// Len returns the number of unread bytes.
func (r *Reader) Len() int { return len(r.b) }

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.Fail("%d bytes wanted, %d left", n, len(r.b))
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

// Bool reads one byte that must be 0 or 1.
func (r *Reader) Bool() bool {
	v := r.Byte()
	if v > 1 {
		r.Fail("boolean byte %d", v)
	}
	return v == 1
}

// Uvarint reads an unsigned varint.
func (r *Reader) Uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.Fail("bad varint")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Varint reads a zig-zag varint.
func (r *Reader) Varint() int64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.Fail("bad varint")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Count reads a length and fails when that many elements of at least size
// bytes cannot follow, so that damaged input cannot ask for huge memory.
func (r *Reader) Count(size int) int {
	n := r.Uvarint()
	if r.err == nil && n > uint64(len(r.b))/uint64(max(size, 1)) {
		r.Fail("%d elements of %d bytes announced, %d bytes left", n, size, len(r.b))
		return 0
	}
	return int(n)
}

// Uint64 reads eight bytes.
func (r *Reader) Uint64() uint64 {
	if v := r.take(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

// Float64 reads eight bytes.
func (r *Reader) Float64() float64 { return math.Float64frombits(r.Uint64()) }

// Finite reads a float64 and fails on NaN and infinities.
func (r *Reader) Finite() float64 {
	v := r.Float64()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail("non-finite number %v", v)
		return 0
	}
	return v
}

// Float32 reads four bytes.
func (r *Reader) Float32() float32 {
	if v := r.take(4); v != nil {
		return math.Float32frombits(binary.LittleEndian.Uint32(v))
	}
	return 0
}

// Floats reads a length and that many float64 into dst's memory, if it suffices.
func (r *Reader) Floats(dst []float64) []float64 {
	n := r.Count(8)
	dst = dst[:0]
	for range n {
		dst = append(dst, r.Float64())
	}
	return dst
}

// Bytes reads a length and that many bytes; the result aliases the input.
func (r *Reader) Bytes() []byte { return r.take(r.Count(1)) }

// String reads a length and that many bytes as a string.
func (r *Reader) String() string { return string(r.Bytes()) }

// Take reads n bytes; the result aliases the input.
func (r *Reader) Take(n int) []byte { return r.take(n) }
