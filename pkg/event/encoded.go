package event

import (
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// encoded are the fields whose categories go to the encoder of the model: of each a
// Category without its hash.
type encoded struct {
	fields []string
	list   []Category
}

const (
	meanName  = "#mean"
	countName = "#count"
)

func newEncoded(s *Schema) encoded {
	var out encoded
	for _, path := range s.Target {
		i := out.field(path)
		out.list[i].Target = xxhash.Sum64String(path + meanName)
	}
	for _, path := range s.Count {
		i := out.field(path)
		out.list[i].Count = xxhash.Sum64String(path + countName)
	}
	return out
}

// index returns the number of a field, or -1.
func (n *encoded) index(path string) int { return slices.Index(n.fields, path) }

// field returns the number of a field, which it adds when it is new.
func (n *encoded) field(path string) int {
	i := n.index(path)
	if i < 0 {
		i = len(n.fields)
		n.fields = append(n.fields, path)
		n.list = append(n.list, Category{Field: uint32(xxhash.Sum64String(path))})
	}
	return i
}

// categories adds the categories of a field's features.
func (f *filler) categories(field int, features []Feature) {
	for i := range features {
		c := f.encoded.list[field]
		c.Hash = features[i].Hash
		f.e.Categories = append(f.e.Categories, c)
		if f.names != nil {
			f.names[c.Target] = f.encoded.fields[field] + meanName
			f.names[c.Count] = f.encoded.fields[field] + countName
			delete(f.names, 0) // of what is not encoded
		}
	}
}

// validateEncoded checks the fields that are encoded by their categories.
func (s *Schema) validateEncoded() error {
	for _, l := range [...]entries{{"features.target", s.Target}, {"features.count", s.Count}} {
		for _, e := range l.list {
			if r := s.role(e); r != roleCategorical {
				return fmt.Errorf("%s: %q: is in features.numeric or features.text, but must be a category; remove one of the two", l.key, e)
			}
			if _, ok := longest(s.Log1p, e); ok {
				return fmt.Errorf("%s: %q: is in features.log1p, but must be a category; remove one of the two", l.key, e)
			}
		}
	}
	return nil
}
