package event

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// maxCross is how many fields a cross may have.
const maxCross = 4

// crosses makes the products of features of different fields. Each distinct
// entry of a cross has a group, which collects the features of an event that
// the entry covers.
type crosses struct {
	entries []string    // of each group
	first   []int       // of each cross: its first group; the next cross begins where it ends
	list    [][]int     // the groups of each cross, equal ones side by side
	groups  [][]Feature // members in this record
	picked  [maxCross]Feature
	name    [8 * maxCross]byte
}

func newCrosses(cross [][]string) crosses {
	var c crosses
	for _, entries := range cross {
		sorted := slices.Sorted(slices.Values(entries))
		c.first = append(c.first, len(c.entries))
		var positions []int
		for i, e := range sorted {
			if i == 0 || e != sorted[i-1] {
				c.entries = append(c.entries, e)
			}
			positions = append(positions, len(c.entries)-1)
		}
		c.list = append(c.list, positions)
	}
	c.groups = make([][]Feature, len(c.entries))
	return c
}

// begin starts a record.
func (c *crosses) begin() {
	for i := range c.groups {
		c.groups[i] = c.groups[i][:0]
	}
}

// appendGroups appends the groups that the field at path belongs to: of each
// cross the one of the longest entry that covers it.
func (c *crosses) appendGroups(dst []uint16, path string) []uint16 {
	for i, first := range c.first {
		end := len(c.entries)
		if i+1 < len(c.first) {
			end = c.first[i+1]
		}
		best := -1
		for g := first; g < end; g++ {
			if matches(c.entries[g], path) && (best < 0 || rank(c.entries[g]) > rank(c.entries[best])) {
				best = g
			}
		}
		if best >= 0 {
			dst = append(dst, uint16(best))
		}
	}
	return dst
}

// join adds features to a group.
func (c *crosses) join(group uint16, features []Feature) {
	c.groups[group] = append(c.groups[group], features...)
}

// cross adds the products of all crosses.
func (f *filler) cross() {
	for _, positions := range f.crosses.list {
		var ok bool
		if len(positions) == 2 {
			ok = f.pairs(positions[0], positions[1])
		} else {
			ok = f.combine(positions, 0, 0)
		}
		if !ok {
			return
		}
	}
}

// pairs is combine for two positions, which are most of what is crossed.
func (f *filler) pairs(first, second int) bool {
	members := f.crosses.groups[second]
	for i, a := range f.crosses.groups[first] {
		if first == second {
			members = f.crosses.groups[first][i+1:]
		}
		for _, b := range members {
			binary.LittleEndian.PutUint64(f.crosses.name[:], min(a.Hash, b.Hash))
			binary.LittleEndian.PutUint64(f.crosses.name[8:], max(a.Hash, b.Hash))
			if !f.product(16, a.Value*b.Value, a.Field+b.Field) {
				return false
			}
		}
	}
	return true
}

// combine chooses a member of the group of each position from the k-th on, and
// adds their product to the event. A group that has several positions gives
// each set of its members once. It returns false when the record is refused.
func (f *filler) combine(positions []int, k, start int) bool {
	if k == len(positions) {
		return f.multiply(f.crosses.picked[:k])
	}
	members := f.crosses.groups[positions[k]]
	for i := start; i < len(members); i++ {
		f.crosses.picked[k] = members[i]
		next := 0
		if k+1 < len(positions) && positions[k+1] == positions[k] {
			next = i + 1
		}
		if !f.combine(positions, k+1, next) {
			return false
		}
	}
	return true
}

// multiply adds the product of features. Names and values are taken in
// ascending order of the hashes, so that they depend neither on the order of
// the configuration nor on that of the record.
func (f *filler) multiply(picked []Feature) bool {
	var parts [maxCross]Feature
	n := copy(parts[:], picked)
	for i := 1; i < n; i++ {
		for j := i; j > 0 && parts[j].Hash < parts[j-1].Hash; j-- {
			parts[j], parts[j-1] = parts[j-1], parts[j]
		}
	}
	v, field := 1.0, uint32(0)
	for i, p := range parts[:n] {
		binary.LittleEndian.PutUint64(f.crosses.name[8*i:], p.Hash)
		v *= p.Value
		field += p.Field
	}
	return f.product(8*n, v, field)
}

// product adds the feature whose name is the first n bytes of crosses.name,
// unless its value is 0. It returns false when the record is refused.
func (f *filler) product(n int, v float64, field uint32) bool {
	x := &f.e.X
	switch {
	case v == 0:
		return true
	case math.IsInf(v, 0) || math.IsNaN(v):
		f.fail(NonFinite, "", "a product of features.cross is too large for a 64-bit float; list the fields in features.log1p")
		return false
	}
	hash := xxhash.Sum64(f.crosses.name[:n])
	x.Sparse = append(x.Sparse, Feature{hash, v, field})
	if f.names != nil {
		f.keepName(hash, f.productName(n))
	}
	return x.Len() <= f.limit
}

func (s *Schema) validateCross() error {
	for i, c := range s.Cross {
		if len(c) < 2 || len(c) > maxCross {
			return fmt.Errorf("features.cross: %q: must have from 2 to %d fields", c, maxCross)
		}
		for _, e := range c {
			if e == "" || strings.Contains(strings.TrimSuffix(e, "*"), "*") {
				return fmt.Errorf("features.cross: %q: %q must be a field, or a prefix followed by one *", c, e)
			}
			if r := s.role(e); e[len(e)-1] != '*' && (r == roleSkip || r > roleSkip && r < roleText) {
				return fmt.Errorf("features.cross: %q: %q is no feature; see features.include, features.exclude and source", c, e)
			}
		}
		for _, o := range s.Cross[:i] {
			if slices.Equal(slices.Sorted(slices.Values(c)), slices.Sorted(slices.Values(o))) {
				return fmt.Errorf("features.cross: %q: is there twice, in whatever order of its fields; remove one", c)
			}
		}
	}
	return nil
}
