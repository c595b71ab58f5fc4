package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/streamlearner/streamlearner/internal/dataset"
)

// replayedFile is replayed for a file anywhere.
func replayedFile(t *testing.T, path string, args ...string) replayReport {
	t.Helper()
	var out, errs bytes.Buffer
	p := program{in: bytes.NewReader(nil), out: &out, err: &errs}
	if code := p.run(t.Context(), append(append([]string{"replay", "--json"}, args...), path)); code != exitOK {
		t.Fatalf("%s: exit code %d: %s", path, code, errs.String())
	}
	var r replayReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return r
}

// rowsOf reads the rows of a CSV file.
func rowsOf(t *testing.T, path string) (columns []string, rows [][]string) {
	t.Helper()
	f, err := dataset.Open(path, nil, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			return f.Columns, rows
		}
		if err != nil {
			t.Fatal(err)
		}
		var row []string
		for _, field := range dataset.Fields(nil, record, f.Comma) {
			row = append(row, strings.TrimSpace(string(field)))
		}
		rows = append(rows, row)
	}
}

// columnType is what a writer of tables would infer: integers, else floats,
// else text, and a pointer when a value is absent.
func columnType(rows [][]string, column int) reflect.Type {
	integer, number, optional := true, true, false
	for _, row := range rows {
		text := row[column]
		if text == "" {
			optional = true
			continue
		}
		_, err := strconv.ParseInt(text, 10, 64)
		integer = integer && err == nil
		_, err = strconv.ParseFloat(text, 64)
		number = number && err == nil
	}
	t := reflect.TypeFor[string]()
	switch {
	case integer:
		t = reflect.TypeFor[int64]()
	case number:
		t = reflect.TypeFor[float64]()
	}
	if optional {
		t = reflect.PointerTo(t)
	}
	return t
}

