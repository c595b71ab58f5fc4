package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

func readAll(t *testing.T, f *File) []string {
	t.Helper()
	var out []string
	for {
		r, err := f.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(r))
	}
}

func TestOpenDetects(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		options       Options
		format        string
		comma         byte
		columns       []string
		records       []string
	}{
		{"a.csv", "a,b\n1,2\n3,4\n", Options{}, CSV, ',', []string{"a", "b"}, []string{"1,2", "3,4"}},
		{"a.csv", "1,2\n3,4\n", Options{}, CSV, ',', []string{"c0", "c1"}, []string{"1,2", "3,4"}},
		{"a.csv", "1,2\n3,4", Options{Header: "yes"}, CSV, ',', []string{"1", "2"}, []string{"3,4"}},
		{"a.csv", "a,b\n1,2\n", Options{Header: "no"}, CSV, ',', []string{"c0", "c1"}, []string{"a,b", "1,2"}},
		{"a.tsv", "label\ttext\nham\thello, you\nspam\ta, b, c\n", Options{}, CSV, '\t', []string{"label", "text"}, []string{"ham\thello, you", "spam\ta, b, c"}},
		{"words.csv", "ham,x\nspam,y\nham,z\n", Options{}, CSV, ',', []string{"c0", "c1"}, []string{"ham,x", "spam,y", "ham,z"}},
		{"a.txt", "x y class\n0.5 1 0\n0.25 2 1\n", Options{}, CSV, ' ', []string{"x", "y", "class"}, []string{"0.5 1 0", "0.25 2 1"}},
		{"a.txt", "x;y\r\n1,5;2,5\r\n\r\n", Options{}, CSV, ';', []string{"x", "y"}, []string{"1,5;2,5"}},
		{"a.txt", " x  y\n 1 \t2 \n", Options{}, CSV, ' ', []string{"x", "y"}, []string{" 1 \t2 "}},
		{"quotes.tsv", "a\tb\n\"x\t1\ny\t2\n", Options{}, CSV, '\t', []string{"a", "b"}, []string{"\"x\t1", "y\t2"}},
		{"rows.csv", ",a,b\n0,1,2\n1,3,4\n", Options{}, CSV, ',', []string{"c0", "a", "b"}, []string{"0,1,2", "1,3,4"}},
		{"gap.csv", "a,,b\n1,2,3\n", Options{}, CSV, ',', []string{"c0", "c1", "c2"}, []string{"a,,b", "1,2,3"}},
		{"one.csv", "x\n1\n2\n", Options{}, CSV, ',', []string{"x"}, []string{"1", "2"}},
		{"q.csv", "a,b\n1,\"x\ny\"\n2,\"say \"\"so\"\"\"\n", Options{}, CSV, ',', []string{"a", "b"}, []string{"1,\"x y\"", "2,\"say \"\"so\"\"\""}},
		{"bom.csv", "\ufeffa,b\n1,2\n", Options{}, CSV, ',', []string{"a", "b"}, []string{"1,2"}},
		{"a.jsonl", "{\"a\":1}\n\n{\"a\":2}\n", Options{}, JSON, 0, nil, []string{`{"a":1}`, `{"a":2}`}},
		{"a.txt", "{\"a\":1}\n", Options{}, JSON, 0, nil, []string{`{"a":1}`}},
		{"a.dat", "1 |f a:1 b\n", Options{}, VW, 0, nil, []string{"1 |f a:1 b"}},
		{"a.dat", "0.521144 1 PFF/20091028|T PFF |f t1:-0.02\n", Options{}, VW, 0, nil, []string{"0.521144 1 PFF/20091028|T PFF |f t1:-0.02"}},
		{"a.json", "{\"_label\":1,\"f\":{\"a\":1},\"_tag\":\"x\"}\n{\"_label\":0,\"f\":{}}\n", Options{}, VWJSON, 0, nil, []string{`{"_label":1,"f":{"a":1},"_tag":"x"}`, `{"_label":0,"f":{}}`}},
		{"a.vwjson", "{\"_label\":1,\"a\":1}\n", Options{}, VWJSON, 0, nil, []string{`{"_label":1,"a":1}`}},
		{"a.json", "{\"_label\":1,\"a\":1}\n", Options{}, JSON, 0, nil, []string{`{"_label":1,"a":1}`}},
		{"a.json", "{\"_label\":1,\"f\":{\"a\":1},\"b\":2}\n", Options{}, JSON, 0, nil, []string{`{"_label":1,"f":{"a":1},"b":2}`}},
		{"a.json", "{\"_label\":1,\"f\":{\"a\":1}}\n", Options{Format: "json"}, JSON, 0, nil, []string{`{"_label":1,"f":{"a":1}}`}},
		{"a.txt", "0 3:1 11:1 \n# note\n1 4:0.5\n", Options{}, LibSVM, 0, nil, []string{"0 3:1 11:1 ", "1 4:0.5"}},
		{"a.txt", "1 2:3\n", Options{Format: "csv", Comma: ':', Header: "no"}, CSV, ':', []string{"c0", "c1"}, []string{"1 2:3"}},
		{"empty.csv", "", Options{}, CSV, ',', nil, nil},
	} {
		path := filepath.Join(t.TempDir(), tc.name)
		if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, nil, tc.options)
		if err != nil {
			t.Fatalf("%s %q: %v", tc.name, tc.content, err)
		}
		if f.Format != tc.format || f.Comma != tc.comma {
			t.Errorf("%s %q: format %s, delimiter %q, want %s, %q", tc.name, tc.content, f.Format, f.Comma, tc.format, tc.comma)
		}
		if diff := cmp.Diff(tc.columns, f.Columns); diff != "" {
			t.Errorf("%s %q: columns: %s", tc.name, tc.content, diff)
		}
		if diff := cmp.Diff(tc.records, readAll(t, f)); diff != "" {
			t.Errorf("%s %q: records: %s", tc.name, tc.content, diff)
		}
		if f.Size != int64(len(tc.content)) || f.Done() != f.Size {
			t.Errorf("%s: size %d, done %d, want %d", tc.name, f.Size, f.Done(), len(tc.content))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenDecompresses(t *testing.T) {
	all := compressions(t, "x,y\n"+strings.Repeat("1,2\n", 50_000))
	for name, data := range all {
		f, err := Open("-", bytes.NewReader(data), Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(readAll(t, f)); n != 50_000 {
			t.Errorf("%s: %d records, want 50000", name, n)
		}
		if f.Size != -1 || f.Done() != int64(len(data)) {
			t.Errorf("%s: size %d, done %d; want -1, %d", name, f.Size, f.Done(), len(data))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open("-", bytes.NewReader(all[".gz"][:9]), Options{}); err == nil {
		t.Error("a truncated gzip header is no error")
	}
}

// TestEveryFormatDecompresses has the formats that are text; Parquet has a
// compression of its own.
func TestEveryFormatDecompresses(t *testing.T) {
	for name, tc := range map[string]struct{ line, header, format string }{
		"a.csv":    {"1,2.5", "x,y", CSV},
		"a.tsv":    {"1\ta, \"b", "x\ty", CSV},
		"a.jsonl":  {`{"a":1}`, "", JSON},
		"a.libsvm": {"1 3:0.5", "", LibSVM},
		"a.vw":     {"1 |f a:0.5 b", "", VW},
		"a.vwjson": {`{"_label":1,"f":{"a":0.5}}`, "", VWJSON},
	} {
		text := strings.Repeat(tc.line+"\n", 1000)
		if tc.header != "" {
			text = tc.header + "\n" + text
		}
		for suffix, data := range compressions(t, text) {
			path := filepath.Join(t.TempDir(), name+suffix)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			f := opened(t, path)
			records := readAll(t, f)
			if f.Format != tc.format || len(records) != 1000 || slices.ContainsFunc(records, func(r string) bool { return r != tc.line }) {
				t.Errorf("%s%s: %d records of format %s, the first %q", name, suffix, len(records), f.Format, records[:min(len(records), 1)])
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// compressions returns a text as it is and compressed, by file extension.
func compressions(t *testing.T, text string) map[string][]byte {
	t.Helper()
	var gz, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	z, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{g, z} {
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{"": []byte(text), ".gz": gz.Bytes(), ".zst": zs.Bytes()}
}

func TestNextReportsTheRecord(t *testing.T) {
	f, err := Open("-", strings.NewReader("a,b\n1,2\n3,\"open\n"), Options{Format: "csv"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(); err == nil || !strings.Contains(err.Error(), "record 2: a quoted field is not closed") {
		t.Errorf("error %v", err)
	}
}

func TestOpenRefusesOptions(t *testing.T) {
	for _, o := range []Options{{Format: "xml"}, {Header: "maybe"}} {
		if _, err := Open("-", strings.NewReader(""), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestFields(t *testing.T) {
	for _, tc := range []struct {
		row  string
		want []string
	}{
		{"", []string{""}},
		{"a,b,", []string{"a", "b", ""}},
		{`"a,b",c`, []string{"a,b", "c"}},
		{`"say ""so""",c`, []string{`say "so"`, "c"}},
		{`"quoted" tail,c`, []string{"quoted tail", "c"}},
		{`in "the" middle,c`, []string{`in "the" middle`, "c"}},
		{`"",""`, []string{"", ""}},
	} {
		var got []string
		for _, f := range Fields(nil, []byte(tc.row), ',') {
			got = append(got, string(f))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.row, diff)
		}
	}
}

func TestFieldsUndoQuoting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.StringMatching(`[a-z",; \t]*`), 1, 5).Draw(t, "fields")
		var quoted []string
		for _, w := range want {
			quoted = append(quoted, `"`+strings.ReplaceAll(w, `"`, `""`)+`"`)
		}
		row := []byte(strings.Join(quoted, ","))
		if openQuote(row, ',') {
			t.Fatalf("%q: counts as open", row)
		}
		var got []string
		for _, f := range Fields(nil, row, ',') {
			got = append(got, string(f))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestObject(t *testing.T) {
	o := NewObject([]string{"n", `we"ird`, "s"}, ',')
	for row, want := range map[string]string{
		`-1.5e3,"a ""b""\c",`:  `{"n":-1.5e3,"we\"ird":"a \"b\"\\c","s":null}`,
		`+1, x , 7 `:           `{"n":1,"we\"ird":"x","s":7}`,
		`007,.5,-5.`:           `{"n":7,"we\"ird":0.5,"s":-5}`,
		`00,-0.0,1.e5`:         `{"n":0,"we\"ird":-0.0,"s":1e5}`,
		`.,-,e5`:               `{"n":".","we\"ird":"-","s":"e5"}`,
		`NaN,-inf,Infinity`:    `{"n":1e999,"we\"ird":1e999,"s":1e999}`,
		`0x1p3,1_000,1-2`:      `{"n":"0x1p3","we\"ird":"1_000","s":"1-2"}`,
		`true,2011-01-01,12:5`: `{"n":"true","we\"ird":"2011-01-01","s":"12:5"}`,
	} {
		if got, ok := o.Append(nil, []byte(row)); !ok || string(got) != want {
			t.Errorf("%s: got %s, want %s", row, got, want)
		}
	}
	if got, ok := o.Append([]byte("x"), []byte("1,2")); ok || string(got) != "x" {
		t.Errorf("a short row gives %s, %v", got, ok)
	}
}

// TestObjectDecodesAlike holds a row and its JSON object to the same event.
func TestObjectDecodesAlike(t *testing.T) {
	columns := []string{"y", "a", "b"}
	s := event.Schema{Label: "y"}
	fromCSV, err := event.NewCSV(s, columns, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := event.NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	o := NewObject(columns, ',')
	field := rapid.OneOf(rapid.StringMatching(`[+-]?[0-9]{0,4}\.?[0-9]{0,3}(e-?[0-9]{1,3})?`), rapid.StringMatching(`[a-zA-Z0-9 é"\\.+-]{0,6}`))
	rapid.Check(t, func(t *rapid.T) {
		var quoted []string
		for range columns {
			quoted = append(quoted, `"`+strings.ReplaceAll(strings.TrimSpace(field.Draw(t, "field")), `"`, `""`)+`"`)
		}
		row := []byte(strings.Join(quoted, ","))
		object, ok := o.Append(nil, row)
		if !ok {
			t.Fatalf("%s has no object", row)
		}
		var a, b event.Event
		errA, errB := fromCSV.Decode(row, &a), fromJSON.Decode(object, &b)
		if (errA == nil) != (errB == nil) {
			t.Fatalf("%s: %v\n%s: %v", row, errA, object, errB)
		}
		if errA != nil {
			if x, y := errA.(*event.Rejection), errB.(*event.Rejection); x.Reason != y.Reason || x.Field != y.Field {
				t.Fatalf("%s: %v\n%s: %v", row, errA, object, errB)
			}
			return
		}
		if diff := cmp.Diff(a, b, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s\n%s\n%s", row, object, diff)
		}
	})
}

func TestObjectIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, value := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value")
		row := `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
		got, ok := NewObject([]string{name}, ',').Append(nil, []byte(row))
		var back map[string]any
		if err := json.Unmarshal(got, &back); !ok || err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if s, isText := back[name].(string); isText && s != strings.TrimSpace(value) {
			t.Fatalf("%q became %q", value, s)
		}
	})
}

func TestLabels(t *testing.T) {
	for _, tc := range []struct {
		content, field string
		options        Options
		want           []string
	}{
		{"y,x\nspam,1\nham,2\nspam,3\n", "y", Options{}, []string{"ham", "spam"}},
		{"y,x\n10,1\n9,2\n10.0,3\n,4\n", "y", Options{}, []string{"9", "10"}},
		{"1,0\n2,1\n", "last", Options{}, []string{"0", "1"}},
		{"{\"a\":{\"y\":\"no\"}}\n{\"a\":{\"y\":true}}\nbroken\n{}\n", "a.y", Options{Format: JSON}, []string{"no", "true"}},
		{"-1 3:1\n+1 4:1\n", "", Options{}, []string{"-1", "+1"}},
		{"2 |a b\n|a c\n1 t|a d\n", "", Options{Format: VW}, []string{"1", "2"}},
	} {
		f, err := Open("-", strings.NewReader(tc.content), tc.options)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLabels(tc.field, 3)
		if err := l.Scan(f); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, l.Values()); diff != "" {
			t.Errorf("%q: %s", tc.content, diff)
		}
	}
}

func TestBinary(t *testing.T) {
	for _, tc := range []struct {
		values []string
		want   bool
	}{
		{[]string{"0", "1"}, true},
		{[]string{"-1", "+1"}, true},
		{[]string{"0.0", "1.0"}, true},
		{[]string{"false", "true"}, true},
		{[]string{"1", "2"}, false},
		{[]string{"-1", "0"}, false},
		{[]string{"ham", "spam"}, false},
	} {
		if got := Binary(tc.values); got != tc.want {
			t.Errorf("%v: %v", tc.values, got)
		}
	}
}

// FuzzOpen feeds any bytes: they are read to the end or refused, and a record
// is one line.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "1 |f a\n", "1 2:3\n", "{\"a\":1}\n", "a\t\"b\n", "\x1f\x8b", "\x28\xb5\x2f\xfd", "\"a\n\"\"\",b\n", "\ufeffx\n1", " \n\t\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open("-", bytes.NewReader(data), Options{})
		if err != nil {
			return
		}
		defer func() { _ = file.Close() }() // damaged archives may fail here
		if file.Format == CSV && len(file.Columns) > 0 {
			if err := NewLabels("last", 3).ScanSample(file); err != nil && !strings.Contains(err.Error(), "quoted") {
				t.Errorf("scan of the sample: %v", err)
			}
		}
		object := NewObject(file.Columns, file.Comma)
		for {
			record, err := file.Next()
			if err != nil {
				return
			}
			if bytes.IndexByte(record, '\n') >= 0 || len(bytes.TrimSpace(record)) == 0 {
				t.Fatalf("%q is no record", record)
			}
			if value, ok := object.Append(nil, record); file.Format == CSV && ok && !json.Valid(value) {
				t.Fatalf("%q became %q", record, value)
			}
		}
	})
}
