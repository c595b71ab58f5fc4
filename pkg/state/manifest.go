package state

import (
	"context"
	"fmt"
	"slices"

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
	// From lists the parts that a change was merged from. A reader that has the
	// first of them, and so a model that the change overlaps with, may apply it all the same.
	From []Sum
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
		b = wire.AppendUvarint(b, uint64(len(p.From)))
		for i := range p.From {
			b = append(b, p.From[i][:]...)
		}
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
	n := r.Count(len(Sum{}) + 3)
	if r.Err() == nil && (n < 2 || n > MaxParts) {
		r.Fail("%d parts, must be 2 to %d", n, MaxParts)
		n = 0
	}
	for i := range n {
		var p Part
		copy(p.Sum[:], r.Take(len(p.Sum)))
		p.Size, p.Span = r.Uvarint(), r.Uvarint()
		if from := r.Count(len(p.Sum)); from > 0 {
			p.From = make([]Sum, from)
			for k := range p.From {
				copy(p.From[k][:], r.Take(len(p.Sum)))
			}
		}
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

// Missing tells what a reader lacks that has the parameters made of the parts
// have. It must apply the parts of m from index from on to the model at hand. ok
// is false when it cannot go on from there and must begin with the base.
func (m *Manifest) Missing(have []Sum) (from int, ok bool) {
	if len(have) == 0 || have[0] != m.Parts[0].Sum {
		return 0, false
	}
	have = have[1:]
	for i := 1; i < len(m.Parts); i++ {
		p := &m.Parts[i]
		switch {
		case len(have) == 0:
			return i, true
		case have[0] == p.Sum:
			have = have[1:]
		case len(have) < len(p.From) && startsWith(p.From, have): // it ends within the part, which brings the rest
			return i, true
		case startsWith(have, p.From) && len(p.From) > 0:
			have = have[len(p.From):]
		default:
			return 0, false
		}
	}
	return len(m.Parts), len(have) == 0
}

func startsWith(s, prefix []Sum) bool {
	return len(s) >= len(prefix) && slices.Equal(s[:len(prefix)], prefix)
}

// Parameters reads the blobs of the parameters with that sum: a whole model, and
// the changes to it. sums are those of the parts. A reader that has the
// parameters made of the parts have gets the changes alone that it lacks, if
// those suffice; then whole is false.
func Parameters(ctx context.Context, r Reader, k Key, sum Sum, have []Sum) (data [][]byte, sums []Sum, whole bool, err error) {
	b, err := r.Blob(ctx, k, sum)
	if err != nil {
		return nil, nil, false, err
	}
	if !IsManifest(b) {
		return [][]byte{b}, []Sum{sum}, true, nil
	}
	m, err := ParseManifest(b)
	if err != nil {
		return nil, nil, false, fmt.Errorf("parameters %s of %s: %w", sum, k, err)
	}
	from, ok := m.Missing(have)
	for _, p := range m.Parts[from:] {
		part, err := r.Blob(ctx, k, p.Sum)
		if err != nil {
			return nil, nil, false, err
		}
		data = append(data, part)
	}
	return data, m.Sums(), !ok, nil
}
