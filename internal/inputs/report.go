package inputs

import (
	"cmp"
	"slices"
)

// Report is what a Guard knows, as of the last complete block. Nothing in it
// changes afterwards.
type Report struct {
	Armed     bool   // a reference is complete
	Collected uint64 // events of the window that is being collected; 0 while none is
	Fields    []Field
	Sources   []Share // large ones, in the order in which they first came in the block

	NewFields  float64 // share of events with a field that the reference does not know
	Duplicates float64 // share of events that are like one shortly before
	Logged     float64 // share of events with the features of decision time
	Skewed     float64 // share of these that differ in a field
	Unreadable float64 // share of these that cannot be decoded
	ClipBound  float64 // norm above which gradients are bounded; 0 while there is none
	Clipped    float64 // share of the events of which it was

	Active []Warning      // that stand
	Begun  [Checks]uint64 // warnings that have begun since the state did
}

// Field is what a block was like in one field.
type Field struct {
	Name                      string
	Missing, ReferenceMissing float64 // share of the events without it
	Unseen, ReferenceUnseen   float64 // share of its values that are categories not seen before, or of another type
	OutOfRange                float64 // share of its numbers outside of Low and High
	Low, High                 float64 // both 0 where there is no range
	PSI, KS                   float64
	Skew                      float64 // share of the events in which it was another at decision time
}

// Shifted returns the n fields whose distribution is farthest from that of the
// reference, by the population stability index, the farthest first.
func (r *Report) Shifted(n int) []Field {
	all := slices.Clone(r.Fields)
	slices.SortStableFunc(all, func(a, b Field) int { return cmp.Compare(b.PSI, a.PSI) })
	return all[:min(n, len(all))]
}

// of returns what a check is about.
func (f *Field) of(c Check) float64 {
	switch c {
	case Missing:
		return f.Missing - f.ReferenceMissing
	case Unseen:
		return f.Unseen - f.ReferenceUnseen
	case OutOfRange:
		return f.OutOfRange
	case PSI:
		return f.PSI
	case KS:
		return f.KS
	case Skew:
		return f.Skew
	case NewFields, Duplicates, SourceShare, Checks: // of whole events
	}
	return 0
}
