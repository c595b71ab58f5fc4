package names

import (
	"fmt"
	"slices"
	"strings"
)

// Resolver finds the names of features that a model tells apart by some low
// bits of their hashes.
type Resolver struct {
	mask  uint64
	names map[uint64][]string
}

// NewResolver returns a resolver for so many bits; 64 means the whole hash.
func NewResolver(known map[uint64]string, bits int) *Resolver {
	r := &Resolver{mask: ^uint64(0), names: make(map[uint64][]string, len(known))}
	if bits < 64 {
		r.mask = 1<<bits - 1
	}
	for hash, name := range known {
		r.names[hash&r.mask] = append(r.names[hash&r.mask], name)
	}
	for _, all := range r.names {
		slices.Sort(all)
	}
	return r
}

// Name returns the name of a feature, the names of all that share its weight
// with " | " between them, or its number in hexadecimal.
func (r *Resolver) Name(id uint64) string {
	if all := r.names[id&r.mask]; len(all) > 0 {
		return strings.Join(all, " | ")
	}
	return fmt.Sprintf("#%x", id&r.mask)
}
