package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// decodeTree decodes a record in which a path occurred twice. It lets
// encoding/json decide which of equal keys counts, and then walks the tree with
// the keys in byte order. It is slow and allocates; few producers repeat keys.
func (d *JSON) decodeTree(b []byte, e *Event) error {
	var root map[string]any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&root); err != nil {
		return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("a key occurs twice, and reading the record with care fails: %v", err)}
	}
	d.begin(e)
	t := tree{d, map[string]bool{}}
	t.object(root, 0)
	d.needFeatures()
	return d.end(b)
}

// tree walks a decoded record. Its taken are the paths that have a value.
type tree struct {
	*JSON
	taken map[string]bool
}

func (t tree) object(o map[string]any, prefix int) {
	for _, key := range slices.Sorted(maps.Keys(o)) {
		t.path = append(t.path[:prefix], key...)
		t.field(o[key])
	}
}

// field puts the value v of the field t.path in its place, unless the path has one.
func (t tree) field(v any) {
	path := len(t.path)
	if v == nil || t.taken[string(t.path)] {
		return
	}
	r := t.roleOf(string(t.path))
	if o, isObject := v.(map[string]any); t.several(r) {
		t.taken[string(t.path)] = true
		if a, isArray := v.([]any); isObject || isArray {
			t.label(o, a)
			return
		}
	}
	if a, isArray := v.([]any); isArray && (r == roleActions || r == roleEligible) {
		t.taken[string(t.path)] = true
		if r == roleActions {
			t.actions(a, path)
		} else {
			t.eligible(a)
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if r > roleSkip {
			t.container(r)
		}
		if r == roleLogged {
			t.logged(v)
			return
		}
		t.path = append(t.path, '.')
		t.object(v, path+1)
	case []any:
		t.taken[string(t.path)] = true
		if r > roleSkip {
			r = t.container(r)
		}
		t.array(v, path, r)
	default:
		t.taken[string(t.path)] = true
		t.scalar(v, path, r)
	}
}

func (t tree) array(a []any, path int, r role) {
	for n, v := range a {
		t.path = t.path[:path]
		if v != nil && inBag(firstByte(v), t.base(r)) {
			t.scalar(v, path, r)
			continue
		}
		t.path = strconv.AppendUint(append(t.path, '.'), uint64(n), 10)
		t.field(v)
	}
}

func (t tree) scalar(v any, path int, r role) {
	if r != roleSkip {
		t.otherAt(r, xxhash.Sum64(t.path[:path]), path, scalarValue(v))
	}
}

// label reads a label of several parts.
func (t tree) label(o map[string]any, a []any) {
	var whole any = o
	if a != nil {
		whole = a
	}
	text, err := json.Marshal(whole)
	switch {
	case err != nil: // impossible for what was decoded
		t.fail(LabelInvalid, t.schema.Label, "%v", err)
	case a != nil:
		t.labelArray(text, 1)
	default:
		t.labelObject(text, 1)
	}
}

// logged keeps the features that were logged at decision time.
func (t tree) logged(o map[string]any) {
	text, err := json.Marshal(o)
	if err != nil { // impossible for what was decoded
		t.fail(Syntax, t.schema.Logged, "%v", err)
	}
	t.e.Logged = append(t.e.Logged[:0], text...)
}

// scalarValue turns a string, number or boolean of encoding/json into a value.
func scalarValue(v any) value {
	switch v := v.(type) {
	case string:
		return value{kind: kindText, text: []byte(v)}
	case json.Number:
		text := []byte(v)
		x, _ := scanNumber(text, 0)
		return value{kind: kindNumber, text: text, num: x.float(text)}
	case bool:
		if v {
			return value{kind: kindBool, text: []byte("true"), num: 1}
		}
	}
	return value{kind: kindBool, text: []byte("false")}
}

// firstByte returns a byte that starts a value of v's type in JSON.
func firstByte(v any) byte {
	switch v.(type) {
	case map[string]any:
		return '{'
	case []any:
		return '['
	case string:
		return '"'
	case json.Number:
		return '0'
	}
	return 't'
}
