package event

import (
	"slices"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// Use is what the values of a field become.
type Use uint8

// The uses.
const (
	Unused     Use = iota // no features
	ByType                // numbers are numeric features, all else categories
	Numeric               // numeric features
	Categories            // categories
	Words                 // words
	Clock                 // points of the time of day and week
)

// Use tells what the values of a field become, as far as the schema says it.
func (s *Schema) Use(path string) Use {
	if slices.Contains(s.Cyclic, path) {
		return Clock
	}
	switch s.role(path) {
	case roleAuto:
		return ByType
	case roleNumeric:
		return Numeric
	case roleCategorical:
		return Categories
	case roleText:
		return Words
	}
	return Unused
}

// Scaled returns the numeric feature that a number of a field becomes.
func (s *Schema) Scaled(path string, x float64) float64 {
	if _, ok := longest(s.Log1p, path); ok {
		return signedLog1p(x)
	}
	return x
}

// Unscaled returns the number of a field that became a numeric feature, up to rounding.
func (s *Schema) Unscaled(path string, x float64) float64 {
	if _, ok := longest(s.Log1p, path); !ok {
		return x
	}
	if x < 0 {
		return -portable.Expm1(-x)
	}
	return portable.Expm1(x)
}
