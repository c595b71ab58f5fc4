package event

import (
	"bytes"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// CSV decodes records that are one line of delimited text, with the columns
// known in advance.
//
//   - A value that is a decimal number is a numeric feature, any other a category.
//   - An empty value means that the field is absent.
//   - A value that spells NaN or an infinity is a rejection, unless the column
//     is listed in Schema.Categorical.
//   - Spaces around a value do not belong to it.
//   - A value may stand in double quotes; then it may hold the delimiter, spaces
//     around it and, doubled, quotes (RFC 4180), but no line break. In
//     tab-separated text quotes are ordinary characters (IANA
//     text/tab-separated-values).
//   - With a space as delimiter any run of spaces and tabs is one delimiter.
type CSV struct {
	filler
	columns []column
	comma   byte
	text    []byte // content of a quoted value
	name    []byte // "path=text" of a category
}

// column is what a decoder of delimited text knows of one column.
type column struct {
	name string
	path []byte // name
	hash uint64
	role role
}

// NewCSV returns a decoder of lines with these columns, delimited by comma.
// With needLabel a record must have a label; without it a record is decoded for
// scoring, and all columns must still be there, but the label may be empty.
func NewCSV(s Schema, columns []string, comma byte, needLabel bool) (*CSV, error) {
	f, err := newFiller(s, needLabel)
	if err != nil {
		return nil, err
	}
	if err := s.noOffer("csv"); err != nil {
		return nil, err
	}
	switch {
	case needLabel && s.Label == "":
		return nil, fmt.Errorf("source.label: empty: must name the column to predict, one of %q", columns)
	case s.Logged != "":
		return nil, fmt.Errorf("guard.inputs.logged: %q: must be empty with format csv, whose columns hold no objects", s.Logged)
	case len(columns) == 0:
		return nil, fmt.Errorf("columns: none: a line must have at least one column")
	case comma == '"' || comma == '\r' || comma == '\n' || comma == 0 || comma >= 0x80:
		return nil, fmt.Errorf("delimiter: %q: must be an ASCII character other than a quote or a line break", comma)
	}
	d := &CSV{filler: f, comma: comma}
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c] {
			return nil, fmt.Errorf("columns: %q: occurs twice", c)
		}
		seen[c] = true
		d.columns = append(d.columns, column{c, []byte(c), xxhash.Sum64String(c), d.roleOf(c)})
	}
	for _, n := range s.named() {
		optional := !needLabel && (n.role == roleLabel || n.role == roleArm || n.role == roleProbability)
		if n.field != "" && !seen[n.field] && !optional {
			return nil, fmt.Errorf("%s: %q: must be a column, one of %q", n.key, n.field, columns)
		}
	}
	return d, nil
}

// Decode implements Decoder. A line break at the end of b is not part of the line.
func (d *CSV) Decode(b []byte, e *Event) error {
	d.begin(e)
	line := trimBreak(b)
	if bytes.IndexByte(line, '\n') >= 0 {
		return &Rejection{Reason: Syntax, Detail: "holds a line break: a record must be one line"}
	}
	if d.comma == ' ' {
		line = trim(line)
	}
	next := 0
	for i := range d.columns {
		if next < 0 {
			return d.wrongCount(i)
		}
		var text []byte
		var quoted, ok bool
		if text, next, quoted, ok = d.cut(line, next); !ok {
			return &Rejection{Reason: Syntax, Field: d.columns[i].name,
				Detail: "a quoted value must end with a quote before the delimiter; write a quote inside it twice"}
		}
		if !quoted {
			text = trim(text)
		}
		if len(text) > 0 {
			d.field(&d.columns[i], text)
		}
	}
	if next >= 0 {
		return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("more than the %d columns that are expected", len(d.columns))}
	}
	d.needFeatures()
	return d.end(b)
}

func (d *CSV) wrongCount(n int) error {
	return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("%d columns where %d are expected", n, len(d.columns))}
}

