package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// vwExample is a line of Vowpal Wabbit's text for contextual bandits
// (https://github.com/VowpalWabbit/vowpal_wabbit/wiki/Contextual-Bandit-algorithms).
type vwExample struct {
	shared bool
	costs  [][]byte // action:cost:probability, in full or as far as it is given
	tag    []byte
	spaces [][]byte // what stands behind each bar
}

// parseVW splits a line at its bars and blanks.
func parseVW(line []byte) (x vwExample, err error) {
	head, rest, found := bytes.Cut(line, []byte{'|'})
	if !found {
		return x, errors.New("no | that begins the features")
	}
	x.spaces = bytes.Split(rest, []byte{'|'})
	touches := len(head) > 0 && head[len(head)-1] != ' ' && head[len(head)-1] != '\t'
	words := bytes.Fields(head)
	for i, word := range words {
		last := i == len(words)-1
		switch {
		case i == 0 && string(word) == "shared":
			x.shared = true
		case last && word[0] == '\'':
			x.tag = word[1:]
		case last && touches && bytes.IndexByte(word, ':') < 0:
			x.tag = word
		default:
			x.costs = append(x.costs, word)
		}
	}
	return x, nil
}

// chosen returns the parts of the cost of the action that was taken: the only one that has a cost.
func (x *vwExample) chosen() (action, cost, p []byte, err error) {
	for _, word := range x.costs {
		parts := bytes.Split(word, []byte{':'})
		if len(parts) == 1 {
			continue
		}
		if cost != nil {
			return nil, nil, nil, errors.New("more than one action has a cost: a decision takes one")
		}
		if len(parts) > 3 {
			return nil, nil, nil, fmt.Errorf("%.20q: must be action:cost:probability", word)
		}
		action, cost = parts[0], parts[1]
		if len(parts) == 3 {
			p = parts[2]
		}
	}
	return action, cost, p, nil
}

// appendOutcome appends what is known of the action that was taken, and the end of the record. Without a probability there is no such field.
func appendOutcome(dst, cost, p []byte) []byte {
	if p != nil {
		dst = appendNumberText(append(dst, `,"`+DecisionP+`":`...), p, false)
	}
	return append(appendNumberText(append(dst, `,"`+DecisionReward+`":`...), cost, true), '}')
}

// appendHead appends the beginning of a record: the context and the id.
func (x *vwExample) appendHead(dst, tag []byte) ([]byte, error) {
	dst, err := x.appendFeatures(append(dst, `{"`+DecisionContext+`":`...))
	if err == nil && len(tag) > 0 {
		dst = appendString(append(dst, `,"`+DecisionID+`":`...), tag)
	}
	return dst, err
}