// setText sets a field of a type that columnType returns.
func setText(t *testing.T, field reflect.Value, text string) {
	t.Helper()
	if field.Kind() == reflect.Pointer {
		if text == "" {
			return
		}
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	var err error
	switch field.Kind() {
	case reflect.Int64:
		var v int64
		v, err = strconv.ParseInt(text, 10, 64)
		field.SetInt(v)
	case reflect.Float64:
		var v float64
		v, err = strconv.ParseFloat(text, 64)
		field.SetFloat(v)
	default:
		field.SetString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// asParquet writes rows to a Parquet file with columns in the same order.
func asParquet(t *testing.T, columns []string, rows [][]string) string {
	t.Helper()
	var fields []reflect.StructField
	for i, name := range columns {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("C%d", i), Type: columnType(rows, i), Tag: reflect.StructTag(fmt.Sprintf(`parquet:"%s,zstd"`, name)),
		})
	}
	row := reflect.New(reflect.StructOf(fields)).Elem()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewWriter(file, parquet.SchemaOf(row.Interface()), parquet.MaxRowsPerRowGroup(10_000))
	for _, values := range rows {
		row.SetZero()
		for i, text := range values {
			setText(t, row.Field(i), text)
		}
		if err := w.Write(row.Interface()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []io.Closer{w, file} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// dense writes the beginning of a libsvm file as CSV with a column for every
// index.
func dense(t *testing.T, path string, rows, columns int) string {
	t.Helper()
	f, err := dataset.Open(path, nil, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	out.WriteString("label")
	for c := 1; c <= columns; c++ {
		fmt.Fprintf(&out, ",f%d", c)
	}
	for range rows {
		record, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(string(record))
		values := map[string]string{}
		for _, w := range words[1:] {
			index, value, _ := strings.Cut(w, ":")
			values[index] = value
		}
		out.WriteString("\n" + words[0])
		for c := 1; c <= columns; c++ {
			v, ok := values[strconv.Itoa(c)]
			if !ok {
				v = "0"
			}
			out.WriteString("," + v)
		}
	}
	dst := filepath.Join(t.TempDir(), "dense.csv")
	if err := os.WriteFile(dst, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dst
}

// TestReplayParquet writes data sets to Parquet files, which train the same
// models as the text that they were made from.
func TestReplayParquet(t *testing.T) {
	stream := func(name string) string { return filepath.Join(shared, "streams", name) }
	for _, tc := range []struct {
		path string
		args []string
	}{
		{stream("elec2_8feat.txt.gz"), []string{"--label", "class"}},
		{stream("bike_sharing_hour.csv.gz"), []string{"--label", "cnt", "--set", "features.exclude=instant,casual,registered"}},
		{stream("phishing_1250.csv.gz"), []string{"--label", "is_phishing", "--set", "features.categorical=age_of_domain,long_url"}},
		// A message may be digits alone, which CSV takes for a number unless it is told.
		{stream("sms_spam.tsv.gz"), []string{"--label", "Label", "--set", "features.categorical=SMS"}},
		{stream("trump_approval.csv.gz"), []string{"--label", "five_thirty_eight"}},
		{stream("chick-weights.csv"), []string{"--label", "weight"}},
		{dense(t, stream("a9a.libsvm.gz"), 2000, 123), []string{"--label", "label"}},
	} {
		t.Run(filepath.Base(tc.path), func(t *testing.T) {
			columns, rows := rowsOf(t, tc.path)
			want := replayedFile(t, tc.path, tc.args...)
			got := replayedFile(t, asParquet(t, columns, rows), tc.args...)
			if want.Learned != uint64(len(rows)) || got.Learned != want.Learned || got.Positive != want.Positive || got.Params != want.Params {
				t.Errorf("text: learned %d of %d, positive %q, parameters %s; Parquet: learned %d, positive %q, parameters %s",
					want.Learned, len(rows), want.Positive, want.Params, got.Learned, got.Positive, got.Params)
			}
		})
	}
}

// TestReplayVWJSON compares Vowpal Wabbit's JSON with its text, and both with
// the average loss that Vowpal Wabbit 9.11.2 prints.
func TestReplayVWJSON(t *testing.T) {
	object := replayed(t, "vw/0001.json", "--set", "learner.compat=vw")
	text := replayed(t, "vw/0001.dat", "--set", "learner.compat=vw")
	if got := fmt.Sprintf("%.6f", figure(t, object.Loss)); got != "0.195759" || object.Params != text.Params || object.Learned != 200 {
		t.Errorf("JSON: mean loss %s over %d, want 0.195759 over 200; parameters %s, of text %s", got, object.Learned, object.Params, text.Params)
	}
	if object.Format != "vwjson" {
		t.Errorf("format %s, want vwjson", object.Format)
	}
}

// TestRecords says what load publishes.
func TestRecords(t *testing.T) {
	rows := [][]string{{"c1", "1.5", "7"}, {"c2", "", "8"}}
	table := asParquet(t, []string{"card", "amount", "n"}, rows)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const example = `{"_label": 1, "f": {"a": 0.5}}`
	for _, tc := range []struct {
		path, key, format string
		values, keys      []string
	}{
		{table, "card", "json", []string{`{"card":"c1","amount":1.5,"n":7}`, `{"card":"c2","n":8}`}, []string{"c1", "c2"}},
		{table, "", "json", []string{`{"card":"c1","amount":1.5,"n":7}`, `{"card":"c2","n":8}`}, []string{"", ""}},
		{write("rows.tsv", "card\tamount\tn\nc1\t1.5\t7\nc2\t\t8\n"), "card", "json", []string{`{"card":"c1","amount":1.5,"n":7}`, `{"card":"c2","amount":null,"n":8}`}, []string{"c1", "c2"}},
		{write("vw.json", example+"\n"), "", "vwjson", []string{example}, []string{""}},
	} {
		f, err := dataset.Open(tc.path, nil, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRecords(f, tc.key)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range tc.values {
			value, key, err := r.next()
			if err != nil || string(value) != want || string(key) != tc.keys[i] {
				t.Errorf("%s: %s with key %q, %v, want %s with key %q", tc.path, value, key, err, want, tc.keys[i])
			}
		}
		if _, _, err := r.next(); !errors.Is(err, io.EOF) || r.format != tc.format {
			t.Errorf("%s: at the end %v, format %s, want %s", tc.path, err, r.format, tc.format)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestParquetFromStandardInput is refused as bad usage, with the reason.
func TestParquetFromStandardInput(t *testing.T) {
	for _, args := range [][]string{{"-"}, {"--format", "parquet", "-"}} {
		var out, errs bytes.Buffer
		p := program{in: strings.NewReader("PAR1..."), out: &out, err: &errs}
		if code := p.run(t.Context(), append([]string{"replay", "--label", "y"}, args...)); code != exitUsage || !strings.Contains(errs.String(), "cannot be read from a pipe or standard input") {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
}
