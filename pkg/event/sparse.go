package event

import (
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// newSparseFiller is newFiller for formats whose features are all sparse and
// whose label stands first in the line.
func newSparseFiller(s Schema, needLabel bool, format string) (filler, error) {
	for _, l := range append(s.lists()[2:], s.single()...) {
		if len(l.list) > 0 {
			return filler{}, fmt.Errorf("%s: %q: must be empty with format %s, which says the value of each feature", l.key, l.list, format)
		}
	}
	for _, n := range s.named() {
		if n.role != roleLabel && n.field != "" {
			return filler{}, fmt.Errorf("%s: %q: must be empty with format %s, which has no fields beside its features", n.key, n.field, format)
		}
	}
	if err := s.noOffer(format); err != nil {
		return filler{}, err
	}
	s.Label = ""
	f, err := newFiller(s, needLabel)
	if err != nil {
		return f, err
	}
	f.schema.Label = "label"
	return f, nil
}

// textLabel reads the label at the start of a line.
func (f *filler) textLabel(text []byte) {
	f.label("label", value{kind: kindText, text: text})
}

// sparseValue reads the value of a feature; if it cannot, the record is refused.
func (f *filler) sparseValue(name, text []byte) (v float64, ok bool) {
	v, ok = parseText(text)
	switch {
	case ok && !math.IsInf(v, 0):
		return v, true
	case ok || isNonFiniteName(text):
		f.fail(NonFinite, string(name), "%s is not a finite number", excerpt(text))
	default:
		f.rejection = &Rejection{Reason: Syntax, Field: string(name), Detail: fmt.Sprintf("%s is no number", excerpt(text))}
	}
	return 0, false
}

// sparse adds a feature, unless its value is 0 or it is excluded.
func (f *filler) sparse(s *sieve, name []byte, v float64, field uint32) {
	switch {
	case v == 0:
	case s.open:
		f.e.X.Sparse = append(f.e.X.Sparse, Feature{xxhash.Sum64(name), v, field})
	default:
		f.sifted(s, name, v, field)
	}
}

// sifted is sparse where not all features are kept as they are.
func (f *filler) sifted(s *sieve, name []byte, v float64, field uint32) {
	r := s.role(f, name)
	if r == roleSkip {
		return
	}
	n := len(f.e.X.Sparse)
	hash := xxhash.Sum64(name)
	f.e.X.Sparse = append(f.e.X.Sparse, Feature{hash, v, field})
	if f.names != nil {
		f.keepName(hash, string(name))
	}
	if r >= roleShaped {
		f.settle(&f.shapes[r-roleShaped], len(f.e.X.Dense), n, value{kind: kindNumber})
	}
}

// sieve remembers which features a sparse format keeps.
type sieve struct {
	schema Schema
	open   bool // keeps all, as it is
	roles  roleTable
}

func newSieve(s Schema) sieve {
	only := Schema{Include: s.Include, Exclude: s.Exclude}
	return sieve{schema: only, open: len(s.Include)+len(s.Exclude)+len(s.Cross) == 0, roles: newRoleTable()}
}

// role returns what the feature is for: nothing, or a feature that may have a shape.
func (s *sieve) role(f *filler, name []byte) role {
	h := pathHash(name)
	if slot := s.roles.slot(h); slot.role != roleNone {
		return slot.role
	}
	if s.roles.used > maxRoles {
		s.roles.reset()
	}
	text := string(name)
	r := f.shaped(text, s.schema.role(text))
	s.roles.add(h, r, nil)
	return r
}

// oneLine returns b without the line break at its end, if that is the only one.
func oneLine(b []byte) ([]byte, error) {
	line := trimBreak(b)
	for _, c := range line {
		if c == '\n' {
			return nil, &Rejection{Reason: Syntax, Detail: "holds a line break: a record must be one line"}
		}
	}
	return line, nil
}

// cutWord returns the first word of b and what follows it; an empty word at the end.
func cutWord(b []byte) (word, rest []byte) {
	i := 0
	for i < len(b) && isBlank(b[i]) {
		i++
	}
	start := i
	for i < len(b) && !isBlank(b[i]) {
		i++
	}
	return b[start:i], b[i:]
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// cutByte splits b at the first c.
func cutByte(b []byte, c byte) (before, after []byte, found bool) {
	for i := range b {
		if b[i] == c {
			return b[:i], b[i+1:], true
		}
	}
	return b, nil, false
}
