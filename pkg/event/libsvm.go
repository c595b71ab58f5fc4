package event

import "fmt"

// LibSVM decodes lines of the sparse text format of LIBSVM and SVMlight:
//
//	label index:value index:value ... # comment
//
// The feature of an index is named by the index's text, "13". Features are
// sparse and used as they are; those of value 0 are left out. "qid:n" is read
// past. With Schema.LabelType multilabel the label is a word such as "1,3", and a line that
// begins with a space has none of them. Include and Exclude name indices. Labels of -1 and 1 stay as they are;
// the loss maps them.
type LibSVM struct {
	filler
	sieve sieve
}

// NewLibSVM returns a decoder of libsvm lines. With needLabel a record must
// have a label; without it the label may be left out.
func NewLibSVM(s Schema, needLabel bool) (*LibSVM, error) {
	if s.LabelType == LabelCosts {
		return nil, fmt.Errorf("source.label_type: %q: must not be %s with format libsvm, whose pairs are features", s.LabelType, LabelCosts)
	}
	f, err := newSparseFiller(s, needLabel, "libsvm")
	if err != nil {
		return nil, err
	}
	return &LibSVM{filler: f, sieve: newSieve(s)}, nil
}

// Decode implements Decoder.
func (d *LibSVM) Decode(b []byte, e *Event) error {
	d.begin(e)
	line, err := oneLine(b)
	if err != nil {
		return err
	}
	for i, c := range line {
		if c == '#' {
			line = line[:i]
			break
		}
	}
	if d.schema.LabelType == LabelSet && len(line) > 0 && isBlank(line[0]) {
		d.e.Labelled = true // the empty set
	}
	word, rest := cutWord(line)
	if name, _, pair := cutByte(word, ':'); !pair {
		d.textLabel(name)
		word, rest = cutWord(rest)
	}
	for ; len(word) > 0; word, rest = cutWord(rest) {
		name, number, pair := cutByte(word, ':')
		if string(name) == "qid" {
			continue
		}
		if !pair || len(name) == 0 || digits(name) < 0 {
			return &Rejection{Reason: Syntax, Detail: fmt.Sprintf("%s: must be index:value with a whole index", excerpt(word))}
		}
		v, ok := d.sparseValue(name, number)
		if !ok {
			return d.rejection
		}
		d.sparse(&d.sieve, name, v, 0)
		if d.e.X.Len() > d.limit {
			break
		}
	}
	return d.end(b)
}
