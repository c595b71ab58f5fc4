package inputs

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// rules are the declared rules, as they apply to the features of an event.
type rules struct {
	schema   *event.Schema
	table    fieldTable
	all      []rule
	required uint64 // bits of the rules whose field must be there
}

type rule struct {
	*Rule
	kind      string
	ranged    bool
	lo, hi    float64 // of the feature, which may be a logarithm of the number
	values    map[uint64]struct{}
	indicator uint64 // hash of the feature that says that the field is missing
}

func newRules(c *Config, s *event.Schema) *rules {
	if len(c.Rules) == 0 {
		return nil
	}
	out := &rules{schema: s}
	for i := range c.Rules {
		r := rule{Rule: &c.Rules[i], indicator: indicatorOf(c.Rules[i].Field)}
		r.kind = r.Rule.kind()
		if r.ranged = len(r.Range) == 2; r.ranged {
			r.lo, r.hi = s.Scaled(r.Field, r.Range[0]), s.Scaled(r.Field, r.Range[1])
		}
		if len(r.Values) > 0 {
			r.values = make(map[uint64]struct{}, len(r.Values))
		}
		for _, v := range r.Values {
			r.values[xxhash.Sum64String(r.Field+"="+v)] = struct{}{}
		}
		if r.Required {
			out.required |= 1 << i
		}
		out.table.add(idOf(r.Field), i)
		out.all = append(out.all, r)
	}
	return out
}

// hashOf is the hash of the numeric feature of a field.
func hashOf(path string) uint64 { return xxhash.Sum64String(path) }

// idOf is what features carry of the path of their field.
func idOf(path string) uint32 { return uint32(hashOf(path)) }

// indicatorOf is the hash of the feature that says that a field is missing.
func indicatorOf(path string) uint64 { return xxhash.Sum64String(path + "?") }

// check returns why an event is refused; nil when it obeys all rules.
func (rs *rules) check(e *event.Event) *event.Rejection {
	var present uint64
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		n := rs.table.find(f.Field)
		if n == unknown {
			continue
		}
		r := &rs.all[n]
		present |= 1 << n
		switch {
		case r.kind == Category:
			return reject(event.TypeInvalid, r.Field, "is a number (%.6g), and must be a category by guard.inputs.rules", f.Value)
		case r.ranged && !(f.Value >= r.lo && f.Value <= r.hi):
			return reject(event.OutOfRange, r.Field, "%.9g: must be from %v to %v by guard.inputs.rules",
				rs.schema.Unscaled(r.Field, f.Value), r.Range[0], r.Range[1])
		}
	}
	for i := range e.Plain() {
		f := &e.X.Sparse[i]
		n := rs.table.find(f.Field)
		if n == unknown || f.Hash == rs.all[n].indicator {
			continue
		}
		r := &rs.all[n]
		present |= 1 << n
		if r.kind == Number {
			return reject(event.TypeInvalid, r.Field, "is text or a boolean, and must be a number by guard.inputs.rules")
		}
		if r.values != nil {
			if _, ok := r.values[f.Hash]; !ok {
				return reject(event.CategoryUnknown, r.Field, "is none of the %d values of guard.inputs.rules", len(r.values))
			}
		}
	}
	if absent := rs.required &^ present; absent != 0 {
		for i := range rs.all {
			if absent>>i&1 == 1 {
				return reject(event.FieldMissing, rs.all[i].Field, "absent, null or empty, and is required by guard.inputs.rules")
			}
		}
	}
	return nil
}

func reject(reason event.Reason, field, format string, args ...any) *event.Rejection {
	return &event.Rejection{Reason: reason, Field: field, Detail: fmt.Sprintf(format, args...)}
}
