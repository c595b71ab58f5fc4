package dataset

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// Object turns CSV rows into JSON objects.
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
		dst = appendValue(dst, f)
	}
	return append(dst, '}'), true
}

func appendValue(dst, field []byte) []byte {
	if len(field) == 0 {
		return append(dst, "null"...)
	}
	if c := field[0]; c <= '9' && json.Valid(field) { // of valid JSON only numbers and strings begin so low
		if c != '"' {
			return append(dst, field...)
		}
	}
	return appendString(dst, field)
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
	if err != nil { // a string always marshals
		return strconv.AppendQuote(dst, string(text))
	}
	return append(dst, quoted...)
}
