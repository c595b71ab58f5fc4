package event

import "strconv"

// array reads the elements of the array that is the value of m and whose
// elements have the role r as long as they have none of their own; b[i] is what
// follows its bracket.
func (d *JSON) array(b []byte, i int, m *member, r role, depth int) int {
	if depth > MaxDepth {
		return d.tooDeep(m.path())
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		if i = d.element(b, i, m, n, r, depth); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		if i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
			continue
		}
		if i < len(b) && b[i] == ']' {
			return i + 1
		}
		return d.syntax(b, i, "a comma or closing bracket")
	}
}

// element reads the n-th element of the array of m. In a bag an element is a
// value of the array's own path; otherwise it has a path of its own.
func (d *JSON) element(b []byte, i int, m *member, n int, r role, depth int) int {
	if i < len(b) && inBag(b[i], d.base(r)) {
		return d.value(b, i, m, r, depth)
	}
	var f *member
	if n < len(m.elements) {
		f = m.elements[n]
	} else {
		d.setPath(m, '.')
		key := len(d.path)
		d.path = strconv.AppendUint(d.path, uint64(n), 10)
		f = d.lookUp(key)
		if n == len(m.elements) {
			m.elements = append(m.elements, f)
		}
	}
	if f.stamp == d.record {
		d.again = true
	}
	f.stamp = d.record
	return d.value(b, i, f, f.role, depth)
}

// inBag reports whether an element that starts with c belongs to the bag of an
// array with role r: its strings and booleans, unless they are to be numbers,
// and the numbers that are to be categories.
func inBag(c byte, r role) bool {
	switch c {
	case '{', '[', 'n':
		return false
	case '"', 't', 'f':
		return r != roleNumeric
	}
	return r == roleCategorical
}
