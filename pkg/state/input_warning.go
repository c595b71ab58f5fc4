package state

import (
	"cmp"
	"fmt"
	"strings"
)

// InputWarning says that a figure of a block of events is above its limit: the
// guard of the inputs warns, and refuses nothing.
type InputWarning struct {
	Check string  `json:"check"`
	Field string  `json:"field,omitempty"` // that is warned of; for source_share the source; absent for a check of whole events
	Value float64 `json:"value"`           // of the figure; of missing and unseen the rise above the reference
	Limit float64 `json:"limit"`           // above which it is

	Event  uint64 `json:"event"`  // number of the event that ended the block, counted from 0 over all fed records
	Offset int64  `json:"offset"` // of its record
	// Over is the offset at which the warning was over, after some blocks below the limit; 0 while it stands.
	Over int64 `json:"over,omitempty"`

	Evidence *InputEvidence `json:"evidence,omitempty"`
}

// InputEvidence is what a warning of the inputs rests on: the block that it began
// with, against the reference window. It is a function of the records alone. What a check does
// not know is left out. Shares have four digits after the point.
type InputEvidence struct {
	From   int64   `json:"from"`             // offset of the first record of the block
	To     int64   `json:"to"`               // of the last one
	Of     uint64  `json:"of"`               // what the shares are of: events of the block, or values of the field in it
	Chance float64 `json:"chance,omitempty"` // up to which chance explains the figure
	Was    float64 `json:"was,omitempty"`    // share in the reference
	Now    float64 `json:"now,omitempty"`    // share in the block

	Bins  []InputBin  `json:"bins,omitempty"`  // distribution of the numbers, of psi and ks
	Parts []InputPart `json:"parts,omitempty"` // what the figure is made of, the largest first, at most MostParts
}

// MostParts is how many parts an InputEvidence lists.
const MostParts = 8

// InputBin is a range of the numbers of a field, from the bin before it up to Below.
type InputBin struct {
	Below *float64 `json:"below,omitempty"` // none of the last bin
	Was   float64  `json:"was"`             // share of the numbers of the reference
	Now   float64  `json:"now"`             // of the block
}

// InputPart is one thing that a figure is made of: a category that is new, a field
// that is new, a source, an event that is repeated, or a side on which something differs.
type InputPart struct {
	Name    string  `json:"name,omitempty"`    // of a field or source, or one of the Part names
	Hash    Hash    `json:"hash,omitzero"`     // of the feature, the source, or the repeated event; categories have no name here
	Share   float64 `json:"share"`             // at least
	Refused uint64  `json:"refused,omitempty"` // events of a source that were refused
	Extreme float64 `json:"extreme,omitempty"` // the farthest number outside of a range
	Offset  int64   `json:"offset"`            // of the first record of the block with it: look there
}

// The names of parts of out_of_range and skew.
const (
	PartBelow  = "below"             // numbers below the range
	PartAbove  = "above"             // numbers above the range
	PartAbsent = "absent_then"       // the field was not there at decision time
	PartLost   = "absent_now"        // it is not there any more
	PartOther  = "another_value"     // it has another value
	PartNumber = "number"            // a value that is a number, where categories were before
	partEvent  = "the same event as" // of a repeated event, in texts
)

// Compare orders warnings by how many times their limit they are.
func (w *InputWarning) Compare(o *InputWarning) int {
	return cmp.Compare(float64(w.Value*o.Limit), float64(o.Value*w.Limit))
}

// Text says what was found, in a sentence. name returns the name of a feature, and false for one that is not known.
func (w *InputWarning) Text(name func(Hash) (string, bool)) string {
	of := ""
	if w.Field != "" {
		of = " of " + w.Field
	}
	text := fmt.Sprintf("%s%s %.3g, limit %.3g", w.Check, of, w.Value, w.Limit)
	if more := w.Findings(name); len(more) > 0 {
		text += ": " + strings.Join(more, "; ")
	}
	return text
}

// Findings says what moved in short sentences for people, most telling first.
func (w *InputWarning) Findings(name func(Hash) (string, bool)) []string {
	e := w.Evidence
	if e == nil {
		return nil
	}
	f := findings{name: name}
	if e.Was > 0 || e.Now > 0 {
		f.say("%s, was %s", share(e.Now), share(e.Was))
	}
	if b, from := e.moved(); b != nil {
		f.say("%s of the numbers %s, was %s", share(b.Now), b.Between(from), share(b.Was))
	}
	for i, p := range e.Parts {
		if i == 3 {
			f.say("%d more", len(e.Parts)-i)
			break
		}
		f.part(w.Check, &p)
	}
	return f.all
}

func (f *findings) part(check string, p *InputPart) {
	switch p.Name {
	case PartBelow, PartAbove:
		f.say("%s %s, to %.4g", share(p.Share), p.Name, p.Extreme)
	case PartAbsent, PartLost, PartOther, PartNumber:
		f.say("%s %s, first at offset %d", share(p.Share), strings.ReplaceAll(p.Name, "_", " "), p.Offset)
	case "":
		what := f.feature(p.Hash)
		if check == "duplicates" {
			f.say("%s %s at offset %d", share(p.Share), partEvent, p.Offset)
			return
		}
		f.say("%s %s, first at offset %d", share(p.Share), what, p.Offset)
	default:
		text := fmt.Sprintf("%s %s", share(p.Share), p.Name)
		if p.Refused > 0 {
			text += fmt.Sprintf(", %d events refused", p.Refused)
		}
		f.say("%s", text)
	}
}

// moved returns the bin that has gained most, and where it begins; nil for none.
func (e *InputEvidence) moved() (b *InputBin, from *float64) {
	most := 0.0
	for i := range e.Bins {
		if by := e.Bins[i].Now - e.Bins[i].Was; by > most {
			most, b, from = by, &e.Bins[i], nil
			if i > 0 {
				from = e.Bins[i-1].Below
			}
		}
	}
	return b, from
}

// Between says which numbers are in the bin that begins at from.
func (b *InputBin) Between(from *float64) string {
	switch {
	case from == nil && b.Below == nil:
		return "anywhere"
	case from == nil:
		return fmt.Sprintf("up to %.4g", *b.Below)
	case b.Below == nil:
		return fmt.Sprintf("above %.4g", *from)
	}
	return fmt.Sprintf("from %.4g to %.4g", *from, *b.Below)
}

// share is a share for people, small ones too.
func share(s float64) string { return fmt.Sprintf("%.3g%%", 100*s) }
