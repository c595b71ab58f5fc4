package event

import "math"

// label sets the label. An event that is only scored may have any label or none.
func (f *filler) label(field string, v value) {
	if v.kind == kindText && len(trim(v.text)) == 0 {
		return
	}
	if f.schema.LabelType != "" {
		if f.needLabel {
			f.labelParts(field, v)
		}
		return
	}
	y, ok := f.labelValue(v)
	f.e.Label, f.e.Labelled = y, ok
	if ok || !f.needLabel {
		return
	}
	f.e.Labelled = true // present, so not also missing
	switch {
	case v.kind == kindContainer:
		f.fail(LabelInvalid, field, "is an object or array; it must be a number, a boolean or a string")
	case len(f.schema.Classes) > 0:
		f.fail(LabelInvalid, field, "%s is no class; source.classes allows %s", excerpt(v.text), f.classes.allowed())
	case math.IsInf(v.num, 0) || isNonFiniteName(trim(v.text)):
		f.fail(LabelInvalid, field, "%s is not a finite number", excerpt(v.text))
	default:
		f.fail(LabelInvalid, field, "%s is no number; set source.positive to the value that is the positive class, or source.classes to all of several", excerpt(v.text))
	}
}

func (f *filler) labelValue(v value) (y float64, ok bool) {
	if v.kind == kindContainer {
		return 0, false
	}
	if f.schema.Positive != "" {
		return f.isPositive(v), true
	}
	if len(f.schema.Classes) > 0 {
		i := f.classes.index(v)
		return float64(max(i, 0)), i >= 0
	}
	if v.kind == kindText {
		text := trim(v.text)
		switch {
		case string(text) == "true":
			return 1, true
		case string(text) == "false":
			return 0, true
		}
		if v.num, ok = parseText(text); !ok {
			return 0, false
		}
	}
	return v.num, !math.IsInf(v.num, 0)
}

// isPositive compares a label with Schema.Positive: as text, or as numbers
// when both are, so that "1" is also the class of 1.0.
func (f *filler) isPositive(v value) float64 {
	if string(v.text) == f.schema.Positive {
		return 1
	}
	if v.kind == kindText {
		v.text = trim(v.text)
		if string(v.text) == f.schema.Positive {
			return 1
		}
	}
	if f.positiveNum {
		if n, ok := v.number(); ok && n == f.positive {
			return 1
		}
	}
	return 0
}
