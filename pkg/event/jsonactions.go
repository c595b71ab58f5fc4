package event

// actions reads the features of the actions, an array that is the value of m; b[i]
// is what follows its bracket. Each element is an object, or null for an action
// without features, and its fields have the paths "actions.price" and so on, without
// the index: so all actions share the names of their features.
func (d *JSON) actions(b []byte, i int, m *member, depth int) int {
	if depth+1 > MaxDepth {
		return d.tooDeep(m.path())
	}
	d.offer.sawActions = true
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		if n == d.actionsLimit() {
			d.fail(ActionsInvalid, d.schema.Actions, "more than %d elements: there must be no more than arms", n)
			return -1
		}
		if i = d.action(b, i, m, depth+1); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		if i < len(b) && b[i] == ']' {
			return i + 1
		}
		if i >= len(b) || b[i] != ',' {
			return d.syntax(b, i, "a comma or closing bracket")
		}
		i = skipSpace(b, i+1)
	}
}

// action reads the features of one action of m. They go where those of the context go
// elsewhere. Its paths may occur in every action, so it has a stamp of its own.
func (d *JSON) action(b []byte, i int, m *member, depth int) int {
	if i < len(b) && literal(b[i:], "null") {
		d.e.addAction()
		return i + 4
	}
	if i >= len(b) || b[i] != '{' {
		d.fail(ActionsInvalid, d.schema.Actions, "element %d is no object: it must be the features of an action", len(d.e.Actions))
		return -1
	}
	restore := d.enterAction()
	record := d.record
	d.stamps++
	d.record = d.stamps
	i = d.object(b, i+1, m, depth)
	d.record = record
	d.leaveAction(restore)
	return i
}

// enterAction lets features go to a new action, until leaveAction.
func (f *filler) enterAction() (context Vector) {
	f.e.addAction()
	context = f.e.X
	f.e.X = f.e.Actions[len(f.e.Actions)-1]
	return context
}

func (f *filler) leaveAction(context Vector) {
	f.e.Actions[len(f.e.Actions)-1] = f.e.X
	f.e.X = context
}

// eligible reads the names or indices of the arms that could be chosen; b[i] is what
// follows the bracket.
func (d *JSON) eligible(b []byte, i int) int {
	d.offer.sawEligible = true
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i < len(b) && (b[i] == '{' || b[i] == '[') {
			d.addEligible(value{kind: kindContainer})
			return -1
		}
		at := len(d.path)
		v, null, next := d.labelScalar(b, i)
		if next < 0 {
			return -1
		}
		if null {
			v = value{kind: kindContainer}
		}
		d.addEligible(v)
		d.path = d.path[:at]
		if i = skipSpace(b, next); i < len(b) && b[i] == ']' {
			return i + 1
		}
		if i >= len(b) || b[i] != ',' {
			return d.syntax(b, i, "a comma or closing bracket")
		}
		i = skipSpace(b, i+1)
	}
}

// actions puts the features of the actions of a decoded record in their places.
func (t tree) actions(a []any, path int) {
	t.offer.sawActions = true
	for _, v := range a {
		o, isObject := v.(map[string]any)
		if !isObject && v != nil {
			t.fail(ActionsInvalid, t.schema.Actions, "element %d is no object: it must be the features of an action", len(t.e.Actions))
			return
		}
		if len(t.e.Actions) == t.actionsLimit() {
			t.fail(ActionsInvalid, t.schema.Actions, "more than %d elements: there must be no more than arms", len(t.e.Actions))
			return
		}
		context := t.enterAction()
		own := tree{t.JSON, map[string]bool{}}
		own.path = append(own.path[:path], '.')
		own.object(o, path+1)
		t.checkLimit()
		t.leaveAction(context)
	}
}

// eligible reads the arms of a decoded record.
func (t tree) eligible(a []any) {
	t.offer.sawEligible = true
	for _, v := range a {
		switch v.(type) {
		case map[string]any, []any, nil:
			t.addEligible(value{kind: kindContainer})
		default:
			t.addEligible(scalarValue(v))
		}
	}
}
