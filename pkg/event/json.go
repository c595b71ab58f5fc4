package event

import (
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// MaxDepth is how deep the objects and arrays of a JSON record may nest.
const MaxDepth = 64

// JSON decodes records that are JSON objects of any shape, in one pass that
// hashes each key where it stands.
//
//   - A key of a nested object has the path "outer.inner".
//   - A number is a numeric feature, a string or boolean a category.
//   - In an array, each string or boolean is a category of the array's own
//     path (a bag: an element that occurs twice is there twice); a number, object
//     or array has the path "array.0", "array.1", ... by its position. Numbers
//     of an array listed in Schema.Categorical form a bag, too.
//   - null means that the field is absent.
//
// It accepts the texts that encoding/json accepts, if they are objects nested
// no deeper than MaxDepth, and reads them alike: invalid UTF-8 and unpaired
// surrogates become U+FFFD, and of equal keys of an object the last one counts.
// When different keys have one path, as in {"a":{"b":1},"a.b":2}, the key that
// is first in byte order counts.
type JSON struct {
	filler
	roles roleTable
	path  []byte // path of the current field, then "=" and the text of its value
	again bool   // a path occurred twice in this record
}

// NewJSON returns a decoder of JSON. With needLabel a record must have a
// label; without it a record is decoded for scoring.
func NewJSON(s Schema, needLabel bool) (*JSON, error) {
	f, err := newFiller(s, needLabel)
	if err != nil {
		return nil, err
	}
	if needLabel && s.Label == "" {
		return nil, fmt.Errorf("source.label: empty: must name the field to predict")
	}
	return &JSON{filler: f, roles: newRoleTable()}, nil
}

// Decode implements Decoder.
func (d *JSON) Decode(b []byte, e *Event) error {
	d.begin(e)
	d.roles.next()
	d.again = false
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("starts with %s: a record must be a JSON object", excerpt(b[i:]))}
	}
	i = d.object(b, i+1, 0, 1)
	if i >= 0 {
		if i = skipSpace(b, i); i < len(b) {
			i = d.syntax(b, i, "the end of the record")
		}
	}
	if i < 0 {
		return d.rejection
	}
	if d.again {
		return d.decodeTree(b, e)
	}
	d.needFeatures()
	return d.end(b)
}

// syntax refuses the record, whatever else is wrong with it, and returns -1.
func (d *JSON) syntax(b []byte, i int, want string) int {
	found := "the end of the record"
	if i < len(b) {
		found = fmt.Sprintf("%q", b[i:i+1])
	}
	d.rejection = &Rejection{Reason: Syntax, Detail: fmt.Sprintf("byte %d: %s where %s was expected", i, found, want)}
	return -1
}

// tooDeep refuses the record and returns -1.
func (d *JSON) tooDeep(path []byte) int {
	d.rejection = &Rejection{Reason: TooDeep, Field: string(path), Detail: fmt.Sprintf("more than %d objects and arrays inside each other", MaxDepth)}
	return -1
}

// overLimit refuses the record and returns -1.
func (d *JSON) overLimit() int {
	d.rejection = nil
	d.checkLimit()
	return -1
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// object reads the members of an object; b[i] is what follows its brace, and
// d.path[:prefix] its own path with a dot. Like all readers here it returns the
// index after what it read, or -1 when the record is refused at once.
func (d *JSON) object(b []byte, i, prefix, depth int) int {
	if depth > MaxDepth {
		return d.tooDeep(d.path[:max(prefix-1, 0)])
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return d.syntax(b, i, "a key in quotes")
		}
		start := i + 1
		i = plainEnd(b, start)
		if i < len(b) && b[i] == '"' {
			d.path = append(d.path[:prefix], b[start:i]...)
			i++
		} else if d.path, i = unquote(d.path[:prefix], b, start); i < 0 {
			return d.syntax(b, start, "a well-formed string")
		}
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != ':' {
			return d.syntax(b, i, "a colon")
		}
		i = skipSpace(b, i+1)
		r, id := d.role()
		if i = d.value(b, i, id, r, depth); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		if i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
			continue
		}
		if i < len(b) && b[i] == '}' {
			return i + 1
		}
		return d.syntax(b, i, "a comma or closing brace")
	}
}

// role returns what the value at d.path is for and its hash as a feature, and
// notes a repeated path.
func (d *JSON) role() (r role, id uint64) {
	h := pathHash(d.path)
	s := d.roles.slot(h)
	switch {
	case s.role == roleNone:
		s = d.roles.add(h, d.path, d.roleOf(string(d.path)))
	case s.stamp == d.roles.stamp:
		d.again = true
	default:
		s.stamp = d.roles.stamp
	}
	return s.role, s.id
}

