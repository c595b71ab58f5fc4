package event

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// VWJSON decodes examples in Vowpal Wabbit's JSON, as its option --json reads
// them (https://github.com/VowpalWabbit/vowpal_wabbit/wiki/JSON-and-DSJSON):
//
//	{"_label": 1, "_tag": "id", "f": {"a": 0.5, "color": "red", "new": true}, "v": [1, 2]}
//
// Each has the features that VW decodes from the same example as text, here
// `1 'id|f a:0.5 colorred new |v :1 :2`:
//
//   - An object or array is a namespace of its key, wherever it stands. What is
//     outside of all, or has the key " ", is in the namespace without a name.
//   - A number is the feature "namespace^key" of that value, true one of value 1,
//     and a string the feature "namespace^key" with its text after the key, in
//     which spaces, tabs, colons and bars have become underscores. false and null
//     are nothing.
//   - The n-th number of an array is the feature "namespace^n", from 0; objects
//     in it belong to its namespace.
//   - _text holds words, each a feature of the namespace in which it stands.
//   - _label is a number, text as in VW's lines, or an object of Label, Weight
//     and Initial, which may also be _label_Label and so on. _tag is the event's
//     ID. Other keys that begin with an underscore are passed over.
//
// Examples with several actions (_multi, _slots) are refused. As in Vowpal
// Wabbit a key that occurs twice is two features. It allows JSON as the decoder
// JSON does, and Include and Exclude name features as for VW.
type VWJSON struct {
	json  JSON // its reading of JSON; its path is a stack of namespaces with a key or feature on top
	sieve sieve
}

// NewVWJSON returns a decoder of Vowpal Wabbit's JSON. With needLabel a record
// must have a label; without it the label may be left out.
func NewVWJSON(s Schema, needLabel bool) (*VWJSON, error) {
	if s.LabelType == LabelCosts {
		return nil, fmt.Errorf("source.label_type: %q: must not be %s with format vwjson", s.LabelType, LabelCosts)
	}
	f, err := newSparseFiller(s, needLabel, "vwjson")
	if err != nil {
		return nil, err
	}
	f.schema.Label = "_label"
	return &VWJSON{json: JSON{filler: f}, sieve: newSieve(s)}, nil
}

// space is a namespace: json.path[start:end] is its name and "^", or empty.
type space struct {
	start, end int
	field      uint32
}

// Decode implements Decoder.
func (d *VWJSON) Decode(b []byte, e *Event) error {
	r := &d.json
	r.begin(e)
	r.path = r.path[:0]
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("starts with %s: a record must be a JSON object", excerpt(b[i:]))}
	}
	i = d.object(b, i+1, d.open(0), 1)
	if i >= 0 {
		if i = skipSpace(b, i); i < len(b) {
			i = r.syntax(b, i, "the end of the record")
		}
	}
	if i < 0 {
		return r.rejection
	}
	return r.end(b)
}

// open returns the namespace whose name is the key json.path[start:].
func (d *VWJSON) open(start int) space {
	r := &d.json
	name := r.path[start:]
	if len(name) == 0 || string(name) == " " {
		r.path = r.path[:start]
		return space{start, start, uint32(xxhash.Sum64(nil))}
	}
	field := uint32(xxhash.Sum64(name))
	r.path = append(r.path, '^')
	return space{start, len(r.path), field}
}

// refuse refuses the record and returns -1.
func (d *VWJSON) refuse(field, format string, args ...any) int {
	d.json.rejection = &Rejection{Reason: Syntax, Field: field, Detail: fmt.Sprintf(format, args...)}
	return -1
}

// object reads the members of an object whose features belong to s; b[i] is
// what follows its brace. Like all readers here it returns the index after what
// it read, or -1 when the record is refused at once.
func (d *VWJSON) object(b []byte, i int, s space, depth int) int {
	if depth > MaxDepth {
		return d.json.tooDeep(string(d.json.path[s.start:]))
	}
	i, more := d.first(b, i, '}')
	for more {
		if i = d.key(b, i, s.end); i < 0 {
			return -1
		}
		if len(d.json.path) > s.end && d.json.path[s.end] == '_' {
			i = d.reserved(b, i, s, depth)
		} else {
			i = d.value(b, i, s, depth)
		}
		if i < 0 {
			return -1
		}
		i, more = d.next(b, i, '}')
	}
	return i
}

// first returns the index of the first member or element, if there is one.
func (d *VWJSON) first(b []byte, i int, closing byte) (_ int, more bool) {
	i = skipSpace(b, i)
	if i < len(b) && b[i] == closing {
		return i + 1, false
	}
	return i, true
}

// next passes what follows a member or element.
func (d *VWJSON) next(b []byte, i int, closing byte) (_ int, more bool) {
	i = skipSpace(b, i)
	switch {
	case i < len(b) && b[i] == ',':
		return skipSpace(b, i+1), true
	case i < len(b) && b[i] == closing:
		return i + 1, false
	}
	return d.json.syntax(b, i, "a comma or closing bracket"), false
}

