package event

import (
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// shape is how the value of a field becomes features when more than its role
// says it. Fields that differ in nothing share one. A role from roleShaped on
// is roleShaped plus the index of a shape, so that fields without one cost
// nothing.
type shape struct {
	base    role
	text    bool     // strings are split into words
	log1p   bool     // numbers are compressed
	cyclic  int      // index into filler.cyclic; -1: none
	missing int      // index into filler.missing; -1: none
	encode  int      // index into filler.encoded; -1: none
	special role     // of the key or the source, which its value is as well; roleNone
	groups  []uint16 // the groups of crosses that the features join
}

func (s *shape) equal(o *shape) bool {
	return s.base == o.base && s.text == o.text && s.log1p == o.log1p && s.cyclic == o.cyclic && s.missing == o.missing &&
		s.encode == o.encode && s.special == o.special &&
		slices.Equal(s.groups, o.groups)
}

// indicator is the feature that says that a field is absent or null.
type indicator struct {
	feature Feature
	present bool // in this record
}

// shaper turns values into features where a shape says how.
type shaper struct {
	shapes  []shape
	draft   shape // of the field that is being looked up
	missing []indicator
	cyclic  []clock
	encoded encoded
	crosses crosses
	bag     bag
	ngrams  int
}

func newShaper(s *Schema) shaper {
	sh := shaper{ngrams: max(s.Ngrams, 1), bag: newBag(), crosses: newCrosses(s.Cross), encoded: newEncoded(s)}
	for _, m := range s.Missing {
		sh.missing = append(sh.missing, indicator{feature: Feature{xxhash.Sum64String(m + "?"), 1, uint32(xxhash.Sum64String(m))}})
	}
	for _, c := range s.Cyclic {
		sh.cyclic = append(sh.cyclic, newClock(c))
	}
	return sh
}

// begin starts a record.
func (s *shaper) begin() {
	for i := range s.missing {
		s.missing[i].present = false
	}
	s.crosses.begin()
}

// roleOf returns what the value at a path is for.
func (f *filler) roleOf(path string) role { return f.shaped(path, f.schema.role(path)) }

// shaped returns the role of a path, whose role is base as long as it has no shape.
func (f *filler) shaped(path string, base role) role {
	s := &f.schema
	d := &f.draft
	*d = shape{base: base, cyclic: slices.Index(s.Cyclic, path), missing: slices.Index(s.Missing, path), encode: f.encoded.index(path), groups: d.groups[:0]}
	d.special = s.besides(path)
	switch {
	case base == roleText:
		d.base, d.text = roleAuto, true
	case base == roleSkip || base > roleSkip && d.cyclic < 0:
		return base
	}
	_, d.log1p = longest(s.Log1p, path)
	if !s.ofAction(path) {
		d.groups = f.crosses.appendGroups(d.groups, path)
	}
	if f.names == nil && d.equal(&shape{base: base, cyclic: -1, missing: -1, encode: -1}) {
		return base
	}
	for i := range f.shapes {
		if f.shapes[i].equal(d) {
			return roleShaped + role(i)
		}
	}
	added := *d
	added.groups = slices.Clone(d.groups)
	f.shapes = append(f.shapes, added)
	return roleShaped + role(len(f.shapes)-1)
}

// base returns the role that a value has apart from its shape.
func (f *filler) base(r role) role {
	if r < roleShaped {
		return r
	}
	return f.shapes[r-roleShaped].base
}

// container notes that the value of a field that is not roleSkip is an object or
// array, and returns the role of the elements if it is an array.
func (f *filler) container(r role) role {
	v := value{kind: kindContainer}
	if r < roleShaped {
		f.special(r, v)
		return roleSkip
	}
	s := &f.shapes[r-roleShaped]
	if s.missing >= 0 {
		f.missing[s.missing].present = true
	}
	if s.cyclic >= 0 {
		f.clock(s, v)
		return roleSkip
	}
	return r
}

// settle finishes the features that the value of a field with a shape has
// added: those from dense and sparse on.
func (f *filler) settle(s *shape, dense, sparse int, v value) {
	x := &f.e.X
	if s.missing >= 0 && !f.empty(s, sparse, v) {
		f.missing[s.missing].present = true
	}
	if s.log1p {
		for i := dense; i < len(x.Dense); i++ {
			x.Dense[i].Value = signedLog1p(x.Dense[i].Value)
		}
	}
	if s.special != roleNone {
		f.special(s.special, v)
	}
	if s.encode >= 0 {
		f.categories(s.encode, x.Sparse[sparse:])
	}
	for _, g := range s.groups {
		f.crosses.join(g, x.Dense[dense:])
		f.crosses.join(g, x.Sparse[sparse:])
	}
}

// empty reports whether a value counts as absent: text without words, where
// words are looked for, and no text, where a number or time is.
func (f *filler) empty(s *shape, sparse int, v value) bool {
	switch {
	case v.kind != kindText:
		return false
	case s.text:
		return len(f.e.X.Sparse) == sparse
	}
	return (s.base == roleNumeric || s.cyclic >= 0) && len(trim(v.text)) == 0
}

// signedLog1p returns sign(x) log(1+|x|).
func signedLog1p(x float64) float64 {
	if x < 0 {
		return -portable.Log1p(-x)
	}
	return portable.Log1p(x)
}

// addMissing adds the features of the fields that were absent.
func (f *filler) addMissing() {
	for i := range f.missing {
		if m := &f.missing[i]; !m.present {
			f.e.X.Sparse = append(f.e.X.Sparse, m.feature)
			if f.names != nil {
				f.keepName(m.feature.Hash, f.schema.Missing[i]+"?")
			}
		}
	}
}

// single are the lists that name single fields.
func (s *Schema) single() []entries {
	return []entries{{"features.missing", s.Missing}, {"features.cyclic", s.Cyclic}, {"features.target", s.Target}, {"features.count", s.Count}}
}

// validateShapes checks the lists of single fields and what goes with the shapes.
func (s *Schema) validateShapes() error {
	if s.Ngrams < 0 || s.Ngrams > maxNgrams {
		return fmt.Errorf("features.ngrams: %d: must be from 1, single words, to %d", s.Ngrams, maxNgrams)
	}
	if s.Ngrams > 1 && len(s.Text) == 0 {
		return fmt.Errorf("features.ngrams: %d: features.text must list the fields that are split into words", s.Ngrams)
	}
	for _, l := range s.single() {
		for i, e := range l.list {
			switch r := s.role(e); {
			case e == "" || e[len(e)-1] == '*':
				return fmt.Errorf("%s: %q: must be one field, since a pattern does not tell which fields there are", l.key, e)
			case slices.Contains(l.list[:i], e):
				return fmt.Errorf("%s: %q: named twice", l.key, e)
			case r == roleSkip:
				return fmt.Errorf("%s: %q: is no feature by features.include, features.exclude or source; change those or remove it", l.key, e)
			case r > roleSkip && r < roleText && (r != roleTime || l.key != "features.cyclic"):
				return fmt.Errorf("%s: %q: has a meaning of its own under source, and so is no feature; remove one of the two (the field of source.key is a feature as well when features.categorical lists it)", l.key, e)
			}
		}
	}
	for _, e := range s.Cyclic {
		for _, l := range append(s.lists()[2:], entries{"features.target", s.Target}, entries{"features.count", s.Count}) {
			if slices.Contains(l.list, e) {
				return fmt.Errorf("features.cyclic: %q: is also in %s; remove one of the two", e, l.key)
			}
		}
	}
	if err := s.validateEncoded(); err != nil {
		return err
	}
	return s.validateCross()
}
