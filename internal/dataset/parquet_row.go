package dataset

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
)

// rowObject puts the rows of a Parquet file together as JSON objects. A row
// comes as the values of its columns, each with the levels at which it is
// defined and repeated (Melnik et al., "Dremel: Interactive Analysis of
// Web-Scale Datasets", VLDB 2010, https://doi.org/10.14778/1920841.1920886).
type rowObject struct {
	fields []*column
	row    parquet.Row
	next   []int // of each leaf column the index in row of its next value
	end    []int // and the index after its last
	err    error
}

// column is a node of the schema: a leaf with values, or a group of columns.
type column struct {
	key         []byte // its name as JSON string, with the colon
	first, last int    // leaf columns below it: [first, last)
	def         int    // definition level from which on it is not null or, when repeated, not empty
	rep         int    // repetition level of the elements after the first
	optional    bool
	shape       shape
	wrapper     bool      // its value is that of its only field
	fields      []*column // of a group; of a map key and value
	append      appender  // of a leaf
}

type shape uint8

const (
	shapeValue shape = iota // one value
	shapeList               // repeated: an array of values
	shapeMap                // repeated pairs of key and value: an object
)

// Append appends the JSON object of a row to dst. A null becomes an absent
// field, or null as an element of a list.
func (o *rowObject) Append(dst []byte, row parquet.Row) ([]byte, error) {
	o.row, o.err = row, nil
	clear(o.next)
	clear(o.end)
	for i, v := range row {
		c := v.Column()
		if c < 0 || c >= len(o.end) {
			return dst, fmt.Errorf("a value of column %d of %d", c, len(o.end))
		}
		if o.end[c] == 0 {
			o.next[c] = i
		}
		o.end[c] = i + 1
	}
	dst = o.object(dst, o.fields)
	return dst, o.err
}

// head returns the next value of the first leaf below c.
func (o *rowObject) head(c *column) parquet.Value {
	i := o.next[c.first]
	if i >= o.end[c.first] {
		o.err = errors.New("a row lacks values of a column")
		return parquet.Value{}
	}
	return o.row[i]
}

// skip passes the one value that each leaf has in place of a null or empty c.
func (o *rowObject) skip(c *column) {
	for i := c.first; i < c.last; i++ {
		o.next[i]++
	}
}

func (o *rowObject) object(dst []byte, fields []*column) []byte {
	dst = append(dst, '{')
	begin := len(dst)
	for _, c := range fields {
		before := len(dst)
		if before > begin {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = o.value(append(dst, c.key...), c); !ok {
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}

// value appends the value of c; not ok for null.
func (o *rowObject) value(dst []byte, c *column) (_ []byte, ok bool) {
	if (c.optional || c.shape != shapeValue) && o.head(c).DefinitionLevel() < c.def {
		o.skip(c)
		switch c.shape {
		case shapeList:
			return append(dst, "[]"...), true
		case shapeMap:
			return append(dst, "{}"...), true
		default:
			return dst, false
		}
	}
	switch c.shape {
	case shapeList:
		return o.list(dst, c), true
	case shapeMap:
		return o.pairs(dst, c), true
	default:
		return o.one(dst, c)
	}
}

// one appends one value of c, which is defined.
func (o *rowObject) one(dst []byte, c *column) (_ []byte, ok bool) {
	switch {
	case c.append != nil:
		dst, ok = c.append(dst, o.head(c))
		o.next[c.first]++
		return dst, ok
	case c.wrapper:
		return o.value(dst, c.fields[0])
	}
	return o.object(dst, c.fields), true
}

// more reports whether the repeated c has a further element.
func (o *rowObject) more(c *column) bool {
	i := o.next[c.first]
	return o.err == nil && i < o.end[c.first] && o.row[i].RepetitionLevel() == c.rep
}

func (o *rowObject) list(dst []byte, c *column) []byte {
	dst = append(dst, '[')
	for {
		var ok bool
		if dst, ok = o.one(dst, c); !ok {
			dst = append(dst, "null"...)
		}
		if !o.more(c) {
			return append(dst, ']')
		}
		dst = append(dst, ',')
	}
}

func (o *rowObject) pairs(dst []byte, c *column) []byte {
	dst = append(dst, '{')
	begin := len(dst)
	for {
		before := len(dst)
		if before > begin {
			dst = append(dst, ',')
		}
		if !o.pair(&dst, c.fields[0], c.fields[1]) {
			dst = dst[:before]
		}
		if !o.more(c) {
			return append(dst, '}')
		}
	}
}

// pair appends a key and its value; false when one of them is null.
func (o *rowObject) pair(dst *[]byte, key, value *column) bool {
	at := len(*dst)
	text, keyed := o.value(*dst, key)
	if keyed && text[at] != '"' { // a number or boolean
		text = append(text, '"', '"')
		copy(text[at+1:], text[at:len(text)-2])
		text[at] = '"'
	}
	out, ok := o.value(append(text, ':'), value)
	*dst = out
	return keyed && ok
}
