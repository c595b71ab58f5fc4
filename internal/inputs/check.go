package inputs

import "github.com/streamlearner/streamlearner/pkg/state"

// Check is something that events are checked for, by blocks.
type Check uint8

// The checks. Those up to Skew are of single fields.
const (
	Missing     Check = iota // events without the field, more than in the reference
	Unseen                   // categories of it that are new, or of another type, more than in the reference
	OutOfRange               // numbers outside of the range
	PSI                      // population stability index
	KS                       // distance of Kolmogorov and Smirnov
	Skew                     // events in which its value was another at decision time
	NewFields                // events with a field that the reference does not know
	Duplicates               // events like others shortly before
	SourceShare              // events refused as above the share of their source
	Checks
)

const fieldChecks = NewFields

func (c Check) String() string {
	return [...]string{"missing", "unseen", "out_of_range", "psi", "ks", "skew", "new_fields", "duplicates", "source_share"}[c]
}

// Warning says that a figure of a block is above its limit, or no longer is.
type Warning struct {
	Check Check
	Field string  // that is warned of; for source_share the source; empty for a check of whole events
	Value float64 // of the figure; of missing and unseen the rise above the reference
	Limit float64 // above which it is
	Over  bool    // it has not been above for some blocks

	Evidence *state.InputEvidence // of one that begins; else nil

	Event  uint64 // number of the event that ended the block, counted from 0 over all fed records
	Offset int64
}

// Document is the warning as documents have it.
func (w *Warning) Document() state.InputWarning {
	out := state.InputWarning{
		Check: w.Check.String(), Field: cut(w.Field), Value: w.Value, Limit: w.Limit, Event: w.Event, Offset: w.Offset, Evidence: w.Evidence,
	}
	if w.Over {
		out.Over = w.Offset
	}
	return out
}

// calm is how many blocks in a row must be below the limit for a warning to be over.
const calm = 5

// hold is for how many more blocks a warning stands; 0 for none.
type hold uint8

// next takes a block and reports whether a warning begins or is over.
func (h *hold) next(above bool) (begins, over bool) {
	switch {
	case above:
		begins = *h == 0
		*h = calm
	case *h > 0:
		*h--
		over = *h == 0
	}
	return begins, over
}
