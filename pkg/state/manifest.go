package state

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// Manifest is how the parameters of a large model are stored: a base, which is
// a whole encoded model, and changes on top of it, oldest first. It is a blob
// itself, and its sum is the identity of the parameters. Parameters that are
// one whole model have no manifest: their sum is that of the model.
//
// A save that refers to a manifest refers to its parts as well.
type Manifest struct {
	// Changed is what the changes since the base come to, in bytes, before the
	// ones that overwrite each other are merged. It decides when the next base is made.
	Changed uint64
	Parts   []Part
}

// Part is one blob of a manifest.
type Part struct {
	Sum  Sum
	Size uint64 // bytes of the blob
	Span uint64 // checkpoints that a change spans; 0 for the base
}

const (
	manifestVersion = 1
	// MaxParts bounds the parts of a manifest.
	MaxParts = 256
)

// IsManifest reports whether a blob claims to be a manifest.
func IsManifest(data []byte) bool { return wire.KindOf(data) == wire.KindManifest }

// Append appends the manifest as a sealed envelope; docs/format/state.md
// specifies the layout.
func (m *Manifest) Append(b []byte) []byte {
	start := len(b)
	b = wire.Begin(b, wire.KindManifest, manifestVersion)
	b = wire.AppendUvarint(b, m.Changed)
	b = wire.AppendUvarint(b, uint64(len(m.Parts)))
	for i := range m.Parts {
		p := &m.Parts[i]
		b = append(b, p.Sum[:]...)
		b = wire.AppendUvarint(b, p.Size)
		b = wire.AppendUvarint(b, p.Span)
	}
	return wire.Seal(b, start)
}

// ParseManifest reads what Append wrote.
func ParseManifest(data []byte) (*Manifest, error) {
	version, r, err := wire.Open(data, wire.KindManifest)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if version != manifestVersion {
		return nil, fmt.Errorf("manifest: format %d, this program reads %d: use the version of streamlearner that wrote it", version, manifestVersion)
	}
	m := &Manifest{Changed: r.Uvarint()}
	n := r.Count(len(Sum{}) + 2)
	if r.Err() == nil && (n < 2 || n > MaxParts) {
		r.Fail("%d parts, must be 2 to %d", n, MaxParts)
		n = 0
	}
	for i := range n {
		var p Part
		copy(p.Sum[:], r.Take(len(p.Sum)))
		p.Size, p.Span = r.Uvarint(), r.Uvarint()
		if r.Err() == nil && (p.Span == 0) != (i == 0) {
			r.Fail("part %d spans %d checkpoints: the first is the base, which alone spans none", i, p.Span)
		}
		m.Parts = append(m.Parts, p)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// Sums lists the sums of the parts.
func (m *Manifest) Sums() []Sum {
	out := make([]Sum, len(m.Parts))
	for i := range m.Parts {
		out[i] = m.Parts[i].Sum
	}
	return out
}
