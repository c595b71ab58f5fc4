package event

import (
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// MaxDepth is how deep the objects and arrays of a JSON record may nest.
const MaxDepth = 64

// JSON decodes records that are JSON objects of any shape, in one pass. It is
// fast where keys come in the order that it has seen before, see member.
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
	members
	path  []byte // path of the current field, then "=" and the text of its value
	again bool   // a path occurred twice in this record

	contextID  uint64 // hash of the path of Schema.Context; 0 without one
	contextEnd int
}

// NewJSON returns a decoder of JSON. With needLabel a record must have a
// label; without it a record is decoded for scoring.
func NewJSON(s Schema, needLabel bool) (*JSON, error) {
	return newJSON(s, needLabel, wholeEvent)
}

func newJSON(s Schema, needLabel bool, p part) (*JSON, error) {
	f, err := newFiller(s, needLabel)
	if err != nil {
		return nil, err
	}
	f.part = p
	if needLabel && s.Label == "" && p != withoutLabel {
		return nil, fmt.Errorf("source.label: empty: must name the field to predict")
	}
	d := &JSON{filler: f, members: newMembers()}
	if s.Context != "" {
		d.contextID = xxhash.Sum64String(s.Context)
	}
	return d, nil
}

// ContextEnd returns the index after the object in the field Schema.Context of the record that was decoded last, of the
// first one if there are more; 0 without one.
func (d *JSON) ContextEnd() int { return d.contextEnd }

// Decode implements Decoder.
func (d *JSON) Decode(b []byte, e *Event) error {
	d.begin(e)
	d.nextRecord()
	d.again, d.contextEnd = false, 0
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("starts with %s: a record must be a JSON object", excerpt(b[i:]))}
	}
	i = d.object(b, i+1, &d.root, 1)
	if i >= 0 {
		if i = skipSpace(b, i); i < len(b) {
			i = d.syntax(b, i, "the end of the record")
		}
	}
	if i < 0 {
		return d.rejection
	}
	d.judge(e.size())
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
func (d *JSON) tooDeep(path string) int {
	d.rejection = &Rejection{Reason: TooDeep, Field: path, Detail: fmt.Sprintf("more than %d objects and arrays inside each other", MaxDepth)}
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

// object reads the members of the object that is the value of m; b[i] is what
// follows its brace. Like all readers here it returns the index after what it
// read, or -1 when the record is refused at once.
func (d *JSON) object(b []byte, i int, m *member, depth int) int {
	if depth > MaxDepth {
		return d.tooDeep(m.path())
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	expected := &m.first
	if !d.guesses {
		expected = &d.nobody
	}
	for {
		f := *expected
		if f != nil && i+int(f.seen.reach) <= len(b) &&
			((inside(b, i)^f.seen.head)|(inside(b, i+int(f.seen.tailAt))^f.seen.tail))&f.seen.mask == 0 {
			i += int(f.seen.size)
			expected = &f.next
		} else if f, i, expected = d.member(b, i, m, expected); i < 0 {
			return -1
		}
		if f.stamp == d.record {
			d.again = true
		}
		f.stamp = d.record
		// Short strings and numbers that are features by their type are read here,
		// since a call of a function would take a twentieth of the time.
		n := 0 // length of the value; 0 when it is another
		if i+9 <= len(b) && f.role == roleAuto && d.e.X.Len() < d.limit {
			if b[i] == '"' {
				x := inside(b, i+1)
				size := uint(bits.TrailingZeros64(unplain(x))) &^ 7
				if byte(x>>(size&63)) == '"' && size <= uint(f.hash.room) {
					d.e.X.Sparse = append(d.e.X.Sparse, Feature{f.hash.sumWord(x&(1<<(size&63)-1), size), 1, uint32(f.id)})
					n = int(size/8) + 2
				}
			} else {
				var v float64
				if v, n = shortNumber(b, i); n > 0 {
					d.e.X.Dense = append(d.e.X.Dense, Feature{f.id, v, uint32(f.id)})
				}
			}
		}
		if n > 0 {
			i += n
		} else if i = d.value(b, i, f, f.role, depth); i < 0 {
			return -1
		}
		if i >= len(b) || b[i] != ',' {
			i = skipSpace(b, i)
			if i < len(b) && b[i] == '}' {
				return i + 1
			}
			if i >= len(b) || b[i] != ',' {
				return d.syntax(b, i, "a comma or closing brace")
			}
		}
		i = skipSpace(b, i+1)
	}
}

// member finds the member whose key is at b[i:], in the object of m, and
// returns it, the index of its value, and where the member after it is guessed.
// The member itself was guessed to be expected or one of the next.
func (d *JSON) member(b []byte, i int, m *member, expected **member) (f *member, end int, next **member) {
	if f = guess(*expected, b, i); f != nil {
		return f, i + int(f.seen.size), &f.next
	}
	if i >= len(b) || b[i] != '"' {
		return nil, d.syntax(b, i, "a key in quotes"), nil
	}
	quote, start := i, i+1
	d.setPath(m, '.')
	key := len(d.path)
	i = plainEnd(b, start)
	if i < len(b) && b[i] == '"' {
		d.path = append(d.path, b[start:i]...)
		i++
	} else if d.path, i = unquote(d.path, b, start); i < 0 {
		return nil, d.syntax(b, start, "a well-formed string"), nil
	}
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return nil, d.syntax(b, i, "a colon"), nil
	}
	i = skipSpace(b, i+1)
	f = d.lookUp(key)
	if !d.guesses {
		return f, i, &d.nobody
	}
	d.looked++
	return f, i, d.link(f, b[quote:i], expected)
}

// setPath makes d.path the path of m with a character behind it; empty for the record itself.
func (d *JSON) setPath(m *member, c byte) {
	d.path = append(d.path[:0], m.name...)
	if n := len(d.path); n > 0 {
		d.path[n-1] = c
	}
}
