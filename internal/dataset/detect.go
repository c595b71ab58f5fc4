package dataset

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
)

// sampleRows is how many rows decide about delimiter and header.
const sampleRows = 100

var (
	libsvmLine   = regexp.MustCompile(`^[+-]?[0-9.eE+-]+(\s+qid:[0-9]+)?(\s+[0-9]+:[^\s:]+)+\s*(#.*)?$`)
	vwSharedLine = regexp.MustCompile(`^shared\s*('\S*\s*)?\|`)
	vwCostLine   = regexp.MustCompile(`^([0-9]+\s+)*[0-9]+:[0-9.eE+-]+:[0-9.eE+-]+(\s[^|]*)?\|`)
	vwLine       = regexp.MustCompile(`^\s*(-?[0-9.][0-9.eE+-]*(\s+[0-9.eE+-]+){0,2}\s*)?('?[^\s|]*)?\|`)
)

// detect fills in what the options leave open.
func (f *File) detect(o Options) {
	f.Format = o.Format
	if f.Format == "" {
		f.Format = detectFormat(f.Name, f.sample)
	}
	if isDecisions(f.Format) {
		f.Format, f.Decisions = JSON, f.Format
	}
	if f.Format != CSV {
		return
	}
	f.Comma = o.Comma
	if f.Comma == 0 {
		f.Comma = detectComma(f.sampleLines())
	}
	rows := f.sampleFields()
	f.Header = o.Header == "yes" || o.Header != "no" && detectHeader(rows)
	if len(rows) > 0 {
		f.Columns = columnNames(rows[0], f.Header)
	}
}

// formatOfName goes by the extension; empty when that does not tell.
func formatOfName(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv", ".tsv":
		return CSV
	case ".json", ".jsonl", ".ndjson":
		return JSON
	case ".libsvm", ".svm", ".svmlight":
		return LibSVM
	case ".parquet", ".pq":
		return Parquet
	case ".vw":
		return VW
	case ".vwjson":
		return VWJSON
	}
	return ""
}

// detectFormat goes by the extension, then by the first line.
func detectFormat(name string, sample []byte) string {
	format := formatOfName(name)
	if format == VW {
		return decisionsOrVW(sample)
	}
	if format != "" && format != JSON {
		return format
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(sample), []byte{'\n'})
	first = bytes.TrimSpace(first)
	switch {
	case isDSJSON(first):
		return DSJSON
	case vwSharedLine.Match(first), vwCostLine.Match(first):
		return decisionsOrVW(sample)
	case isVWJSON(first):
		return VWJSON
	case format == JSON, bytes.HasPrefix(first, []byte{'{'}):
		return JSON
	case libsvmLine.Match(first):
		return LibSVM
	case vwLine.Match(first):
		return decisionsOrVW(sample)
	}
	return CSV
}

// decisionsOrVW tells Vowpal Wabbit's formats of text apart: labels action:cost:probability are those of decisions, and
// empty lines part those that have a line for each action.
func decisionsOrVW(sample []byte) string {
	costs, blocks := false, false
	for line := range bytes.Lines(bytes.TrimSpace(sample)) {
		line = bytes.TrimSpace(line)
		costs = costs || vwCostLine.Match(line)
		blocks = blocks || len(line) == 0 || vwSharedLine.Match(line)
	}
	switch {
	case costs && blocks:
		return VWADF
	case costs:
		return VWCB
	}
	return VW
}

// isDSJSON reports whether a line is a decision in Vowpal Wabbit's JSON.
func isDSJSON(line []byte) bool {
	v, err := fastjson.ParseBytes(line)
	return err == nil && v.Type() == fastjson.TypeObject && first(v, "_label_cost", "_label_Cost") != nil && first(v, "_labelIndex", "_label_Action") != nil
}

