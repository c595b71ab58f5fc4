package offpolicy

import (
	"cmp"
	"errors"
	"slices"
)

// refusal is why a row cannot be used.
type refusal struct {
	reason string // the same for all rows of a kind
	detail string // what was found in this one
}

func (r refusal) Error() string { return r.reason + ": " + r.detail }

// of returns the refusal about a candidate.
func (r refusal) of(name string) refusal {
	return refusal{"policy " + name + ": " + r.reason, r.detail}
}

// asRefusal gives any error a reason.
func asRefusal(err error) refusal {
	var r refusal
	if errors.As(err, &r) {
		return r
	}
	return refusal{err.Error(), ""}
}

// firstRows is how many row numbers are kept of each reason.
const firstRows = 5

// Refused are the rows that were left out for one reason.
type Refused struct {
	Reason  string   `json:"reason"`
	Count   uint64   `json:"count"`
	Rows    []uint64 `json:"first_rows"` // counted from 1
	Example string   `json:"example"`    // where the first one is, and what it holds
}

// Refusals counts rows by reason.
type Refusals struct{ list []Refused }

// add counts a row; place is asked only for the first one of a reason.
func (r *Refusals) add(row uint64, place func() string, why refusal) {
	i := slices.IndexFunc(r.list, func(x Refused) bool { return x.Reason == why.reason })
	if i < 0 {
		i = len(r.list)
		x := Refused{Reason: why.reason, Example: place()}
		if why.detail != "" {
			x.Example += ": " + why.detail
		}
		r.list = append(r.list, x)
	}
	x := &r.list[i]
	x.Count++
	if len(x.Rows) < firstRows {
		x.Rows = append(x.Rows, row)
	}
}

// List returns the reasons, the most frequent one first.
func (r *Refusals) List() []Refused {
	out := slices.Clone(r.list)
	slices.SortStableFunc(out, func(a, b Refused) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
