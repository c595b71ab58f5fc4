// Package scale standardises numeric fields online and screens them for
// values far outside of all that was learned.
//
// The statistics of a field are updated with an event before the event is
// predicted when learning, and never when scoring. Because a learner may still
// refuse the event after that (its update would be unstable), learning takes
// two steps: Stage computes everything and changes nothing, Commit takes the
// staged statistics over.
package scale

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
)

const (
	// MaxFields bounds the numeric fields of one model. Sparse input belongs
	// into Vector.Sparse, which has no such bound.
	MaxFields = 4096
	// Largest is the largest magnitude that is ever accepted: its square and
	// its product with any weight stay finite.
	Largest = 1e100

	settled    = 100  // events after which a field is screened by its own maximum
	floor      = 1e3  // a settled field's maximum counts as at least this
	youngFloor = 1e18 // the same for a young field: it admits clocks in nanoseconds
	minTable   = 16
)

// Options say what a Scaler does with values.
type Options struct {
	Standardize bool    // centre and scale; otherwise values pass as they are
	Clip        float64 // bound on a standardised magnitude; 0 for none
	Extreme     float64 // refuse above Extreme times the largest magnitude learned; 0 for never
}

// Field is the state of one numeric field.
type Field struct {
	Hash uint64
	Moments
	Max    float64 // largest magnitude learned
	Events uint64  // learned events that had the field

	inverse float64 // Moments.Inverse(), when values are standardised
}

// Staged is one field of the event that was staged last.
type Staged struct {
	ID int     // index of the field, -1 for a field that is new
	X  float64 // value as the learner is to see it

	m       Moments
	inverse float64 // m.Inverse()
}

// Scaler holds the statistics of the numeric fields in order of their first
// appearance. The zero value is not usable; call New.
type Scaler struct {
	opt    Options
	quick  float64 // magnitudes up to this are within every limit
	fields []Field
	table  []uint32 // open addressing by hash; index of the field + 1, 0 for free
	staged []Staged
	dense  []event.Feature // what was staged; valid until the event changes
}

// New returns an empty scaler.
func New(opt Options) *Scaler {
	return &Scaler{opt: opt, quick: Limit(opt.Extreme, 0), table: make([]uint32, minTable)}
}

// Len returns the number of fields.
func (s *Scaler) Len() int { return len(s.fields) }

// Field returns the state of field id.
func (s *Scaler) Field(id int) *Field { return &s.fields[id] }

// Staged returns what the last call of Stage returned.
func (s *Scaler) Staged() []Staged { return s.staged }

// Clone returns a scaler with a copy of the fields.
func (s *Scaler) Clone() *Scaler {
	return &Scaler{opt: s.opt, quick: s.quick, fields: slices.Clone(s.fields), table: slices.Clone(s.table)}
}

// Lookup returns the index of the field with that hash, or -1.
func (s *Scaler) Lookup(hash uint64) int {
	mask := uint64(len(s.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		id := s.table[i]
		if id == 0 {
			return -1
		}
		if s.fields[id-1].Hash == hash {
			return int(id - 1)
		}
	}
}

// Stage looks up the fields of an event with weight h, computes their
// statistics with the event included when learning, and the values that the
// learner is to see. It refuses what is not finite or too large, and changes
// no statistic. seasoned says that the learner has learned 100 events: only
// then are values compared with what was learned.
//
// The result is valid until the next call; dense until Commit.
func (s *Scaler) Stage(dense []event.Feature, h float64, learning, seasoned bool) ([]Staged, *event.Rejection) {
	s.staged, s.dense = slices.Grow(s.staged[:0], len(dense))[:len(dense)], dense
	added := 0
	staged, fields, c := s.staged[:len(dense)], s.fields, s.opt.Clip
	weight, share := 0.0, 0.0 // h over the weight of a field; most fields have the same
	for i := range dense {
		f, st := &dense[i], &staged[i]
		id := st.ID // fields come mostly in the order of the event before
		if uint(id) >= uint(len(fields)) || fields[id].Hash != f.Hash {
			if id = s.Lookup(f.Hash); id < 0 {
				added++
			}
			st.ID = id
		}
		var m Moments
		inverse := 0.0
		if id >= 0 {
			m, inverse = fields[id].Moments, fields[id].inverse
		}
		if !(math.Abs(f.Value) <= s.quick) {
			if limit := s.limit(id, seasoned); !(math.Abs(f.Value) <= limit) {
				return nil, Refuse(f, limit)
			}
		}
		if learning {
			if w := m.Weight + h; w != weight {
				weight, share = w, h/w
			}
			m = m.add(f.Value, h, weight, share)
			if !m.Valid() {
				return nil, &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("value %v with weight %v overflows the statistics of its field", f.Value, h)}
			}
			if s.opt.Standardize {
				inverse = m.Inverse()
			}
		}
		x := f.Value
		if s.opt.Standardize {
			x = Clip((x-m.Mean)*inverse, c)
		}
		st.X, st.m, st.inverse = x, m, inverse
	}
	if learning && len(s.fields)+added > MaxFields {
		return nil, &event.Rejection{Reason: event.TooManyFeatures, Detail: fmt.Sprintf("more than %d distinct numeric fields; exclude some, or make them categorical", MaxFields)}
	}
	return s.staged, nil
}

