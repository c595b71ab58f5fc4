package event

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// VW decodes lines of Vowpal Wabbit's text format
// (https://github.com/VowpalWabbit/vowpal_wabbit/wiki/Input-format):
//
//		label [importance [initial]] ['tag]|namespace[:scale] feature[:value] ... |namespace ...
//
//	  - The importance is the event's weight, the tag its ID. As in Vowpal Wabbit,
//	    a last word that touches the first bar is a tag even without its apostrophe.
//	  - With Schema.LabelType multilabel the label is one word, as in "1,3"; with
//	    costs it is one or more words, as in "1:0.5 2:1", and there is no importance.
//	  - A feature has the name "namespace^feature", or "feature" when the
//	    namespace has no name, and the value times the namespace's scale (both
//	    1 when not given). Features of value 0 are left out.
//	  - The n-th feature of a namespace that is a value without a name (":0.5")
//	    has the name n, from 0.
//	  - An initial prediction other than 0 is refused, since models have none.
//
// Include and Exclude name features as above. The constant feature that Vowpal
// Wabbit adds is a model's intercept and not made here.
type VW struct {
	filler
	sieve sieve
	name  []byte // namespace, "^" and feature
	field uint32 // of the namespace
}

// NewVW returns a decoder of Vowpal Wabbit's text. With needLabel a record must
// have a label; without it the label may be left out.
func NewVW(s Schema, needLabel bool) (*VW, error) {
	f, err := newSparseFiller(s, needLabel, "vw")
	if err != nil {
		return nil, err
	}
	return &VW{filler: f, sieve: newSieve(s)}, nil
}

// Decode implements Decoder.
func (d *VW) Decode(b []byte, e *Event) error {
	d.begin(e)
	line, err := oneLine(b)
	if err != nil {
		return err
	}
	head, rest, more := cutByte(line, '|')
	if !more {
		return &Rejection{Reason: Syntax, Detail: "no | that begins the features"}
	}
	if !d.head(head) {
		return d.rejection
	}
	for more {
		var space []byte
		space, rest, more = cutByte(rest, '|')
		if !d.namespace(space) {
			return d.rejection
		}
		if !d.checkLimit() {
			break
		}
	}
	return d.end(b)
}

// syntax refuses the record and returns false.
func (d *VW) syntax(format string, args ...any) bool {
	d.rejection = &Rejection{Reason: Syntax, Detail: fmt.Sprintf(format, args...)}
	return false
}

// head reads what stands before the first bar.
func (d *VW) head(b []byte) bool {
	touches := len(b) > 0 && !isBlank(b[len(b)-1])
	for n := 0; ; n++ {
		word, rest := cutWord(b)
		if len(word) == 0 {
			return true
		}
		last, _ := cutWord(rest)
		if len(last) == 0 && (touches || word[0] == '\'') {
			if word[0] == '\'' {
				word = word[1:]
			}
			d.e.ID = append(d.e.ID[:0], word...)
			return true
		}
		if d.schema.LabelType == LabelCosts && bytes.IndexByte(word, ':') >= 0 {
			d.costs(word)
			b = rest
			continue
		}
		switch n {
		case 0:
			d.textLabel(word)
		case 1:
			d.weight("importance", value{kind: kindText, text: word})
		case 2:
			if v, ok := parseText(word); !ok || v != 0 {
				return d.syntax("initial prediction %s: must be 0, since models start from no other", excerpt(word))
			}
		default:
			return d.syntax("%s: at most a label, an importance, an initial prediction and a tag may stand before the first |", excerpt(word))
		}
		b = rest
	}
}

// costs reads a word of costs; Vowpal Wabbit has one word for each class.
func (d *VW) costs(word []byte) {
	if d.needLabel {
		d.labelParts("label", value{kind: kindText, text: word})
	}
}

// namespace reads what stands between two bars.
func (d *VW) namespace(b []byte) bool {
	d.name = d.name[:0]
	scale := 1.0
	if len(b) > 0 && !isBlank(b[0]) {
		var word []byte
		word, b = cutWord(b)
		name, text, scaled := cutByte(word, ':')
		if len(name) == 0 {
			return d.syntax("|%s: a namespace must have a name before its scale", word)
		}
		if scaled {
			var ok bool
			if scale, ok = d.sparseValue(name, text); !ok {
				return false
			}
		}
		d.name = append(append(d.name, name...), '^')
	}
	d.field = uint32(xxhash.Sum64(d.name[:max(len(d.name)-1, 0)]))
	prefix := len(d.name)
	unnamed := 0
	for {
		var word []byte
		if word, b = cutWord(b); len(word) == 0 {
			return true
		}
		name, text, valued := cutByte(word, ':')
		d.name = append(d.name[:prefix], name...)
		if len(name) == 0 {
			d.name = strconv.AppendInt(d.name, int64(unnamed), 10)
			unnamed++
		}
		v := 1.0
		if valued {
			var ok bool
			if v, ok = d.sparseValue(d.name, text); !ok {
				return false
			}
		}
		if !d.scaled(v, scale) {
			return false
		}
	}
}

// scaled adds the feature d.name.
func (d *VW) scaled(v, scale float64) bool {
	v *= scale
	if math.IsInf(v, 0) {
		d.fail(NonFinite, string(d.name), "its value times the scale of its namespace is too large for a 64-bit float")
		return false
	}
	d.sparse(&d.sieve, d.name, v, d.field)
	return true
}