// isVWJSON reports whether a line is an example in Vowpal Wabbit's JSON: it has
// a label, and all other keys are reserved or hold namespaces. A record that
// has features beside _label may be any JSON.
func isVWJSON(line []byte) bool {
	v, err := fastjson.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject || v.Get("_label") == nil {
		return false
	}
	namespaces := 0
	other := false
	v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		switch {
		case bytes.HasPrefix(key, []byte{'_'}):
		case v.Type() == fastjson.TypeObject:
			namespaces++
		default:
			other = true
		}
	})
	return namespaces > 0 && !other
}

// Beginning returns the first lines of the file, which stays where it is; none of a Parquet file.
func (f *File) Beginning() [][]byte { return f.sampleLines() }

// sampleLines returns the complete lines of the sample.
func (f *File) sampleLines() [][]byte {
	sample := f.sample
	if !f.whole {
		sample = sample[:bytes.LastIndexByte(sample, '\n')+1]
	}
	var lines [][]byte
	for line := range bytes.Lines(sample) {
		if line = trimBreak(line); len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// sampleFields returns the fields of the first rows of the sample.
func (f *File) sampleFields() [][]string {
	var rows [][]string
	var row []byte
	for _, line := range f.sampleLines() {
		if row = append(row, line...); openQuote(row, f.Comma) {
			row = append(row, ' ')
			continue
		}
		var fields []string
		for _, v := range Fields(nil, row, f.Comma) {
			fields = append(fields, string(v))
		}
		if rows = append(rows, fields); len(rows) == sampleRows {
			break
		}
		row = row[:0]
	}
	return rows
}

// detectComma returns the delimiter that splits all lines into the same number
// of fields; failing that, the one that is in every line.
func detectComma(lines [][]byte) byte {
	lines = lines[:min(len(lines), sampleRows)]
	var best byte = ','
	bestSame, bestCount := false, 0
	for _, comma := range []byte(",\t; ") {
		least, most := splits(lines, comma)
		same := least == most
		if least == 0 || bestCount > 0 && bestSame && !same {
			continue
		}
		if bestCount == 0 || same && !bestSame || least > bestCount {
			best, bestSame, bestCount = comma, same, least
		}
	}
	return best
}

// splits returns the least and the greatest number of delimiters in a line.
func splits(lines [][]byte, comma byte) (least, most int) {
	for i, line := range lines {
		n := len(Fields(nil, line, comma)) - 1
		if i == 0 {
			least, most = n, n
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// detectHeader reports whether the first row names the columns: it holds no
// number, and either there are numbers below it, or it repeats no value and
// none of its values comes up again in its column. The first name may be empty,
// as that of row numbers is.
func detectHeader(rows [][]string) bool {
	if len(rows) == 0 {
		return false
	}
	names := map[string]bool{}
	for i, name := range rows[0] {
		if name == "" && (i > 0 || len(rows[0]) == 1) || isNumber(name) || names[name] {
			return false
		}
		names[name] = true
	}
	repeated := false
	for _, row := range rows[1:] {
		for i, v := range row {
			if isNumber(v) {
				return true
			}
			repeated = repeated || i < len(rows[0]) && v == rows[0][i]
		}
	}
	return !repeated
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return err == nil
}

func columnNames(first []string, header bool) []string {
	names := make([]string, len(first))
	for i, v := range first {
		if names[i] = strings.TrimSpace(v); !header || names[i] == "" {
			names[i] = fmt.Sprintf("c%d", i)
		}
	}
	return names
}

// Column returns the index of a column by its name or number; "last" is the
// last unless a column has that name.
func (f *File) Column(name string) (int, error) {
	for i, c := range f.Columns {
		if c == name {
			return i, nil
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(f.Columns) {
		return i, nil
	}
	if name == "last" && len(f.Columns) > 0 {
		return len(f.Columns) - 1, nil
	}
	return 0, fmt.Errorf("%s: column %q: there are %s", f.Name, name, strings.Join(f.Columns, ", "))
}