// cut returns the text of the value at line[i:] and the index of the value
// after it, -1 when it was the last. Ok is false when its quotes are wrong.
func (d *CSV) cut(line []byte, i int) (text []byte, next int, quoted, ok bool) {
	if i < len(line) && line[i] == '"' && d.comma != '\t' {
		text, next, ok = d.cutQuoted(line, i+1)
		return text, next, true, ok
	}
	if d.comma == ' ' {
		end := i
		for end < len(line) && line[end] != ' ' && line[end] != '\t' {
			end++
		}
		return line[i:end], d.after(line, end), false, true
	}
	n := bytes.IndexByte(line[i:], d.comma)
	if n < 0 {
		return line[i:], -1, false, true
	}
	return line[i : i+n], i + n + 1, false, true
}

// cutQuoted is cut for the value whose opening quote is before line[i].
func (d *CSV) cutQuoted(line []byte, i int) (text []byte, next int, ok bool) {
	d.text = d.text[:0]
	for {
		n := bytes.IndexByte(line[i:], '"')
		if n < 0 {
			return nil, -1, false
		}
		d.text = append(d.text, line[i:i+n]...)
		i += n + 1
		if i == len(line) || line[i] == d.comma || d.comma == ' ' && line[i] == '\t' {
			return d.text, d.after(line, i), true
		}
		if line[i] != '"' {
			return nil, -1, false
		}
		d.text = append(d.text, '"')
		i++
	}
}

// after returns the index of the value after the delimiter at line[i]; -1 at the end.
func (d *CSV) after(line []byte, i int) int {
	if i == len(line) {
		return -1
	}
	i++
	for d.comma == ' ' && i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return i
}

// field puts one value in its place.
func (d *CSV) field(c *column, text []byte) {
	switch c.role {
	case roleSkip:
	case roleAuto:
		if v, ok := parseText(text); ok {
			d.dense(c.hash, c.path, v)
		} else if isNonFiniteName(text) {
			d.fail(NonFinite, c.name, "%s is not a finite number", excerpt(text))
		} else {
			d.category(c, text)
		}
	case roleNumeric:
		d.numericText(c, text)
	case roleCategorical:
		d.category(c, text)
	default:
		if c.role >= roleShaped {
			d.shapedField(c, text)
		} else {
			d.special(c.role, value{kind: kindText, text: text})
		}
	}
}

// shapedField puts one value of a column with a shape in its place.
func (d *CSV) shapedField(c *column, text []byte) {
	s := &d.shapes[c.role-roleShaped]
	v := value{kind: kindText, text: text}
	dense, sparse := len(d.e.X.Dense), len(d.e.X.Sparse)
	switch {
	case s.cyclic >= 0:
		d.clock(s, v)
	case s.text:
		d.words(c.hash, c.path, text)
	default:
		plain := *c
		plain.role = s.base
		d.field(&plain, text)
	}
	d.settle(s, dense, sparse, v)
}

// numericText adds the feature of a column that is listed as numeric.
func (d *CSV) numericText(c *column, text []byte) {
	v := value{kind: kindText, text: text}
	switch string(text) {
	case "true":
		v = value{kind: kindBool, num: 1}
	case "false":
		v = value{kind: kindBool}
	}
	d.numeric(c.hash, c.path, v)
}

// category adds the feature "column=text".
func (d *CSV) category(c *column, text []byte) {
	d.name = append(append(d.name[:0], c.path...), '=')
	if v, ok := parseText(text); ok && !isInteger(text) && !math.IsInf(v, 0) {
		d.name = appendCategory(d.name, text, v)
	} else {
		d.name = append(d.name, text...)
	}
	hash := xxhash.Sum64(d.name)
	d.e.X.Sparse = append(d.e.X.Sparse, Feature{hash, 1, uint32(c.hash)})
	if d.names != nil {
		d.keepName(hash, string(d.name))
	}
}

// trimBreak removes one line break from the end of b.
func trimBreak(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
		if len(b) > 0 && b[len(b)-1] == '\r' {
			b = b[:len(b)-1]
		}
	}
	return b
}