// Commit takes over the statistics that Stage computed when learning.
func (s *Scaler) Commit() {
	dense := s.dense[:len(s.staged)]
	for i := range s.staged {
		st, f := &s.staged[i], &dense[i]
		if st.ID < 0 {
			st.ID = s.add(Field{Hash: f.Hash})
		}
		field := &s.fields[st.ID]
		field.Moments, field.inverse = st.m, st.inverse
		if ax := math.Abs(f.Value); ax > field.Max {
			field.Max = ax
		}
		field.Events++
	}
}

// Value returns a feature as a learner sees it when scoring. It touches no
// scratch, so it may be called by many goroutines while nobody learns.
func (s *Scaler) Value(f event.Feature) float64 {
	id := s.Lookup(f.Hash)
	if id < 0 {
		return s.apply(f.Value, 0, 0)
	}
	return s.apply(f.Value, s.fields[id].Mean, s.fields[id].inverse)
}

func (s *Scaler) apply(x, mean, inverse float64) float64 {
	if !s.opt.Standardize {
		return x
	}
	return Clip((x-mean)*inverse, s.opt.Clip)
}

// Merge adds the statistics that another scaler learned from other events. What was staged is lost.
func (s *Scaler) Merge(o *Scaler) {
	for _, f := range o.fields {
		id := s.Lookup(f.Hash)
		if id < 0 {
			s.add(f)
			continue
		}
		g := &s.fields[id]
		g.Moments = g.Moments.Merge(f.Moments)
		g.inverse = g.Moments.Inverse()
		g.Max, g.Events = max(g.Max, f.Max), g.Events+f.Events
	}
}

// Clip bounds x to [-c, c]; c = 0 means no bound.
func Clip(x, c float64) float64 {
	if c > 0 {
		if x > c {
			return c
		}
		if x < -c {
			return -c
		}
	}
	return x
}

// limit is the largest magnitude that field id may have; -1 is a new field.
func (s *Scaler) limit(id int, seasoned bool) float64 {
	if !seasoned || s.opt.Extreme == 0 {
		return Largest
	}
	if id < 0 || s.fields[id].Events < settled {
		return Limit(s.opt.Extreme, youngFloor)
	}
	return Limit(s.opt.Extreme, s.fields[id].Max)
}

// Limit returns extreme times the larger of 1000 and the largest magnitude
// learned, but at most Largest. extreme = 0 switches the screen off.
func Limit(extreme, learned float64) float64 {
	if extreme == 0 {
		return Largest
	}
	return min(Largest, float64(extreme*max(floor, learned)))
}

// Seasoned reports whether so many learned events suffice for the screen.
func Seasoned(events uint64) bool { return events >= settled }

// Refuse says why a value above limit, or not finite, is not accepted.
func Refuse(f *event.Feature, limit float64) *event.Rejection {
	if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) {
		return &event.Rejection{Reason: event.NonFinite, Detail: fmt.Sprintf("feature %016x is %v", f.Hash, f.Value)}
	}
	return &event.Rejection{Reason: event.Extreme, Detail: fmt.Sprintf("feature %016x is %v, allowed are magnitudes up to %v", f.Hash, f.Value, limit)}
}

// add appends a field unless its hash is known, and returns its index.
func (s *Scaler) add(f Field) int {
	if id := s.Lookup(f.Hash); id >= 0 {
		return id
	}
	f.inverse = f.Moments.Inverse()
	s.fields = append(s.fields, f)
	if 2*len(s.fields) > len(s.table) {
		s.rehash(2 * len(s.table))
	} else {
		s.insert(len(s.fields) - 1)
	}
	return len(s.fields) - 1
}

func (s *Scaler) insert(id int) {
	mask := uint64(len(s.table) - 1)
	i := s.fields[id].Hash & mask
	for s.table[i] != 0 {
		i = (i + 1) & mask
	}
	s.table[i] = uint32(id + 1)
}

func (s *Scaler) rehash(size int) {
	s.table = make([]uint32, size)
	for id := range s.fields {
		s.insert(id)
	}
}
