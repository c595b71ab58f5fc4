package event

// several reports whether the value of a field is a label of several parts.
func (f *filler) several(r role) bool {
	return r == roleLabel && f.schema.LabelType != "" && f.needLabel
}

// labelArray reads a set of classes, or costs by the index of their class, of
// which null means that the event cannot have it. b[i] is what follows the bracket.
func (d *JSON) labelArray(b []byte, i int) int {
	i = skipSpace(b, i)
	for n := uint32(0); ; n++ {
		if n == 0 && i < len(b) && b[i] == ']' {
			break
		}
		at := len(d.path)
		v, null, next := d.labelScalar(b, i)
		if next < 0 {
			return -1
		}
		switch {
		case null:
		case d.schema.LabelType == LabelCosts:
			d.addCost(d.schema.Label, n, v)
		default:
			d.labelPart(d.schema.Label, v)
		}
		d.path = d.path[:at]
		if i = skipSpace(b, next); i < len(b) && b[i] == ']' {
			break
		}
		if i >= len(b) || b[i] != ',' {
			return d.syntax(b, i, "a comma or closing bracket")
		}
		i = skipSpace(b, i+1)
	}
	d.endLabel(d.schema.Label)
	return i + 1
}

// labelObject reads costs by the name of their class. b[i] is what follows the brace.
func (d *JSON) labelObject(b []byte, i int) int {
	if d.schema.LabelType != LabelCosts {
		d.fail(LabelInvalid, d.schema.Label, "is an object; a set of classes must be an array")
		return -1
	}
	i = skipSpace(b, i)
	for n := 0; ; n++ {
		if n == 0 && i < len(b) && b[i] == '}' {
			break
		}
		at := len(d.path)
		if i >= len(b) || b[i] != '"' {
			return d.syntax(b, i, "a key in quotes")
		}
		name, _, next := d.labelScalar(b, i)
		if next < 0 {
			return -1
		}
		if i = skipSpace(b, next); i >= len(b) || b[i] != ':' {
			return d.syntax(b, i, "a colon")
		}
		v, null, next := d.labelScalar(b, skipSpace(b, i+1))
		if next < 0 {
			return -1
		}
		if k, ok := d.classOf(d.schema.Label, name); ok && !null {
			d.addCost(d.schema.Label, k, v)
		}
		d.path = d.path[:at]
		if i = skipSpace(b, next); i < len(b) && b[i] == '}' {
			break
		}
		if i >= len(b) || b[i] != ',' {
			return d.syntax(b, i, "a comma or closing brace")
		}
		i = skipSpace(b, i+1)
	}
	d.endLabel(d.schema.Label)
	return i + 1
}

// labelScalar reads a part of a label. Its text may be kept behind d.path, to be cut off.
func (d *JSON) labelScalar(b []byte, i int) (v value, null bool, end int) {
	if i >= len(b) {
		return v, false, d.syntax(b, i, "a value")
	}
	switch c := b[i]; {
	case c == '"':
		at := len(d.path)
		path, end := unquote(d.path, b, i+1)
		if end < 0 {
			return v, false, d.syntax(b, i+1, "a well-formed string")
		}
		d.path = path
		return value{kind: kindText, text: d.path[at:]}, false, end
	case c == '-' || c-'0' <= 9:
		x, end := scanNumber(b, i)
		if end < 0 {
			return v, false, d.syntax(b, i, "a well-formed number")
		}
		return value{kind: kindNumber, text: b[i:end], num: x.float(b[i:end])}, false, end
	case literal(b[i:], "true"):
		return value{kind: kindBool, text: b[i : i+4], num: 1}, false, i + 4
	case literal(b[i:], "false"):
		return value{kind: kindBool, text: b[i : i+5]}, false, i + 5
	case literal(b[i:], "null"):
		return v, true, i + 4
	case c == '[' || c == '{':
		d.fail(LabelInvalid, d.schema.Label, "has an object or array inside; its parts must be classes or costs")
		return v, false, -1
	}
	return v, false, d.syntax(b, i, "a value")
}
