package event

import (
	"math"

	"github.com/cespare/xxhash/v2"
)

// value reads the value of the field m, whose role r is, in an array that of the array.
func (d *JSON) value(b []byte, i int, m *member, r role, depth int) int {
	if i >= len(b) {
		return d.syntax(b, i, "a value")
	}
	switch c := b[i]; {
	case c == '"':
		i = d.text(b, i+1, m, r)
	case c == '-' || c-'0' <= 9:
		i = d.number(b, i, m, r)
	case (c == '{' || c == '[') && d.several(r):
		if c == '{' {
			return d.labelObject(b, i+1)
		}
		return d.labelArray(b, i+1)
	case c == '{':
		if r > roleSkip {
			d.container(r)
		}
		end := d.object(b, i+1, m, depth+1)
		if m.id == d.contextID && d.contextEnd == 0 && end > 0 {
			d.contextEnd = end
		}
		if r == roleLogged && end > 0 {
			d.e.Logged = append(d.e.Logged[:0], b[i:end]...)
		}
		return end
	case c == '[':
		switch {
		case r == roleActions:
			return d.actions(b, i+1, m, depth+1)
		case r == roleEligible:
			return d.eligible(b, i+1)
		case r > roleSkip:
			r = d.container(r)
		}
		return d.array(b, i+1, m, r, depth+1)
	case c == 't' && literal(b[i:], "true"):
		if r != roleSkip {
			d.other(r, m, value{kind: kindBool, text: b[i : i+4], num: 1})
		}
		i += 4
	case c == 'f' && literal(b[i:], "false"):
		if r != roleSkip {
			d.other(r, m, value{kind: kindBool, text: b[i : i+5]})
		}
		i += 5
	case c == 'n' && literal(b[i:], "null"):
		return i + 4
	default:
		if j := skipSpace(b, i); j > i { // more than there was behind this key before
			return d.value(b, j, m, r, depth)
		}
		return d.syntax(b, i, "a value")
	}
	if i >= 0 && d.e.X.Len() > d.limit {
		return d.overLimit()
	}
	return i
}

// text reads the rest of a string, which is the value of m, behind its quote.
func (d *JSON) text(b []byte, start int, m *member, r role) int {
	i := plainEnd(b, start)
	plain := i < len(b) && b[i] == '"'
	if plain && r == roleSkip {
		return i + 1
	}
	if plain && (r == roleAuto || r == roleCategorical) && 8*(i-start) <= int(m.hash.room) {
		d.e.X.Sparse = append(d.e.X.Sparse, Feature{m.hash.sum(b, start, i-start), 1, uint32(m.id)})
		return i + 1
	}
	d.setPath(m, '=')
	path := len(d.path)
	if plain {
		d.path = append(d.path, b[start:i]...)
		i++
	} else if d.path, i = unquote(d.path, b, start); i < 0 {
		return d.syntax(b, start, "a well-formed string")
	}
	if r == roleAuto || r == roleCategorical {
		d.e.X.Sparse = append(d.e.X.Sparse, Feature{xxhash.Sum64(d.path), 1, uint32(m.id)})
	} else if r != roleSkip {
		d.otherAt(r, m.id, path-1, value{kind: kindText, text: d.path[path:]})
	}
	return i
}

// number reads a number, which is the value of m.
func (d *JSON) number(b []byte, i int, m *member, r role) int {
	var v float64
	n := 0
	if i+9 <= len(b) {
		v, n = shortNumber(b, i)
	}
	end := i + n
	if n == 0 {
		var x decimal
		if x, end = scanNumber(b, i); end < 0 {
			return d.syntax(b, i, "a well-formed number")
		}
		if r != roleSkip {
			v = x.float(b[i:end])
		}
	}
	if r == roleSkip {
		return end
	}
	if r == roleAuto && !math.IsInf(v, 0) {
		d.e.X.Dense = append(d.e.X.Dense, Feature{m.id, v, uint32(m.id)})
	} else {
		d.other(r, m, value{kind: kindNumber, text: b[i:end], num: v})
	}
	return end
}

func literal(b []byte, word string) bool { return len(b) >= len(word) && string(b[:len(word)]) == word }

// other handles the values of m that text and number leave: those of configured
// fields, booleans, and numbers that are infinite or categories.
func (d *JSON) other(r role, m *member, v value) {
	if r > roleSkip && r < roleText { // its path is known
		d.special(r, v)
		return
	}
	d.setPath(m, '=')
	d.otherAt(r, m.id, len(d.path)-1, v)
}

// otherAt is other for the field d.path[:path], whose hash is id.
func (d *JSON) otherAt(r role, id uint64, path int, v value) {
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
		d.otherAt(s.base, id, path, v)
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
