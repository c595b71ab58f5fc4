package inputs

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// sources counts who supplies the events of a block, and refuses what is above the
// limit: of a block of n events at most max_source_share · n of one source are
// admitted. Events without a source have one together, which has no name.
type sources struct {
	block, limit uint64

	events uint64     // of the current block, with those refused
	span   span       // of its records
	all    []supplier // in the order of their first event
	slots  []uint32   // 1 + index into all, found by hash; 0 for a free one
	last   []Share    // the large suppliers of the block before
}

// supplier is what a source has supplied of the current block.
type supplier struct {
	hash            uint64
	events, refused uint64
	first           int64  // offset of the record of its first one
	name            string // known once it is large
}

// Share is what a source has supplied of a block of events.
type Share struct {
	Source  string  // its name, or the beginning of it; empty for events that name none
	Hash    uint64  // xxHash64 of the whole name
	Share   float64 // of the events of the block, with those refused
	Refused uint64  // events above the limit
	First   int64   // offset of the record of its first event in the block
}

const (
	maxName   = 64 // bytes of a name that are kept
	largePart = 64 // a supplier of 1/largePart of a block is large; so at most so many are
)

func newSources(c *Config, known bool) *sources {
	if !known {
		return nil
	}
	s := &sources{block: c.Block, limit: c.Block}
	if c.MaxSourceShare < 1 {
		s.limit = max(uint64(float64(c.MaxSourceShare*float64(c.Block))+1e-9), 1)
	}
	size := 16
	for size < int(2*c.Block) {
		size *= 2
	}
	s.slots = make([]uint32, size)
	return s
}

// find returns the supplier of a name, a new one where there is none.
func (s *sources) find(hash uint64) *supplier {
	mask := uint64(len(s.slots) - 1)
	h := hash & mask
	for ; s.slots[h] != 0; h = (h + 1) & mask {
		if p := &s.all[s.slots[h]-1]; p.hash == hash {
			return p
		}
	}
	s.all = append(s.all, supplier{hash: hash})
	s.slots[h] = uint32(len(s.all))
	return &s.all[len(s.all)-1]
}

// count counts an event of the record at an offset and reports whether it is above
// the limit of its source. The block is closed, if it is full, by next.
func (s *sources) count(name []byte, at int64) (above bool) {
	p := s.find(xxhash.Sum64(name))
	s.span.take(at, s.events)
	s.events++
	if p.events == 0 {
		p.first = at
	}
	p.events++
	if p.events == s.large() {
		p.name = s.nameOf(p.hash, name)
	}
	if p.events > s.limit {
		p.refused++
		return true
	}
	return false
}

func (s *sources) large() uint64 { return max(s.block/largePart, 1) }

// nameOf returns the text of a name, which is that of the block before where it was large then.
func (s *sources) nameOf(hash uint64, name []byte) string {
	for i := range s.last {
		if s.last[i].Hash == hash {
			return s.last[i].Source
		}
	}
	return cut(string(name[:min(len(name), maxName)]))
}

// cut keeps the beginning of a name.
func cut(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "\uFFFD")
}

// full reports whether the block is complete.
func (s *sources) full() bool { return s.events >= s.block }

// next begins the next block.
func (s *sources) next() {
	var last []Share
	for i := range s.all {
		if p := &s.all[i]; p.events >= s.large() {
			last = append(last, Share{Source: p.name, Hash: p.hash, Share: float64(p.events) / float64(s.events), Refused: p.refused, First: p.first})
		}
	}
	s.last = last
	s.all, s.events = s.all[:0], 0
	clear(s.slots)
}

// worst returns the source of the last block of which most was refused; false for none.
func (s *sources) worst() (w Share, ok bool) {
	for _, p := range s.last {
		if p.Refused > w.Refused {
			w, ok = p, true
		}
	}
	return w, ok
}

func (s *sources) refusal(name []byte) *event.Rejection {
	return reject(event.SourceShare, "", "the source %.64q has supplied more than %d of a block of %d events, the limit of guard.inputs.max_source_share",
		name, s.limit, s.block)
}

func (s *sources) identity() string { return fmt.Sprintf("sources of blocks of %d", s.block) }

func (s *sources) append(b []byte) []byte {
	b = wire.AppendUvarint(b, s.events)
	b = s.span.append(b)
	b = wire.AppendUvarint(b, uint64(len(s.all)))
	for i := range s.all {
		p := &s.all[i]
		b = wire.AppendUint64(b, p.hash)
		b = wire.AppendVarint(wire.AppendUvarint(wire.AppendUvarint(b, p.events), p.refused), p.first)
		b = wire.AppendString(b, p.name)
	}
	b = wire.AppendUvarint(b, uint64(len(s.last)))
	for i := range s.last {
		p := &s.last[i]
		b = wire.AppendUint64(wire.AppendString(b, p.Source), p.Hash)
		b = wire.AppendVarint(wire.AppendUvarint(wire.AppendFloat64(b, p.Share), p.Refused), p.First)
	}
	return b
}

func (s *sources) read(r *wire.Reader) {
	s.events = r.Uvarint()
	s.span.read(r)
	n := r.Count(12)
	if s.events >= s.block || uint64(n) > s.events {
		r.Fail("%d sources of %d events in a block of %d", n, s.events, s.block)
		return
	}
	sum := uint64(0)
	for range n {
		p := s.find(r.Uint64())
		if p.events > 0 {
			r.Fail("a source is there twice")
			return
		}
		p.events, p.refused, p.first, p.name = r.Uvarint(), r.Uvarint(), r.Varint(), r.String()
		if p.events == 0 || p.events > s.events || p.refused > p.events || len(p.name) > 3*maxName {
			r.Fail("a source of %d events, %d refused, with a name of %d bytes", p.events, p.refused, len(p.name))
			return
		}
		sum += p.events
	}
	if r.Err() == nil && sum != s.events {
		r.Fail("sources of %d events in a block with %d", sum, s.events)
	}
	if n = r.Count(19); n > largePart {
		r.Fail("%d large sources", n)
		return
	}
	for range n {
		p := Share{Source: r.String(), Hash: r.Uint64(), Share: r.Finite(), Refused: r.Uvarint(), First: r.Varint()}
		if !(p.Share > 0 && p.Share <= 1) || len(p.Source) > 3*maxName {
			r.Fail("a source with a share of %v", p.Share)
			return
		}
		s.last = append(s.last, p)
	}
}
