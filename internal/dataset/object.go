package dataset

import (
	"bytes"
	"encoding/json"
	"regexp"
	"unicode/utf8"
)

// Object turns CSV rows into JSON objects that event.JSON decodes to the same
// event as event.CSV does the row.
type Object struct {
	columns [][]byte // as JSON strings with their colon
	comma   byte
	fields  [][]byte
}

// NewObject returns an Object for rows of these columns.
func NewObject(columns []string, comma byte) *Object {
	o := &Object{comma: comma}
	for _, c := range columns {
		o.columns = append(o.columns, append(appendString(nil, []byte(c)), ':'))
	}
	return o
}

// Append appends the JSON object of a row to dst. Text that is a number becomes
// a number, an empty field null, all else a string. ok is false, and dst as it
// was, when the row has another number of fields than there are columns.
func (o *Object) Append(dst, row []byte) (_ []byte, ok bool) {
	o.fields = Fields(o.fields[:0], row, o.comma)
	if len(o.fields) != len(o.columns) {
		return dst, false
	}
	for i, f := range o.fields {
		dst = append(dst, "{,"[min(i, 1)])
		dst = append(dst, o.columns[i]...)
		dst = appendValue(dst, bytes.TrimSpace(f))
	}
	return append(dst, '}'), true
}

var (
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	number     = regexp.MustCompile(`^([+-]?)(0*)([0-9]*)(?:\.([0-9]*))?([eE][+-]?[0-9]+)?$`)
	nonFinite  = regexp.MustCompile(`(?i)^[+-]?(nan|inf|infinity)$`)
)

func appendValue(dst, field []byte) []byte {
	switch {
	case len(field) == 0:
		return append(dst, "null"...)
	case field[0] > '9' && nonFinite.Match(field), field[0] < '0' && nonFinite.Match(field):
		// JSON has no such number; one beyond the range is refused for the same reason.
		return append(dst, "1e999"...)
	case field[0] > '9' || !bytes.ContainsAny(field, "0123456789"):
		return appendString(dst, field)
	case jsonNumber.Match(field):
		return append(dst, field...)
	}
	if m := number.FindSubmatch(field); m != nil && len(m[2])+len(m[3])+len(m[4]) > 0 {
		return appendNumber(dst, m[1], m[3], m[4], m[5])
	}
	return appendString(dst, field)
}

// appendNumber writes what JSON does not allow the way that it does: "+1",
// "007", ".5" and "5.".
func appendNumber(dst, sign, whole, fraction, exponent []byte) []byte {
	if string(sign) == "-" {
		dst = append(dst, '-')
	}
	if len(whole) == 0 {
		whole = []byte("0")
	}
	dst = append(dst, whole...)
	if len(fraction) > 0 {
		dst = append(dst, '.')
		dst = append(dst, fraction...)
	}
	return append(dst, exponent...)
}

// appendString appends text as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendString(dst, text []byte) []byte {
	plain := utf8.Valid(text)
	for _, c := range text {
		plain = plain && c >= ' ' && c != '"' && c != '\\'
	}
	if plain {
		dst = append(dst, '"')
		dst = append(dst, text...)
		return append(dst, '"')
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return append(dst, `""`...) // does not occur: every string has a JSON form
	}
	return append(dst, quoted...)
}