// appendVWLine appends the record of a line of --cb. Its actions count from 1; those that are listed could be taken, all
// if it is the only one.
func appendVWLine(dst, line []byte) ([]byte, error) {
	x, err := parseVW(line)
	if err != nil {
		return dst, err
	}
	action, cost, p, err := x.chosen()
	switch {
	case err != nil:
		return dst, err
	case x.shared:
		return dst, errors.New("a line of --cb_adf: read the file with --format " + VWADF)
	case cost == nil:
		return dst, errors.New("no action has a cost")
	}
	if dst, err = x.appendHead(dst, x.tag); err != nil {
		return dst, err
	}
	arm := func(action []byte) (err error) {
		k, err := strconv.Atoi(string(action))
		if err != nil || k < 1 || k > mostActions {
			return fmt.Errorf("action %.20q: must be a number from 1", action)
		}
		dst = strconv.AppendInt(dst, int64(k-1), 10)
		return nil
	}
	if len(x.costs) > 1 {
		dst = append(dst, `,"`+DecisionEligible+`":[`...)
		for i, word := range x.costs {
			if i > 0 {
				dst = append(dst, ',')
			}
			listed, _, _ := bytes.Cut(word, []byte{':'})
			if err := arm(listed); err != nil {
				return dst, err
			}
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `,"`+DecisionArm+`":`...)
	if err := arm(action); err != nil {
		return dst, err
	}
	return appendOutcome(dst, cost, p), nil
}

// appendVWBlock appends the record of the lines of a decision of --cb_adf. Arms are the places of the actions, from 0.
func appendVWBlock(dst, block []byte) ([]byte, error) {
	var shared vwExample
	var actions []vwExample
	for line := range bytes.Lines(block) {
		x, err := parseVW(trimBreak(line))
		switch {
		case err != nil:
			return dst, err
		case x.shared && (shared.shared || len(actions) > 0):
			return dst, errors.New("a shared line behind the first: an empty line must part decisions")
		case x.shared:
			shared = x
			continue
		case len(actions) == mostActions:
			return dst, fmt.Errorf("more than %d actions", mostActions)
		}
		actions = append(actions, x)
	}
	taken := -1
	var cost, p []byte
	tag := shared.tag
	for i := range actions {
		x := &actions[i]
		if len(tag) == 0 {
			tag = x.tag
		}
		_, c, prob, err := x.chosen()
		switch {
		case err != nil:
			return dst, err
		case c == nil:
			continue
		case taken >= 0:
			return dst, errors.New("more than one action has a cost: a decision takes one")
		}
		taken, cost, p = i, c, prob
	}
	if taken < 0 {
		return dst, errors.New("no action has a cost")
	}
	dst, err := shared.appendHead(dst, tag)
	if err != nil {
		return dst, err
	}
	dst = append(appendEligible(dst, len(actions)), `,"`+DecisionActions+`":[`...)
	for i := range actions {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = actions[i].appendFeatures(dst); err != nil {
			return dst, err
		}
	}
	dst = append(dst, `],"`+DecisionArm+`":`...)
	return appendOutcome(strconv.AppendInt(dst, int64(taken), 10), cost, p), nil
}

// appendFeatures appends the features as a JSON object: those of a namespace as an object of its name, those without
// one beside it. A feature without a value is true, a category; one with a value is a number.
func (x *vwExample) appendFeatures(dst []byte) ([]byte, error) {
	o := vwObject{b: append(dst, '{'), seen: map[string]bool{}}
	for _, space := range x.spaces {
		words := bytes.Fields(space)
		if len(words) == 0 {
			continue
		}
		if space[0] == ' ' || space[0] == '\t' {
			if err := o.features(words, 1); err != nil {
				return dst, err
			}
			continue
		}
		scale := 1.0
		name, text, scaled := bytes.Cut(words[0], []byte{':'})
		if scaled {
			var err error
			if scale, err = strconv.ParseFloat(string(text), 64); err != nil {
				return dst, fmt.Errorf("namespace %.40q: its scale is no number", words[0])
			}
		}
		if len(name) == 0 {
			return dst, fmt.Errorf("|%.40s: a namespace must have a name before its scale", words[0])
		}
		if !o.key(name) {
			return dst, fmt.Errorf("namespace %.40q is there twice", name)
		}
		inner := vwObject{b: append(o.b, '{'), seen: map[string]bool{}}
		if err := inner.features(words[1:], scale); err != nil {
			return dst, err
		}
		o.b = append(inner.b, '}')
	}
	return append(o.b, '}'), nil
}

// vwObject is an object of features that is being written.
type vwObject struct {
	b       []byte
	seen    map[string]bool
	unnamed int
}

// key begins a member; false when there is one of that name.
func (o *vwObject) key(name []byte) bool {
	if o.seen[string(name)] {
		return false
	}
	o.seen[string(name)] = true
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(appendString(o.b, name), ':')
	return true
}

// features appends the features of one namespace. The n-th value without a name has the name n, from 0.
func (o *vwObject) features(words [][]byte, scale float64) error {
	for _, word := range words {
		name, text, valued := bytes.Cut(word, []byte{':'})
		if len(name) == 0 {
			name = strconv.AppendInt(nil, int64(o.unnamed), 10)
			o.unnamed++
		}
		switch {
		case o.key(name):
		case valued:
			return fmt.Errorf("feature %.40q is there twice", name)
		default:
			continue // a word that is repeated is one category
		}
		if !valued && scale == 1 {
			o.b = append(o.b, "true"...)
			continue
		}
		v := 1.0
		if valued {
			var err error
			if v, err = strconv.ParseFloat(string(text), 64); err != nil {
				return fmt.Errorf("feature %.40q: its value is no number", word)
			}
		}
		o.b = appendFinite(o.b, v*scale)
	}
	return nil
}
