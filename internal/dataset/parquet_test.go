package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// stored writes rows to a Parquet file and returns its name.
func stored[T any](t *testing.T, rows []T, options ...parquet.WriterOption) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	store(t, path, rows, options...)
	return path
}

func store[T any](t rapid.TB, path string, rows []T, options ...parquet.WriterOption) {
	t.Helper()
	if err := parquet.WriteFile(path, rows, options...); err != nil {
		t.Fatal(err)
	}
}

// storedValues writes rows of a schema, each as the values of its columns.
func storedValues(t *testing.T, schema parquet.Node, rows ...parquet.Row) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.parquet")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[any](file, parquet.NewSchema("row", schema))
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{w, file} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func opened(t rapid.TB, path string) *File {
	t.Helper()
	f, err := Open(path, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// objects returns the records of a Parquet file.
func objects(t *testing.T, path string) []string {
	t.Helper()
	f := opened(t, path)
	defer f.Close()
	return readAll(t, f)
}

type inner struct {
	A int32    `parquet:"a" json:"a"`
	S *string  `parquet:"s,optional" json:"s"`
	L []string `parquet:"l,list" json:"l"`
}

type outer struct {
	Y     float64            `parquet:"y" json:"y"`
	I8    int8               `parquet:"i8" json:"i8"`
	I64   int64              `parquet:"i64" json:"i64"`
	U32   uint32             `parquet:"u32" json:"u32"`
	U64   uint64             `parquet:"u64" json:"u64"`
	F32   float32            `parquet:"f32" json:"f32"`
	B     bool               `parquet:"b" json:"b"`
	Text  string             `parquet:"té/xt,dict" json:"té/xt"`
	Maybe *float64           `parquet:"maybe,optional" json:"maybe"`
	In    inner              `parquet:"in" json:"in"`
	Opt   *inner             `parquet:"opt,optional" json:"opt"`
	Tags  []string           `parquet:"tags,list" json:"tags"`
	Bare  []float64          `parquet:"bare" json:"bare"`
	Ins   []inner            `parquet:"ins,list" json:"ins"`
	Reps  []inner            `parquet:"reps" json:"reps"`
	Map   map[string]float64 `parquet:"map" json:"map"`
	Ints  map[int32]bool     `parquet:"ints" json:"ints"`
	At    time.Time          `parquet:"at,timestamp(microsecond)" json:"at"`
}

func drawInner(t *rapid.T) inner {
	return inner{
		A: rapid.Int32().Draw(t, "a"), S: rapid.Ptr(rapid.String(), true).Draw(t, "s"),
		L: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "l"),
	}
}

func drawOuter(t *rapid.T) outer {
	number := rapid.Float64().Filter(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) })
	nested := rapid.Custom(drawInner)
	return outer{
		Y: number.Draw(t, "y"), I8: rapid.Int8().Draw(t, "i8"), I64: rapid.Int64().Draw(t, "i64"),
		U32: rapid.Uint32().Draw(t, "u32"), U64: rapid.Uint64().Draw(t, "u64"), F32: rapid.Float32Range(-1e30, 1e30).Draw(t, "f32"),
		B: rapid.Bool().Draw(t, "b"), Text: rapid.String().Draw(t, "text"), Maybe: rapid.Ptr(number, true).Draw(t, "maybe"),
		In: drawInner(t), Opt: rapid.Ptr(nested, true).Draw(t, "opt"),
		Tags: rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "tags"), Bare: rapid.SliceOfN(number, 0, 3).Draw(t, "bare"),
		Ins: rapid.SliceOfN(nested, 0, 3).Draw(t, "ins"), Reps: rapid.SliceOfN(nested, 0, 3).Draw(t, "reps"),
		Map:  rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}`), number, 0, 3).Draw(t, "map"),
		Ints: rapid.MapOfN(rapid.Int32(), rapid.Bool(), 0, 3).Draw(t, "ints"),
		At:   time.UnixMicro(rapid.Int64Range(-1e15, 2e15).Draw(t, "at")).UTC(),
	}
}

// TestParquetDecodesAlike holds the rows of a file and their JSON by
// encoding/json to the same events.
func TestParquetDecodesAlike(t *testing.T) {
	s := event.Schema{Label: "y", Time: "at", Categorical: []string{"u64"}}
	d, err := event.NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sorted := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.SortSlices(func(a, b event.Feature) bool { return a.Hash < b.Hash || a.Hash == b.Hash && a.Value < b.Value })}
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(drawOuter), 1, 5).Draw(t, "rows")
		path := filepath.Join(dir, "rows.parquet")
		store(t, path, rows, parquet.MaxRowsPerRowGroup(2))
		f := opened(t, path)
		defer f.Close()
		for _, row := range rows {
			record, err := f.Next()
			if err != nil {
				t.Fatal(err)
			}
			object, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			var a, b event.Event
			if err := d.Decode(record, &a); err != nil {
				t.Fatalf("%s: %v", record, err)
			}
			if err := d.Decode(object, &b); err != nil {
				t.Fatalf("%s: %v", object, err)
			}
			if diff := cmp.Diff(b, a, sorted...); diff != "" {
				t.Fatalf("-json +parquet:\n%s\n%s\n%s", object, record, diff)
			}
		}
		if record, err := f.Next(); !errors.Is(err, io.EOF) || f.Done() != f.Size {
			t.Fatalf("after the last row %q, %v, %d of %d bytes", record, err, f.Done(), f.Size)
		}
	})
}

func TestParquetCodecs(t *testing.T) {
	rows := make([]inner, 1000)
	for i := range rows {
		text := strings.Repeat("x", i%7)
		rows[i] = inner{A: int32(i), S: &text}
	}
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd, &parquet.Lz4Raw} {
		got := objects(t, stored(t, rows, parquet.Compression(codec), parquet.PageBufferSize(500), parquet.MaxRowsPerRowGroup(300)))
		if len(got) != len(rows) {
			t.Fatalf("%v: %d rows, want %d", codec, len(got), len(rows))
		}
		for i, row := range got {
			if want := fmt.Sprintf(`{"a":%d,"s":"%s","l":[]}`, i, *rows[i].S); row != want {
				t.Fatalf("%v: row %d is %s, want %s", codec, i, row, want)
			}
		}
	}
}

// TestParquetValues has what the logical types mean from
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
func TestParquetValues(t *testing.T) {
	binary, fixed := parquet.ByteArrayType, parquet.FixedLenByteArrayType
	noon := int64(12 * 3600)
	for _, tc := range []struct {
		node  parquet.Node
		value parquet.Value
		want  string
	}{
		{parquet.Decimal(2, 9, parquet.Int32Type), parquet.Int32Value(-12345), `-123.45`},
		{parquet.Decimal(2, 9, parquet.Int32Type), parquet.Int32Value(5), `0.05`},
		{parquet.Decimal(2, 9, parquet.Int32Type), parquet.Int32Value(-50), `-0.50`},
		{parquet.Decimal(0, 18, parquet.Int64Type), parquet.Int64Value(math.MinInt64), `-9223372036854775808`},
		{parquet.Decimal(3, 10, binary), parquet.ByteArrayValue([]byte{0xff, 0x7f}), `-0.129`},
		{parquet.Decimal(3, 10, binary), parquet.ByteArrayValue(nil), `0.000`},
		{parquet.Decimal(1, 30, fixed(13)), parquet.FixedLenByteArrayValue([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), `7922816251426433759354395033.6`},
		{parquet.Date(), parquet.Int32Value(-1), `"1969-12-31"`},
		{parquet.Date(), parquet.Int32Value(20_481), `"2026-01-28"`},
		{parquet.Time(parquet.Millisecond), parquet.Int32Value(int32(noon*1000 + 5)), `"12:00:00.005"`},
		{parquet.Time(parquet.Microsecond), parquet.Int64Value(noon*1e6 + 5), `"12:00:00.000005"`},
		{parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(1_767_323_045_678), `"2026-01-02T03:04:05.678Z"`},
		{parquet.Timestamp(parquet.Nanosecond), parquet.Int64Value(-1), `"1969-12-31T23:59:59.999999999Z"`},
		{parquet.TimestampAdjusted(parquet.Microsecond, false), parquet.Int64Value(0), `"1970-01-01T00:00:00Z"`},
		{parquet.Leaf(parquet.Int96Type), parquet.Int96Value(deprecated.Int96{1_000_000_000, 0, 2_440_589}), `"1970-01-02T00:00:01Z"`},
		{parquet.UUID(), parquet.FixedLenByteArrayValue([]byte("\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00")), `"123e4567-e89b-12d3-a456-426614174000"`},
		{parquet.JSON(), parquet.ByteArrayValue([]byte("{ \"a\": [1,\n2] }")), `{"a":[1,2]}`},
		{parquet.JSON(), parquet.ByteArrayValue([]byte("{")), `"{"`},
		{parquet.Enum(), parquet.ByteArrayValue([]byte("RED")), `"RED"`},
		{parquet.Leaf(binary), parquet.ByteArrayValue([]byte("caf\u00e9")), "\"caf\u00e9\""},
		{parquet.Leaf(binary), parquet.ByteArrayValue([]byte{0xff, 0}), `"/wA="`},
		{parquet.Leaf(fixed(2)), parquet.FixedLenByteArrayValue([]byte("DE")), `"DE"`},
		{parquet.Uint(8), parquet.Int32Value(255), `255`},
		{parquet.Uint(64), parquet.Int64Value(-1), `18446744073709551615`},
		{parquet.Leaf(parquet.FloatType), parquet.FloatValue(0.1), `0.1`},
		{parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(math.Inf(-1)), `1e999`},
		{parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(math.NaN()), `1e999`},
	} {
		path := storedValues(t, parquet.Group{"x": tc.node}, parquet.Row{tc.value.Level(0, 0, 0)})
		if got, want := objects(t, path), []string{`{"x":` + tc.want + `}`}; !cmp.Equal(got, want) {
			t.Errorf("%v: %s, want %s", tc.node.Type(), got, want)
		}
	}
}

// TestFloat16 has the examples of
// https://en.wikipedia.org/wiki/Half-precision_floating-point_format
func TestFloat16(t *testing.T) {
	for bits, want := range map[uint16]string{
		0x0000: "0", 0x8000: "-0", 0x0001: "5.9604645e-08", 0x03ff: "6.097555e-05", 0x0400: "6.1035156e-05",
		0x3555: "0.33325195", 0x3c00: "1", 0x3c01: "1.0009766", 0x7bff: "65504", 0xc000: "-2", 0x7c00: "1e999", 0xfe00: "1e999",
	} {
		got, ok := appendFloat16(nil, parquet.FixedLenByteArrayValue([]byte{byte(bits), byte(bits >> 8)}))
		if !ok || string(got) != want {
			t.Errorf("%04x: %s, want %s", bits, got, want)
		}
	}
}

// TestParquetLists reads lists and maps as older writers store them.
func TestParquetLists(t *testing.T) {
	number := parquet.Leaf(parquet.Int32Type)
	v := func(x int32, rep, def, column int) parquet.Value {
		return parquet.Int32Value(x).Level(rep, def, column)
	}
	null := func(rep, def, column int) parquet.Value { return parquet.NullValue().Level(rep, def, column) }
	for _, tc := range []struct {
		name string
		node parquet.Node
		rows []parquet.Row
		want []string
	}{
		{"three levels", parquet.Optional(parquet.List(parquet.Optional(number))),
			[]parquet.Row{{null(0, 0, 0)}, {null(0, 1, 0)}, {null(0, 2, 0), v(7, 1, 3, 0)}},
			[]string{`{}`, `{"x":[]}`, `{"x":[null,7]}`}},
		{"repeated values", parquet.Repeated(number),
			[]parquet.Row{{null(0, 0, 0)}, {v(1, 0, 1, 0), v(2, 1, 1, 0)}},
			[]string{`{"x":[]}`, `{"x":[1,2]}`}},
		{"repeated groups", parquet.Repeated(parquet.Group{"a": number, "b": parquet.Optional(number)}),
			[]parquet.Row{{v(1, 0, 1, 0), v(2, 1, 1, 0), null(0, 1, 1), v(3, 1, 2, 1)}},
			[]string{`{"x":[{"a":1},{"a":2,"b":3}]}`}},
		{"lists of lists", parquet.List(parquet.List(number)),
			[]parquet.Row{{v(1, 0, 2, 0), v(2, 2, 2, 0), v(3, 1, 2, 0)}, {null(0, 1, 0), v(4, 1, 2, 0)}, {null(0, 0, 0)}},
			[]string{`{"x":[[1,2],[3]]}`, `{"x":[[],[4]]}`, `{"x":[]}`}},
		{"maps", parquet.Optional(parquet.Map(number, parquet.Optional(number))),
			[]parquet.Row{{null(0, 0, 0), null(0, 0, 1)}, {null(0, 1, 0), null(0, 1, 1)}, {v(1, 0, 2, 0), v(2, 1, 2, 0), null(0, 2, 1), v(5, 1, 3, 1)}},
			[]string{`{}`, `{"x":{}}`, `{"x":{"2":5}}`}},
	} {
		if diff := cmp.Diff(tc.want, objects(t, storedValues(t, parquet.Group{"x": tc.node}, tc.rows...))); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestParquetIsFoundAndRefused(t *testing.T) {
	path := stored(t, []inner{{A: 1}})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := opened(t, write("rows.bin", data))
	if got := readAll(t, f); len(got) != 1 || f.Format != JSON || f.Size != int64(len(data)) || f.Done() != f.Size {
		t.Errorf("by its first bytes: %s, format %s, %d of %d bytes", got, f.Format, f.Done(), f.Size)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		name, want string
		options    Options
	}{
		{"-", "standard input", Options{}},
		{"-", "standard input", Options{Format: "parquet"}},
		{write("rows.parquet.gz", gz.Bytes()), "decompress it first", Options{}},
		{write("rows.pq", []byte("a,b\n1,2\n")), `begins with "a,b\n"`, Options{}},
		{write("rows.csv", []byte("a,b\n1,2\n")), `begins with "a,b\n"`, Options{Format: "parquet"}},
		{write("empty.parquet", nil), `begins with ""`, Options{}},
		{write("cut.parquet", data[:len(data)-3]), "may be cut off", Options{}},
		{write("short.parquet", []byte("PAR1PAR1")), "has only 8 bytes", Options{}},
		{write("long.parquet", []byte("PAR1\xff\xff\xff\xffPAR1")), "its index has 4294967295 bytes and the file 12", Options{}},
		{storedValues(t, parquet.Group{"v": parquet.Variant()}, parquet.Row{
			parquet.ByteArrayValue([]byte{1, 0, 0}).Level(0, 0, 0), parquet.ByteArrayValue([]byte{0}).Level(0, 0, 1),
		}), "column v: is a Variant", Options{}},
	} {
		f, err := Open(tc.name, bytes.NewReader(data), tc.options)
		if err == nil {
			t.Errorf("%s %+v: is opened as %s", tc.name, tc.options, f.Format)
		} else if !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %+v: %v, want %s", tc.name, tc.options, err, tc.want)
		}
	}
}

// TestParquetDamage changes each byte of a file: what is left is read to the
// end or refused.
func TestParquetDamage(t *testing.T) {
	text := "x"
	data, err := os.ReadFile(stored(t, []inner{{A: 1, S: &text, L: []string{"a", "b"}}, {A: 2}}))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "damaged.parquet")
	refused := 0
	for i, original := range data {
		for _, b := range []byte{0, 0xff, original ^ 1} {
			data[i] = b
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			switch err := readDamaged(path); {
			case errors.Is(err, errNoJSON) || errors.Is(err, errEndless):
				t.Errorf("byte %d is %d: %v", i, b, err)
			case !errors.Is(err, io.EOF):
				refused++
			}
		}
		data[i] = original
	}
	if refused < len(data) {
		t.Errorf("of %d damaged files only %d are refused", 3*len(data), refused)
	}
}

var (
	errNoJSON  = errors.New("no JSON")
	errEndless = errors.New("more rows than were written")
)

// readDamaged returns why reading ends, io.EOF at the end of the file.
func readDamaged(path string) error {
	f, err := Open(path, nil, Options{Format: Parquet})
	if err != nil {
		return err
	}
	defer f.Close()
	for range 1000 {
		record, err := f.Next()
		if err != nil {
			return err
		}
		if !json.Valid(record) {
			return fmt.Errorf("%w: %q", errNoJSON, record)
		}
	}
	return errEndless
}
