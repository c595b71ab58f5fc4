package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// The bytes of each primitive. LEB128 values are the examples of
// https://en.wikipedia.org/wiki/LEB128 and of the Protocol Buffers encoding
// guide (zig-zag); the others follow from IEEE 754 and little-endian order.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"uvarint", wire.AppendUvarint(nil, 624485), "e58e26"},
		{"uvarint max", wire.AppendUvarint(nil, math.MaxUint64), "ffffffffffffffffff01"},
		{"varint -1", wire.AppendVarint(nil, -1), "01"},
		{"varint max int32", wire.AppendVarint(nil, 0x7fffffff), "feffffff0f"},
		{"uint64", wire.AppendUint64(nil, 1), "0100000000000000"},
		{"float64 one", wire.AppendFloat64(nil, 1), "000000000000f03f"},
		{"float64 minus zero", wire.AppendFloat64(nil, math.Copysign(0, -1)), "0000000000000080"},
		{"float32 one", wire.AppendFloat32(nil, 1), "0000803f"},
		{"floats", wire.AppendFloats(nil, []float64{1}), "01000000000000f03f"},
		{"bools", wire.AppendBool(wire.AppendBool(nil, true), false), "0100"},
		{"bytes", wire.AppendBytes(nil, []byte{0xff}), "01ff"},
		{"string", wire.AppendString(nil, "hé"), "0368c3a9"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The envelope of an empty payload: magic, kind, version, and the xxHash64 of
// these four bytes, computed by a few lines of Python after the specification,
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
func TestEnvelopeBytes(t *testing.T) {
	got := wire.Seal(wire.Begin(nil, wire.KindSGD, 1), 0)
	if want := "534c0201659f771bd41e1782"; hex.EncodeToString(got) != want {
		t.Errorf("envelope %x, want %s", got, want)
	}
}

func TestEnvelope(t *testing.T) {
	prefix := []byte("an earlier object")
	b := wire.Begin(bytes.Clone(prefix), wire.KindBandit, 3)
	b = wire.AppendString(b, "payload")
	b = wire.Seal(b, len(prefix))
	if !bytes.HasPrefix(b, prefix) {
		t.Fatal("what was there before changed")
	}
	b = b[len(prefix):]
	version, r, err := wire.Open(b, wire.KindBandit)
	if err != nil || version != 3 || r.String() != "payload" || r.Close() != nil {
		t.Fatalf("version %d, error %v, reader %v", version, err, r.Err())
	}
	for name, c := range map[string]struct {
		b    []byte
		kind wire.Kind
		want string
	}{
		"empty":      {nil, wire.KindBandit, "too few"},
		"header":     {b[:11], wire.KindBandit, "too few"},
		"magic":      {append([]byte("PK"), b[2:]...), wire.KindBandit, "no streamlearner envelope"},
		"other kind": {b, wire.KindSGD, "kind 3 where kind 2"},
		"truncated":  {b[:len(b)-1], wire.KindBandit, "checksum"},
		"longer":     {append(bytes.Clone(b), 0), wire.KindBandit, "checksum"},
	} {
		if _, _, err := wire.Open(c.b, c.kind); !errors.Is(err, wire.ErrCorrupt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrCorrupt with %q", name, err, c.want)
		}
	}
	for i := range b {
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			if _, _, err := wire.Open(bad, wire.KindBandit); !errors.Is(err, wire.ErrCorrupt) {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
	}
}

// values is one of each primitive.
type values struct {
	Byte    byte
	Bool    bool
	Uvarint uint64
	Varint  int64
	Uint64  uint64
	Float64 uint64 // as bits, so that NaN payloads count
	Float32 uint32
	Floats  []float64
	Bytes   []byte
	String  string
	Taken   []byte
}

func (v *values) append(b []byte) []byte {
	b = append(b, v.Byte)
	b = wire.AppendBool(b, v.Bool)
	b = wire.AppendUvarint(b, v.Uvarint)
	b = wire.AppendVarint(b, v.Varint)
	b = wire.AppendUint64(b, v.Uint64)
	b = wire.AppendFloat64(b, math.Float64frombits(v.Float64))
	b = wire.AppendFloat32(b, math.Float32frombits(v.Float32))
	b = wire.AppendFloats(b, v.Floats)
	b = wire.AppendBytes(b, v.Bytes)
	b = wire.AppendString(b, v.String)
	return append(b, v.Taken...)
}

func readValues(r *wire.Reader) values {
	v := values{
		Byte: r.Byte(), Bool: r.Bool(), Uvarint: r.Uvarint(), Varint: r.Varint(), Uint64: r.Uint64(),
		Float64: math.Float64bits(r.Float64()), Float32: math.Float32bits(r.Float32()),
		Floats: r.Floats(nil), Bytes: r.Bytes(), String: r.String(),
	}
	v.Taken = r.Take(r.Len())
	return v
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := values{
			Byte: rapid.Byte().Draw(t, "byte"), Bool: rapid.Bool().Draw(t, "bool"),
			Uvarint: rapid.Uint64().Draw(t, "uvarint"), Varint: rapid.Int64().Draw(t, "varint"), Uint64: rapid.Uint64().Draw(t, "uint64"),
			Float64: rapid.Uint64().Draw(t, "float64"), Float32: rapid.Uint32().Draw(t, "float32"),
			Floats: rapid.SliceOf(rapid.Float64()).Draw(t, "floats"), Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"),
			String: rapid.String().Draw(t, "string"), Taken: rapid.SliceOf(rapid.Byte()).Draw(t, "taken"),
		}
		b := want.append(nil)
		r := wire.NewReader(b)
		got := readValues(r)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.append(nil), b) {
			t.Fatalf("(-want +got):\n%s", cmp.Diff(want, got))
		}
		// Every shorter input is an error or lacks the end that Take returns.
		cut := rapid.IntRange(0, len(b)-len(want.Taken)-1).Draw(t, "cut")
		r = wire.NewReader(b[:max(cut, 0)])
		readValues(r)
		if err := r.Close(); !errors.Is(err, wire.ErrCorrupt) {
			t.Fatalf("cut at %d of %d: %v", cut, len(b), err)
		}
	})
}

