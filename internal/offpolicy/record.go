package offpolicy

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/streamlearner/streamlearner/internal/dataset"
)

// Format says what the records are.
type Format struct {
	Name    string   // dataset.JSON or dataset.CSV
	Columns []string // csv: names of the columns
	Comma   byte     // csv: the delimiter
}

// field is one value of a record by name.
type field struct {
	name   string
	column int      // csv
	path   []string // json
}

// field finds a field by its name: a column, or the path of a JSON value.
func (f *Format) field(name string) (field, error) {
	if f.Name == dataset.JSON {
		return field{name: name, path: strings.Split(name, ".")}, nil
	}
	i := slices.Index(f.Columns, name)
	if i < 0 {
		return field{}, fmt.Errorf("column %q: there are %s", name, strings.Join(f.Columns, ", "))
	}
	return field{name: name, column: i}, nil
}

// record is a record with its fields told apart. It is used again for every one.
type record struct {
	format *Format
	raw    []byte
	cells  [][]byte
	object *fastjson.Value
	text   []byte // of a number
	parser fastjson.Parser
	inner  fastjson.Parser // of JSON in a cell
}

// read splits a record, or says why it cannot.
func (r *record) read(raw []byte) error {
	r.raw = raw
	if r.format.Name == dataset.JSON {
		v, err := r.parser.ParseBytes(raw)
		if err != nil || v.Type() != fastjson.TypeObject {
			return refusal{"the record is no JSON object", clip(raw)}
		}
		r.object = v
		return nil
	}
	r.cells = dataset.Fields(r.cells[:0], raw, r.format.Comma)
	if len(r.cells) != len(r.format.Columns) {
		return refusal{"the row has another number of columns", fmt.Sprintf("%d instead of %d", len(r.cells), len(r.format.Columns))}
	}
	return nil
}

// value returns a field as text, or as JSON when it is an array or an object, valid until the next call. Both are nil
// when it is missing.
func (r *record) value(f *field) (text []byte, compound *fastjson.Value) {
	if r.format.Name == dataset.JSON {
		v := r.object.Get(f.name) // a name may have dots in it
		if v == nil {
			v = r.object.Get(f.path...)
		}
		switch {
		case v == nil || v.Type() == fastjson.TypeNull:
			return nil, nil
		case v.Type() == fastjson.TypeString:
			return bytes.TrimSpace(v.GetStringBytes()), nil
		case v.Type() == fastjson.TypeArray || v.Type() == fastjson.TypeObject:
			return nil, v
		}
		r.text = v.MarshalTo(r.text[:0])
		return r.text, nil
	}
	text = bytes.TrimSpace(r.cells[f.column])
	if len(text) > 0 && (text[0] == '[' || text[0] == '{') {
		if v, err := r.inner.ParseBytes(text); err == nil {
			return nil, v
		}
	}
	return text, nil
}

// number returns a field as a number; NaN only when it says so.
func (r *record) number(f *field, what string) (float64, error) {
	text, compound := r.value(f)
	switch {
	case compound != nil:
		return 0, refusal{what + " is not a number", f.name + " is an array or an object"}
	case len(text) == 0:
		return 0, refusal{what + " is missing", f.name + " is empty"}
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !math.IsInf(x, 0) {
		return 0, refusal{what + " is not a number", fmt.Sprintf("%s is %q", f.name, clip(text))}
	}
	return x, nil
}

// clip shortens what is shown of a record.
func clip(b []byte) string {
	const most = 80
	if len(b) > most {
		return string(b[:most]) + "..."
	}
	return string(b)
}
