package learner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	mostRefusals  = 8  // reasons with their fields that a block tells apart
	maxFieldBytes = 64 // of a field's name that are kept
)

// refusal is for what reason, and because of which field, records of the current
// block of the reject rate were refused.
type refusal struct {
	reason event.Reason
	field  string
	count  uint64
}

// refusals are the first few that a block comes with; what there is no room for is told by its reason alone.
type refusals []refusal

func (rs *refusals) add(r *event.Rejection) {
	if r.Field == "" {
		return
	}
	field := strings.ToValidUTF8(r.Field[:min(len(r.Field), maxFieldBytes)], "?")
	for i := range *rs {
		if x := &(*rs)[i]; x.reason == r.Reason && x.field == field {
			x.count++
			return
		}
	}
	if len(*rs) < mostRefusals {
		*rs = append(*rs, refusal{r.Reason, field, 1})
	}
}

// refusedOf are the reasons of the current block of the reject rate, with the fields that records were refused for.
func (l *Learner) refusedOf() []state.Refused {
	left := l.rejected
	for i := range left {
		left[i] -= l.suspect.rejected[i]
	}
	var out []state.Refused
	add := func(reason event.Reason, field string, n uint64) {
		if n > 0 {
			out = append(out, state.Refused{Reason: reason.String(), Field: field, Share: rounded(float64(n) / rejectBlock)})
		}
	}
	for _, r := range l.refused {
		add(r.reason, r.field, min(r.count, left[r.reason]))
		left[r.reason] -= min(r.count, left[r.reason])
	}
	for i, n := range left {
		add(event.Reason(i), "", n)
	}
	slices.SortStableFunc(out, func(a, b state.Refused) int { return cmp.Compare(b.Share, a.Share) })
	return out[:min(len(out), mostListed)]
}

func (rs refusals) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(rs)))
	for _, r := range rs {
		b = wire.AppendString(append(b, byte(r.reason)), r.field)
		b = wire.AppendUvarint(b, r.count)
	}
	return b
}

func readRefusals(r *wire.Reader) (rs refusals) {
	n := r.Count(3)
	if n > mostRefusals {
		r.Fail("%d reasons of refusals", n)
		return nil
	}
	for range n {
		x := refusal{reason: event.Reason(r.Byte()), field: r.String(), count: r.Uvarint()}
		if x.reason >= event.Reasons || len(x.field) > maxFieldBytes || x.count > rejectBlock {
			r.Fail("%d records refused for reason %d, with a field of %d bytes", x.count, x.reason, len(x.field))
			return nil
		}
		rs = append(rs, x)
	}
	return rs
}
