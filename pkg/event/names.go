package event

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Named is a Decoder that can keep the names of the features. A decoder that
// does is slower and allocates, so it is another one than that of a learner.
type Named interface {
	Decoder
	// KeepNames makes the decoder keep names. Call it before the first record.
	KeepNames()
	// Names are the names of the features of the newest record by their hashes,
	// valid until the next one. The name of a product is those of its features
	// in alphabetical order, with " * " between them.
	Names() map[uint64]string
}

// KeepNames implements Named.
func (f *filler) KeepNames() { f.names = map[uint64]string{} }

// Names implements Named.
func (f *filler) Names() map[uint64]string { return f.names }

// keepName notes the name of a feature. The caller has seen that names are kept:
// making the text of a name costs too much where they are not.
func (f *filler) keepName(hash uint64, name string) { f.names[hash] = name }

// KeepNames implements Named.
func (d *LibSVM) KeepNames() {
	d.filler.KeepNames()
	d.sieve.open = false
}

// KeepNames implements Named.
func (d *VW) KeepNames() {
	d.filler.KeepNames()
	d.sieve.open = false
}

// KeepNames implements Named.
func (d *VWJSON) KeepNames() {
	d.json.KeepNames()
	d.sieve.open = false
}

// Names implements Named.
func (d *VWJSON) Names() map[uint64]string { return d.json.Names() }

// productName is the name of the product whose hashes are the first n bytes of crosses.name.
func (f *filler) productName(n int) string {
	var parts []string
	for i := 0; i < n; i += 8 {
		parts = append(parts, f.names[binary.LittleEndian.Uint64(f.crosses.name[i:])])
	}
	slices.Sort(parts)
	return strings.Join(parts, " * ")
}
