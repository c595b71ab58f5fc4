package event

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
)

// The values of Schema.LabelType.
const (
	LabelSet   = "multilabel"
	LabelCosts = "costs"
)

// separator is what separates the parts of a label in text.
func (s *Schema) separator() byte {
	if s.LabelSeparator == "" {
		return ','
	}
	return s.LabelSeparator[0]
}

// labelParts reads a label of several parts from a value that is no object or array.
func (f *filler) labelParts(field string, v value) {
	if v.kind == kindContainer { // of a format that reads none here
		f.labelIs(false, field, "is an object or array; it must be text here, such as %q", "a"+string(f.schema.separator())+"b")
		return
	}
	if v.kind != kindText {
		f.labelPart(field, v)
		f.endLabel(field)
		return
	}
	sep := f.schema.separator()
	for rest, more := v.text, true; more; {
		var part []byte
		part, rest, more = cutByte(rest, sep)
		if part = trim(part); len(part) > 0 {
			f.labelPart(field, value{kind: kindText, text: part})
		}
	}
	f.endLabel(field)
}

// labelIs notes whether there is a label, and refuses the record if it needs one and has a bad one.
func (f *filler) labelIs(ok bool, field, format string, args ...any) {
	f.e.Labelled = ok
	if !ok && f.needLabel {
		f.e.Labelled = true // present, so not also missing
		f.fail(LabelInvalid, field, format, args...)
	}
}

// labelPart reads a class of a set, or "class:cost".
func (f *filler) labelPart(field string, v value) {
	if f.schema.LabelType == LabelSet {
		if k, ok := f.classOf(field, v); ok {
			f.e.Labels = append(f.e.Labels, k)
		}
		return
	}
	at := bytes.LastIndexByte(v.text, ':')
	if v.kind != kindText || at < 0 {
		f.fail(LabelInvalid, field, "%s: must be class:cost", v.excerpt())
		return
	}
	k, ok := f.classOf(field, value{kind: kindText, text: v.text[:at]})
	if !ok {
		return
	}
	f.addCost(field, k, value{kind: kindText, text: v.text[at+1:]})
}

// addCost adds the cost of a class.
func (f *filler) addCost(field string, class uint32, v value) {
	cost, ok := v.number()
	if !ok || math.IsInf(cost, 0) {
		f.fail(LabelInvalid, field, "%s is not a finite number, the cost of class %d", v.excerpt(), class)
		return
	}
	f.e.Costs = append(f.e.Costs, Cost{class, cost})
}

// classOf returns the index of a class: by its name in Classes, or else as a number.
func (f *filler) classOf(field string, v value) (uint32, bool) {
	if len(f.schema.Classes) > 0 {
		i := f.classes.index(v)
		if i < 0 {
			f.fail(LabelInvalid, field, "%s is no class; source.classes allows %s", v.excerpt(), f.classes.allowed())
		}
		return uint32(max(i, 0)), i >= 0
	}
	n, ok := v.number()
	if !ok || !(n >= 0 && n <= math.MaxInt32) || n != math.Trunc(n) {
		f.fail(LabelInvalid, field, "%s: must be the index of a class, a whole number from 0 on, unless source.classes names the classes", v.excerpt())
		return 0, false
	}
	return uint32(n), true
}

// endLabel puts the parts of a label in order. A set may be empty; a class may
// be in it twice, but has one cost.
func (f *filler) endLabel(field string) {
	e := f.e
	e.Labelled = true
	if f.schema.LabelType == LabelSet {
		slices.Sort(e.Labels)
		e.Labels = slices.Compact(e.Labels)
		e.Label = float64(len(e.Labels))
		return
	}
	slices.SortFunc(e.Costs, func(a, b Cost) int { return cmp.Compare(a.Class, b.Class) })
	for i := 1; i < len(e.Costs); i++ {
		if e.Costs[i].Class == e.Costs[i-1].Class {
			f.fail(LabelInvalid, field, "class %d has two costs", e.Costs[i].Class)
		}
	}
	if len(e.Costs) == 0 {
		f.fail(LabelInvalid, field, "names no cost of any class")
	}
	e.Label = float64(len(e.Costs))
}

// validateLabelType checks what is said of labels of several parts.
func (s *Schema) validateLabelType() error {
	switch {
	case s.LabelType != "" && s.LabelType != LabelSet && s.LabelType != LabelCosts:
		return fmt.Errorf("source.label_type: %q: must be empty, %s or %s", s.LabelType, LabelSet, LabelCosts)
	case s.LabelType == "" && s.LabelSeparator != "" && s.LabelSeparator != ",":
		return fmt.Errorf("source.label_separator: %q: needs source.label_type %s or %s", s.LabelSeparator, LabelSet, LabelCosts)
	case s.LabelSeparator != "" && (len(s.LabelSeparator) != 1 || s.LabelSeparator == ":" || s.LabelSeparator[0] >= 0x80 || isBlank(s.LabelSeparator[0])):
		return fmt.Errorf("source.label_separator: %q: must be one character, neither a space nor a colon", s.LabelSeparator)
	case s.LabelType == "":
		return nil
	case s.Positive != "":
		return fmt.Errorf("source.label_type: %q: source.positive must be empty", s.LabelType)
	case s.Arm != "":
		return fmt.Errorf("source.label_type: %q: must be empty with source.arm, since the label is then a reward", s.LabelType)
	case len(s.ClassWeights) > 0 || s.SampleNegatives > 0 && s.SampleNegatives < 1:
		return fmt.Errorf("source.label_type: %q: source.class_weights must be empty and source.sample_negatives 1, since an event has no single class", s.LabelType)
	}
	return nil
}
