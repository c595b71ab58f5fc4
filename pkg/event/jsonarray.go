package event

import "strconv"

// array reads the elements of an array; b[i] is what follows its bracket, and
// d.path[:path] its path, whose hash is id and role r.
func (d *JSON) array(b []byte, i, path int, id uint64, r role, depth int) int {
	if depth > MaxDepth {
		return d.tooDeep(d.path[:path])
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		if i = d.element(b, i, path, n, id, r, depth); i < 0 {
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

// element reads the n-th element of the array d.path[:path]. In a bag an
// element is a value of the array's own path; otherwise it has a path of its own.
func (d *JSON) element(b []byte, i, path, n int, id uint64, r role, depth int) int {
	d.path = d.path[:path]
	if i < len(b) && inBag(b[i], d.base(r)) {
		return d.value(b, i, id, r, depth)
	}
	d.path = strconv.AppendUint(append(d.path, '.'), uint64(n), 10)
	r, id = d.role()
	return d.value(b, i, id, r, depth)
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
