// Package names keeps the names of features beside a model, which knows
// features by their hashes alone.
//
// A Table learns names by decoding a few of the records once more, with a
// decoder of its own: neither the learner nor its state has any part in it.
package names

import (
	"maps"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

const (
	// Most is how many names a table holds.
	Most = 1 << 16
	// Longest is how many bytes of a name are kept, the dots that stand for the rest included.
	Longest = 128
	// First is how many records are all looked at.
	First = 4096
	// Every is how many records lie between two that a daemon looks at later: 0.4% of the decoding.
	Every = 256

	formatVersion = 1
	ellipsis      = "..."
)

// Table is a bounded table of names. It is not safe for concurrent use.
type Table struct {
	decoder event.Named
	ev      event.Event
	looked  uint64
	names   map[uint64]entry
	changed bool
}

// Sampler chooses the records that a table looks at: each of the first, then one in every so many.
type Sampler struct{ Every, offered uint64 }

// Take counts a record, and reports whether it is to be looked at.
func (s *Sampler) Take() bool {
	s.offered++
	return s.offered <= First || s.offered%s.Every == 0
}

type entry struct {
	name string
	seen uint64 // number of the look that found it last
}

// New returns an empty table. The decoder, which must be fresh, is used for nothing else.
func New(d event.Named) *Table {
	d.KeepNames()
	return &Table{decoder: d, names: map[uint64]entry{}}
}

// Look learns the names of a record's features. A record that is refused has some too.
func (t *Table) Look(record []byte) {
	_ = t.decoder.Decode(record, &t.ev) // the learner says what is wrong with it
	t.looked++
	for hash, name := range t.decoder.Names() {
		e, known := t.names[hash]
		if !known {
			t.changed = true
			e.name = shorten(name)
			if len(t.names) >= Most {
				t.forget()
			}
		}
		e.seen = t.looked
		t.names[hash] = e
	}
}

// shorten bounds a name, at a boundary of its characters.
func shorten(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) <= Longest {
		return strings.Clone(name)
	}
	return strings.ToValidUTF8(name[:Longest-len(ellipsis)], "") + ellipsis
}

// forget removes the half of the names that were found longest ago.
func (t *Table) forget() {
	seen := make([]uint64, 0, len(t.names))
	for _, e := range t.names {
		seen = append(seen, e.seen)
	}
	slices.Sort(seen)
	median := seen[len(seen)/2]
	surplus := len(t.names) - Most/2
	for hash, e := range t.names {
		if e.seen <= median && surplus > 0 {
			delete(t.names, hash)
			surplus--
		}
	}
}

// Changed reports whether there are names that are not stored yet.
func (t *Table) Changed() bool { return t.changed }

// Stored tells that what Append returned last is stored.
func (t *Table) Stored() { t.changed = false }

// Names returns a copy of all names by their hashes.
func (t *Table) Names() map[uint64]string {
	out := make(map[uint64]string, len(t.names))
	for hash, e := range t.names {
		out[hash] = e.name
	}
	return out
}

// Name returns the name of a feature; false when it is not known.
func (t *Table) Name(hash uint64) (string, bool) {
	e, ok := t.names[hash]
	return e.name, ok
}

// Append appends the names as a sealed envelope of kind KindNames: their number
// uvarint, then of each in ascending order of the hashes its hash uint64 and
// the name as a string.
func (t *Table) Append(b []byte) []byte {
	start := len(b)
	b = wire.Begin(b, wire.KindNames, formatVersion)
	b = wire.AppendUvarint(b, uint64(len(t.names)))
	for _, hash := range slices.Sorted(maps.Keys(t.names)) {
		b = wire.AppendUint64(b, hash)
		b = wire.AppendString(b, t.names[hash].name)
	}
	return wire.Seal(b, start)
}

// Restore adds names that were stored, as older than all others.
func (t *Table) Restore(stored map[uint64]string) {
	for hash, name := range stored {
		if _, known := t.names[hash]; !known && len(t.names) < Most {
			t.names[hash] = entry{name: name}
		}
	}
}

// Read returns the names that Append wrote.
func Read(b []byte) (map[uint64]string, error) {
	version, r, err := wire.Open(b, wire.KindNames)
	if err != nil {
		return nil, err
	}
	if version != formatVersion {
		r.Fail("names of format %d, this program reads %d", version, formatVersion)
	}
	const least = 9 // bytes of a name
	n := r.Count(least)
	if n > Most {
		r.Fail("%d names, at most %d are kept", n, Most)
	}
	out := map[uint64]string{}
	last := uint64(0)
	for i := 0; i < n && r.Err() == nil; i++ {
		hash, name := r.Uint64(), r.String()
		if r.Err() == nil && (i > 0 && hash <= last || len(name) > Longest) {
			r.Fail("name %d of %d bytes for %016x after %016x", i, len(name), hash, last)
		}
		out[hash], last = name, hash
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return out, nil
}