// key reads a key with its colon, and puts it at json.path[at:].
func (d *VWJSON) key(b []byte, i, at int) int {
	if i >= len(b) || b[i] != '"' {
		return d.json.syntax(b, i, "a key in quotes")
	}
	if i = d.text(b, i, at); i < 0 {
		return -1
	}
	if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
		return d.json.syntax(b, i, "a colon")
	}
	return skipSpace(b, i+1)
}

// text reads the string that begins with the quote b[i], and puts it at json.path[at:].
func (d *VWJSON) text(b []byte, i, at int) int {
	path, end := unquote(d.json.path[:at], b, i+1)
	d.json.path = path
	if end < 0 {
		return d.json.syntax(b, i+1, "a well-formed string")
	}
	return end
}

// value reads the value of the key json.path[s.end:].
func (d *VWJSON) value(b []byte, i int, s space, depth int) int {
	r := &d.json
	if i < len(b) {
		switch b[i] {
		case '{':
			return d.object(b, i+1, d.open(s.end), depth+1)
		case '[':
			return d.array(b, i+1, d.open(s.end), depth+1)
		}
	}
	at := len(r.path)
	v, present, i := d.scalar(b, i, depth)
	switch {
	case i < 0:
		return -1
	case !present:
		return i
	case v.kind == kindText:
		tame(r.path[at:])
		v.num = 1
	}
	return d.add(i, s, v.num)
}

// tame replaces what text between bars cannot hold.
func tame(b []byte) {
	for i, c := range b {
		if c == ' ' || c == '\t' || c == '|' || c == ':' {
			b[i] = '_'
		}
	}
}

// add adds the feature json.path[s.start:] and returns i, or -1 when there are too many.
func (d *VWJSON) add(i int, s space, v float64) int {
	r := &d.json
	name := r.path[s.start:]
	if math.IsInf(v, 0) {
		r.fail(NonFinite, string(name), "too large for a 64-bit float")
		return i
	}
	r.sparse(&d.sieve, name, v, s.field)
	if r.e.X.Len() > r.limit {
		return r.overLimit()
	}
	return i
}

// array reads the elements of an array, which is the namespace s.
func (d *VWJSON) array(b []byte, i int, s space, depth int) int {
	r := &d.json
	if depth > MaxDepth {
		return r.tooDeep(string(r.path[s.start:]))
	}
	numbers := 0
	i, more := d.first(b, i, ']')
	for more {
		if i < len(b) && b[i] == '{' {
			i = d.object(b, i+1, s, depth+1)
		} else {
			i = d.element(b, i, s, &numbers, depth)
		}
		if i < 0 {
			return -1
		}
		i, more = d.next(b, i, ']')
	}
	return i
}

// element reads an element that is no object, after so many numbers.
func (d *VWJSON) element(b []byte, i int, s space, numbers *int, depth int) int {
	r := &d.json
	r.path = strconv.AppendInt(r.path[:s.end], int64(*numbers), 10)
	v, present, i := d.scalar(b, i, depth)
	switch {
	case i < 0:
		return -1
	case !present:
		return i
	case v.kind != kindNumber:
		return d.refuse(string(r.path[s.start:max(s.end-1, s.start)]), "the array holds %s: it must hold numbers, objects or null", v.excerpt())
	}
	*numbers++
	return d.add(i, s, v.num)
}

// scalar reads a value; present is false for null. The text of a string is put
// on top of json.path. The content of an object or array is passed over.
func (d *VWJSON) scalar(b []byte, i, depth int) (v value, present bool, end int) {
	r := &d.json
	if i >= len(b) {
		return v, false, r.syntax(b, i, "a value")
	}
	at := len(r.path)
	switch c := b[i]; {
	case c == '"':
		end = d.text(b, i, at)
		return value{kind: kindText, text: r.path[at:]}, true, end
	case c == '-' || c-'0' <= 9:
		x, end := scanNumber(b, i)
		if end < 0 {
			return v, false, r.syntax(b, i, "a well-formed number")
		}
		return value{kind: kindNumber, text: b[i:end], num: x.float(b[i:end])}, true, end
	case c == '{':
		return value{kind: kindContainer}, true, d.skip(b, i+1, '}', depth+1)
	case c == '[':
		return value{kind: kindContainer}, true, d.skip(b, i+1, ']', depth+1)
	case literal(b[i:], "true"):
		return value{kind: kindBool, text: b[i : i+4], num: 1}, true, i + 4
	case literal(b[i:], "false"):
		return value{kind: kindBool, text: b[i : i+5]}, true, i + 5
	case literal(b[i:], "null"):
		return v, false, i + 4
	}
	return v, false, r.syntax(b, i, "a value")
}

// skip passes over the content of an object or array.
func (d *VWJSON) skip(b []byte, i int, closing byte, depth int) int {
	at := len(d.json.path)
	if depth > MaxDepth {
		return d.json.tooDeep("")
	}
	i, more := d.first(b, i, closing)
	for more {
		if closing == '}' {
			if i = d.key(b, i, at); i < 0 {
				return -1
			}
		}
		if _, _, i = d.scalar(b, i, depth); i < 0 {
			return -1
		}
		d.json.path = d.json.path[:at]
		i, more = d.next(b, i, closing)
	}
	return i
}