// After the first error every read yields zero and the first error stays.
func TestErrorsLatch(t *testing.T) {
	r := wire.NewReader([]byte{2, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	if r.Bool(); r.Err() == nil {
		t.Fatal("2 passed for a boolean")
	}
	first := r.Err()
	r.Fail("another")
	if v := readValues(r); v.Byte != 0 || v.Uvarint != 0 || v.Uint64 != 0 || v.Floats != nil || len(v.Bytes) != 0 {
		t.Errorf("after an error: %+v", v)
	}
	if err := r.Close(); !errors.Is(err, first) {
		t.Errorf("error changed from %v to %v", first, err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		read func(*wire.Reader)
	}{
		"NaN":             {wire.AppendFloat64(nil, math.NaN()), func(r *wire.Reader) { r.Finite() }},
		"infinity":        {wire.AppendFloat64(nil, math.Inf(-1)), func(r *wire.Reader) { r.Finite() }},
		"varint overflow": {bytes.Repeat([]byte{0xff}, 11), func(r *wire.Reader) { r.Uvarint() }},
		"varint cut":      {[]byte{0x80}, func(r *wire.Reader) { r.Varint() }},
		"huge count":      {wire.AppendUvarint(nil, math.MaxUint64), func(r *wire.Reader) { r.Floats(nil) }},
		"huge string":     {wire.AppendUvarint(nil, 1<<62), func(r *wire.Reader) { _ = r.String() }},
		"negative take":   {[]byte{1}, func(r *wire.Reader) { r.Take(-1) }},
		"left over":       {[]byte{1, 2}, func(r *wire.Reader) { r.Byte() }},
	} {
		r := wire.NewReader(c.b)
		c.read(r)
		if err := r.Close(); !errors.Is(err, wire.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// Floats uses the memory it is given.
func TestFloatsReuse(t *testing.T) {
	b := wire.AppendFloats(nil, []float64{1, 2, 3})
	dst := make([]float64, 0, 3)
	if n := testing.AllocsPerRun(100, func() { dst = wire.NewReader(b).Floats(dst) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzReader: whatever the bytes, reading ends without a panic, without more
// memory than the input justifies, and what was read writes the same bytes.
func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add((&values{Floats: []float64{1, 2}, Bytes: []byte("b"), String: "s"}).append(nil))
	f.Add(wire.AppendUvarint(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		v := readValues(r)
		if 8*len(v.Floats)+len(v.Bytes)+len(v.String) > len(b) {
			t.Fatalf("%d bytes gave %+v", len(b), v)
		}
		if r.Close() != nil {
			return
		}
		// Varints have longer spellings, so compare after one round.
		once := v.append(nil)
		again := readValues(wire.NewReader(once))
		if !bytes.Equal(again.append(nil), once) {
			t.Fatalf("(-first +second):\n%s", cmp.Diff(v, again))
		}
	})
}

// FuzzOpen: no bytes make Open panic, and what it accepts has the checksum that Seal computes.
func FuzzOpen(f *testing.F) {
	f.Add(wire.Seal(wire.Begin(nil, wire.KindState, 1), 0))
	f.Add([]byte("SL\x02\x01 no checksum"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for kind := wire.KindState; kind <= wire.KindCommand; kind++ {
			version, r, err := wire.Open(b, kind)
			if err != nil {
				if !errors.Is(err, wire.ErrCorrupt) {
					t.Fatal(err)
				}
				continue
			}
			sealed := wire.Begin(nil, kind, version)
			sealed = wire.Seal(append(sealed, r.Take(r.Len())...), 0)
			if !bytes.Equal(sealed, b) {
				t.Fatalf("accepted %x, which is %x when sealed", b, sealed)
			}
		}
	})
}
