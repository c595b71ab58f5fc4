package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/valyala/fastjson"
)

// dsjson reads decisions as Azure Personalizer logs them (https://github.com/VowpalWabbit/vowpal_wabbit/wiki/DSJSON), and
// those of Vowpal Wabbit's --json, which have the context at the top.
type dsjson struct {
	parser fastjson.Parser
	pmf    [][]byte // by action
}

// append appends the record of a line. Arms are the places of the actions, from 0.
func (d *dsjson) append(dst, line []byte) ([]byte, error) {
	v, err := d.parser.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject {
		return dst, errors.New("no JSON object")
	}
	c := v.Get("c")
	if c == nil {
		c = v
	}
	switch {
	case v.GetBool("_skipLearn"): // never activated: nobody saw it
		return dst, errSkipped
	case c.Type() != fastjson.TypeObject:
		return dst, errors.New("c must be the object of the context")
	case c.Get("_slots") != nil:
		return dst, errors.New("decisions of several slots (_slots) have no counterpart")
	}
	cost := first(v, "_label_cost", "_label_Cost")
	if cost == nil {
		return dst, errors.New("no _label_cost")
	}
	arm, err := takenAction(v)
	if err != nil {
		return dst, err
	}
	dst = appendFeaturesOf(append(dst, `{"`+DecisionContext+`":`...), c)
	for _, f := range []struct {
		name string
		v    *fastjson.Value
	}{
		{DecisionID, first(v, "EventId", "event_id")}, {DecisionTime, v.Get("Timestamp")},
		{DecisionP, first(v, "_label_probability", "_label_Probability")},
	} {
		if f.v != nil {
			dst = f.v.MarshalTo(append(appendString(append(dst, ','), []byte(f.name)), ':'))
		}
	}
	dst = append(dst, `,"`+DecisionDropped+`":`...)
	if dropped := v.Get("pdrop"); dropped != nil {
		dst = dropped.MarshalTo(dst)
	} else {
		dst = append(dst, '0')
	}
	if actions := c.GetArray("_multi"); actions != nil {
		if len(actions) > mostActions {
			return dst, fmt.Errorf("more than %d actions", mostActions)
		}
		dst = append(appendEligible(dst, len(actions)), `,"`+DecisionActions+`":[`...)
		for i, a := range actions {
			if i > 0 {
				dst = append(dst, ',')
			}
			if a.Type() != fastjson.TypeObject {
				return dst, fmt.Errorf("action %d of _multi is no object", i)
			}
			dst = appendFeaturesOf(dst, a)
		}
		dst = d.appendPMF(append(dst, ']'), v, len(actions))
	}
	dst = strconv.AppendInt(append(dst, `,"`+DecisionArm+`":`...), int64(arm), 10)
	dst = append(dst, `,"`+DecisionReward+`":`...)
	if text := cost.MarshalTo(nil); cost.Type() == fastjson.TypeNumber {
		dst = appendNumberText(dst, text, true)
	} else {
		dst = append(dst, text...) // for a decoder to refuse
	}
	return append(dst, '}'), nil
}

// first returns the first of these members that there is.
func first(v *fastjson.Value, names ...string) *fastjson.Value {
	for _, name := range names {
		if m := v.Get(name); m != nil {
			return m
		}
	}
	return nil
}

// takenAction returns the place of the action that was taken.
func takenAction(v *fastjson.Value) (int, error) {
	for _, f := range []struct {
		name string
		from int
	}{{"_labelIndex", 0}, {"_label_Action", 1}} {
		m := v.Get(f.name)
		if m == nil {
			continue
		}
		k, err := m.Int()
		if err != nil || k < f.from || k >= mostActions {
			return 0, fmt.Errorf("%s is %.40s: must be the place of an action, from %d", f.name, m.MarshalTo(nil), f.from)
		}
		return k - f.from, nil
	}
	return 0, errors.New("neither _labelIndex nor _label_Action says which action was taken")
}

// appendFeaturesOf appends an object without the members that are no features, whose names begin with _.
func appendFeaturesOf(dst []byte, v *fastjson.Value) []byte {
	dst = append(dst, '{')
	empty := true
	v.GetObject().Visit(func(key []byte, m *fastjson.Value) {
		if bytes.HasPrefix(key, []byte{'_'}) {
			return
		}
		if !empty {
			dst = append(dst, ',')
		}
		empty = false
		dst = m.MarshalTo(append(appendString(dst, key), ':'))
	})
	return append(dst, '}')
}

// appendPMF appends the logging policy's probabilities, in the order of the actions, where it tells all of n.
func (d *dsjson) appendPMF(dst []byte, v *fastjson.Value, n int) []byte {
	order, p := v.GetArray("a"), v.GetArray("p")
	if len(order) != n || len(p) != n {
		return dst
	}
	d.pmf = append(d.pmf[:0], make([][]byte, n)...)
	for i, a := range order {
		k, err := a.Int()
		if err != nil || k < 1 || k > n || d.pmf[k-1] != nil || p[i].Type() != fastjson.TypeNumber {
			return dst // no order of the actions
		}
		d.pmf[k-1] = p[i].MarshalTo(nil)
	}
	return append(append(append(dst, `,"pmf":[`...), bytes.Join(d.pmf, []byte{','})...), ']')
}
