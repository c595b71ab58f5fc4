package event

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// classes finds the index of a class by its name.
type classes struct {
	names   []string
	hashed  []hashedClass // in order of the hash
	numbers []numberedClass
}

// hashedClass is a class by the xxHash of its name.
type hashedClass struct {
	hash  uint64
	index int
}

// numberedClass is a class whose name is a number.
type numberedClass struct {
	number float64
	index  int
}

func newClasses(names []string) classes {
	c := classes{names: names}
	for i, n := range names {
		c.hashed = append(c.hashed, hashedClass{xxhash.Sum64String(n), i})
		if v, ok := parseText([]byte(n)); ok {
			c.numbers = append(c.numbers, numberedClass{v, i})
		}
	}
	slices.SortFunc(c.hashed, func(a, b hashedClass) int { return cmp.Compare(a.hash, b.hash) })
	return c
}

// index finds a class by its name, or else, since 1 is also the class of 1.0,
// by its number; -1 when there is none.
func (c *classes) index(v value) int {
	text := v.text
	if v.kind == kindText {
		text = trim(text)
	}
	h := xxhash.Sum64(text)
	i, ok := slices.BinarySearchFunc(c.hashed, h, func(e hashedClass, h uint64) int { return cmp.Compare(e.hash, h) })
	for ; ok && i < len(c.hashed) && c.hashed[i].hash == h; i++ {
		if k := c.hashed[i].index; c.names[k] == string(text) {
			return k
		}
	}
	if v.kind == kindBool || len(c.numbers) == 0 {
		return -1
	}
	if n, ok := parseText(text); ok {
		for _, e := range c.numbers {
			if e.number == n {
				return e.index
			}
		}
	}
	return -1
}

// maxNamed is how many classes a rejection names.
const maxNamed = 20

// allowed names the classes for a person.
func (c *classes) allowed() string {
	if len(c.names) > maxNamed {
		return fmt.Sprintf("%q and %d more", c.names[:maxNamed], len(c.names)-maxNamed)
	}
	return fmt.Sprintf("%q", c.names)
}

// reweight multiplies the weight of a labelled event by that of its class, and
// samples negatives. record is what was decoded.
func (f *filler) reweight(record []byte) {
	s := &f.schema
	negative := f.e.Label <= 0
	if len(s.ClassWeights) > 0 {
		class := 1
		switch {
		case len(s.Classes) > 0:
			class = int(f.e.Label)
		case negative:
			class = 0
		}
		f.e.Weight *= s.ClassWeights[class]
	}
	if p := s.SampleNegatives; p > 0 && p < 1 && negative {
		if f.draw(record) < p {
			f.e.Weight /= p
		} else {
			f.e.Weight = 0
		}
	}
	if math.IsInf(f.e.Weight, 0) {
		f.fail(WeightInvalid, s.Weight, "its product with source.class_weights or 1/source.sample_negatives is too large for a 64-bit float")
	}
}

// draw returns a number in [0, 1) that depends on the record's ID alone, or on
// all its bytes when it has none.
func (f *filler) draw(record []byte) float64 {
	if len(f.e.ID) > 0 {
		record = f.e.ID
	}
	return float64(xxhash.Sum64(record)>>11) / (1 << 53)
}

// validateClasses checks what is said of the classes.
func (s *Schema) validateClasses() error {
	switch {
	case len(s.Classes) > 0 && s.Positive != "":
		return fmt.Errorf("source.classes: %q: source.positive must be empty; of two classes the second is the positive one", s.Classes)
	case len(s.Classes) == 1:
		return fmt.Errorf("source.classes: %q: must name at least two classes", s.Classes)
	case len(s.Classes) > 0 && s.Arm != "":
		return fmt.Errorf("source.classes: %q: must be empty with source.arm, since the label is then a reward", s.Classes)
	}
	c := newClasses(s.Classes)
	for i, name := range s.Classes {
		if name == "" || string(trim([]byte(name))) != name {
			return fmt.Errorf("source.classes: %q: must be text without spaces around it", name)
		}
		if c.index(value{kind: kindText, text: []byte(name)}) != i {
			return fmt.Errorf("source.classes: %q: named twice", name)
		}
	}
	slices.SortFunc(c.numbers, func(a, b numberedClass) int { return cmp.Compare(a.number, b.number) })
	for i, n := range c.numbers {
		if i > 0 && n.number == c.numbers[i-1].number {
			return fmt.Errorf("source.classes: %q: is the same number as %q", s.Classes[n.index], s.Classes[c.numbers[i-1].index])
		}
	}
	for _, w := range s.ClassWeights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("source.class_weights: %v: must be finite numbers >= 0", s.ClassWeights)
		}
	}
	want := max(len(s.Classes), 2)
	switch {
	case len(s.ClassWeights) > 0 && len(s.ClassWeights) != want && len(s.Classes) > 0:
		return fmt.Errorf("source.class_weights: %v: must be %d numbers, in the order of source.classes", s.ClassWeights, want)
	case len(s.ClassWeights) > 0 && len(s.ClassWeights) != want:
		return fmt.Errorf("source.class_weights: %v: must be two numbers, for negative and positive labels, unless source.classes names the classes", s.ClassWeights)
	case s.Arm != "" && (len(s.ClassWeights) > 0 || s.SampleNegatives != 0):
		return fmt.Errorf("source.class_weights: %v: must be empty with source.arm, and source.sample_negatives 1, since rewards have no classes", s.ClassWeights)
	case !(s.SampleNegatives >= 0 && s.SampleNegatives <= 1):
		return fmt.Errorf("source.sample_negatives: %v: must be in (0, 1], the share of negatives that are kept", s.SampleNegatives)
	case s.SampleNegatives > 0 && s.SampleNegatives < 1 && len(s.Classes) > 2:
		return fmt.Errorf("source.sample_negatives: %v: must be 1 with more than two classes, of which none is the negative one", s.SampleNegatives)
	}
	return nil
}