// value reads the value of the field d.path, whose hash is id.
func (d *JSON) value(b []byte, i int, id uint64, r role, depth int) int {
	if i >= len(b) {
		return d.syntax(b, i, "a value")
	}
	path := len(d.path)
	switch c := b[i]; {
	case c == '"':
		start := i + 1
		d.path = append(d.path, '=')
		i = plainEnd(b, start)
		if i < len(b) && b[i] == '"' {
			d.path = append(d.path, b[start:i]...)
			i++
		} else if d.path, i = unquote(d.path, b, start); i < 0 {
			return d.syntax(b, start, "a well-formed string")
		}
		if r == roleAuto || r == roleCategorical {
			d.e.X.Sparse = append(d.e.X.Sparse, Feature{xxhash.Sum64(d.path), 1, uint32(id)})
		} else if r != roleSkip {
			d.other(r, id, path, value{kind: kindText, text: d.path[path+1:]})
		}
	case c == '-' || c-'0' <= 9:
		x, end := scanNumber(b, i)
		if end < 0 {
			return d.syntax(b, i, "a well-formed number")
		}
		if r != roleSkip {
			v := x.float(b[i:end])
			if r == roleAuto && !math.IsInf(v, 0) {
				d.e.X.Dense = append(d.e.X.Dense, Feature{id, v, uint32(id)})
			} else {
				d.other(r, id, path, value{kind: kindNumber, text: b[i:end], num: v})
			}
		}
		i = end
	case c == '{':
		if r > roleSkip {
			d.container(r)
		}
		d.path = append(d.path, '.')
		return d.object(b, i+1, path+1, depth+1)
	case c == '[':
		if r > roleSkip {
			r = d.container(r)
		}
		return d.array(b, i+1, path, id, r, depth+1)
	case c == 't' && literal(b[i:], "true"):
		if r != roleSkip {
			d.other(r, id, path, value{kind: kindBool, text: b[i : i+4], num: 1})
		}
		i += 4
	case c == 'f' && literal(b[i:], "false"):
		if r != roleSkip {
			d.other(r, id, path, value{kind: kindBool, text: b[i : i+5]})
		}
		i += 5
	case c == 'n' && literal(b[i:], "null"):
		i += 4
	default:
		return d.syntax(b, i, "a value")
	}
	if d.e.X.Len() > d.limit {
		return d.overLimit()
	}
	return i
}

func literal(b []byte, word string) bool { return len(b) >= len(word) && string(b[:len(word)]) == word }

// other handles the values that the common path of value leaves: those of
// configured fields, booleans, and numbers that are infinite or categories.
// The path is d.path[:path], its hash id.
func (d *JSON) other(r role, id uint64, path int, v value) {
	switch {
	case r >= roleShaped:
		d.shapedValue(&d.shapes[r-roleShaped], id, path, v)
	case r > roleSkip:
		d.special(r, v)
	case r == roleNumeric && v.kind != kindNumber:
		d.numeric(id, d.path[:path], v)
	case r == roleNumeric || r == roleAuto && v.kind == kindNumber:
		d.dense(id, d.path[:path], v.num)
	default:
		d.category(id, path, v)
	}
}

// shapedValue is other for the values of fields with a shape.
func (d *JSON) shapedValue(s *shape, id uint64, path int, v value) {
	dense, sparse := len(d.e.X.Dense), len(d.e.X.Sparse)
	switch {
	case s.cyclic >= 0:
		d.clock(s, v)
	case s.text && v.kind == kindText:
		d.words(id, d.path[:path], v.text)
	default:
		d.other(s.base, id, path, v)
	}
	d.settle(s, dense, sparse, v)
}

// category adds the feature "path=text" of the field d.path[:path], whose hash is id.
func (d *JSON) category(id uint64, path int, v value) {
	d.path = append(d.path[:path], '=')
	switch {
	case v.kind != kindNumber:
		d.path = append(d.path, v.text...)
	case math.IsInf(v.num, 0) && !isInteger(v.text):
		d.fail(NonFinite, string(d.path[:path]), "too large for a 64-bit float")
		return
	default:
		d.path = appendCategory(d.path, v.text, v.num)
	}
	hash := xxhash.Sum64(d.path)
	d.e.X.Sparse = append(d.e.X.Sparse, Feature{hash, 1, uint32(id)})
	if d.names != nil {
		d.keepName(hash, string(d.path))
	}
}
