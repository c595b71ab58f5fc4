package event

// reserved reads the value of a key that begins with an underscore; the key is
// json.path[s.end:].
func (d *VWJSON) reserved(b []byte, i int, s space, depth int) int {
	r := &d.json
	key, at := r.path[s.end:], len(r.path)
	switch string(key) {
	case "_label":
		if i < len(b) && b[i] == '{' {
			return d.labelObject(b, i+1, at)
		}
	case "_multi", "_slots", "_labelIndex":
		return d.refuse(string(key), "examples with several actions are not supported")
	}
	property, isProperty := key, len(key) > len("_label_") && string(key[:len("_label_")]) == "_label_"
	if isProperty {
		property = key[len("_label_"):]
	}
	v, present, i := d.scalar(b, i, depth)
	switch {
	case i < 0:
		return -1
	case !present:
	case isProperty:
		return d.property(i, property, v)
	case string(key) == "_label":
		return d.label(i, v)
	case string(key) == "_tag":
		if v.kind == kindContainer {
			return d.refuse("_tag", "is %s: it must be text", v.excerpt())
		}
		r.e.ID = append(r.e.ID[:0], v.text...)
	case string(key) == "_text":
		if v.kind != kindText {
			return d.refuse("_text", "is %s: it must be text", v.excerpt())
		}
		return d.words(i, s, v.text)
	}
	return i
}

// words adds the words of a text, which lies above the key in json.path.
func (d *VWJSON) words(i int, s space, text []byte) int {
	r := &d.json
	for i >= 0 {
		var word []byte
		if word, text = cutText(text); len(word) == 0 {
			break
		}
		tame(word)
		r.path = append(r.path[:s.end], word...) // moves down, over the key
		i = d.add(i, s, 1)
	}
	return i
}

// cutText returns the first word of b, which spaces and tabs part from others.
func cutText(b []byte) (word, rest []byte) {
	b = trim(b)
	i := 0
	for i < len(b) && b[i] != ' ' && b[i] != '\t' {
		i++
	}
	return b[:i], b[i:]
}

// label takes the value of _label; as text it is what stands before the first
// bar of a line of text.
func (d *VWJSON) label(i int, v value) int {
	if v.kind != kindText {
		d.json.label("_label", v)
		return i
	}
	label, rest := cutText(v.text)
	importance, rest := cutText(rest)
	initial, rest := cutText(rest)
	d.json.label("_label", value{kind: kindText, text: label})
	if len(importance) > 0 {
		d.json.weight("_label", value{kind: kindText, text: importance})
	}
	switch {
	case len(trim(rest)) > 0:
		return d.refuse("_label", "%s: must be a label, an importance and an initial prediction", excerpt(v.text))
	case len(initial) > 0:
		return d.initial(i, value{kind: kindText, text: initial})
	}
	return i
}

// initial takes the initial prediction and returns i, or -1 when it is refused.
func (d *VWJSON) initial(i int, v value) int {
	if x, ok := v.number(); !ok || x != 0 {
		return d.refuse("_label", "initial prediction %s: must be 0, since models start from no other", v.excerpt())
	}
	return i
}

// labelObject reads the properties of a label; their names are put at json.path[at:].
func (d *VWJSON) labelObject(b []byte, i, at int) int {
	i, more := d.first(b, i, '}')
	for more {
		if i = d.key(b, i, at); i < 0 {
			return -1
		}
		name := d.json.path[at:]
		v, present, end := d.scalar(b, i, 1)
		if i = end; i < 0 {
			return -1
		}
		if present {
			if i = d.property(i, name, v); i < 0 {
				return -1
			}
		}
		i, more = d.next(b, i, '}')
	}
	return i
}

// property takes a property of the label and returns i, or -1 when it is refused.
func (d *VWJSON) property(i int, name []byte, v value) int {
	switch {
	case equalFold(name, "label"):
		d.json.label("_label", v)
	case equalFold(name, "weight"):
		d.json.weight("_label", v)
	case equalFold(name, "initial"):
		return d.initial(i, v)
	default:
		return d.refuse("_label", "has the property %s: it may have Label, Weight and Initial; the labels of bandits and of several classes are not supported", excerpt(name))
	}
	return i
}
