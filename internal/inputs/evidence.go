package inputs

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// span is the range of offsets of the records of a block.
type span struct{ first, last int64 }

// take notes the offset of a record of a block with so many events before it.
func (s *span) take(at int64, before uint64) {
	if before == 0 {
		s.first = at
	}
	s.last = at
}

func (s *span) append(b []byte) []byte {
	return wire.AppendVarint(wire.AppendVarint(b, s.first), s.last)
}

func (s *span) read(r *wire.Reader) { s.first, s.last = r.Varint(), r.Varint() }

// evidence begins that of a block.
func (s *span) evidence(of uint64) *state.InputEvidence {
	return &state.InputEvidence{From: s.first, To: s.last, Of: of}
}

// stranger is a field of the current block that the reference does not know.
type stranger struct {
	id     uint32
	name   string
	events uint64
	first  int64
	stamp  uint64 // newest event that has it
}

// stranger notes a field that the reference does not know. Only the first few of a
// block are told apart, so that a flood of names costs nothing.
func (w *watch) stranger(id uint32, c *column, record []byte) {
	for i := range w.strangers {
		if s := &w.strangers[i]; s.id == id {
			if s.stamp != w.number {
				s.stamp = w.number
				s.events++
			}
			return
		}
	}
	if len(w.strangers) == state.MostParts {
		return
	}
	s := stranger{id: id, events: 1, first: w.at, stamp: w.number}
	switch {
	case c != nil:
		s.name = cut(c.name)
	case w.deps.Name != nil:
		s.name = cut(w.deps.Name(record, id))
	}
	w.strangers = append(w.strangers, s)
}

func (w *watch) appendStrangers(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(w.strangers)))
	for i := range w.strangers {
		s := &w.strangers[i]
		b = wire.AppendString(wire.AppendUvarint(b, uint64(s.id)), s.name)
		b = wire.AppendVarint(wire.AppendUvarint(b, s.events), s.first)
	}
	return b
}

func (w *watch) readStrangers(r *wire.Reader) {
	n := r.Count(4)
	if n > state.MostParts {
		r.Fail("%d new fields", n)
		return
	}
	for range n {
		id := r.Uvarint()
		s := stranger{id: uint32(id), name: r.String(), events: r.Uvarint(), first: r.Varint()}
		if id > math.MaxUint32 || s.events > w.events || len(s.name) > 3*maxName {
			r.Fail("the new field %d in %d of %d events, with a name of %d bytes", id, s.events, w.events, len(s.name))
			return
		}
		w.strangers = append(w.strangers, s)
	}
}

// newFieldsEvidence is that of new_fields.
func (w *watch) newFieldsEvidence() *state.InputEvidence {
	e := w.span.evidence(w.events)
	e.Now = rounded(w.newFields)
	for i := range w.strangers {
		s := &w.strangers[i]
		e.Parts = append(e.Parts, state.InputPart{Name: s.name, Share: rounded(share(s.events, w.events)), Offset: s.first})
	}
	e.Parts = largest(e.Parts)
	return e
}

// evidence is that of a check of the field, of the block whose figures it has.
func (c *column) evidence(w *watch, check Check, chance float64) *state.InputEvidence {
	b, f, p := &c.block, &c.figures, c.reference
	e := w.span.evidence(w.events)
	e.Chance = rounded(chance)
	switch check {
	case Missing:
		e.Was, e.Now = rounded(f.ReferenceMissing), rounded(f.Missing)
	case Unseen:
		e.Of, e.Was, e.Now = b.values, rounded(f.ReferenceUnseen), rounded(f.Unseen)
		e.Parts = b.fresh.parts(b.values)
		for i := range e.Parts {
			if e.Parts[i].Hash == state.Hash(hashOf(c.name)) { // the feature of a number
				e.Parts[i].Name, e.Parts[i].Hash = state.PartNumber, 0
			}
		}
	case OutOfRange:
		e.Of, e.Was, e.Now = b.numbers, rounded(share(p.beyond, p.numbers)), rounded(f.OutOfRange)
		e.Parts = tallies(b.numbers, []string{state.PartBelow, state.PartAbove}, b.below, b.above)
		for i := range e.Parts {
			e.Parts[i].Extreme = c.raw(e.Parts[i].Extreme, w)
		}
	case PSI, KS:
		e.Of, e.Bins = b.numbers, c.bins(w)
	case Skew:
		e.Of, e.Now = b.compared, rounded(f.Skew)
		e.Parts = tallies(b.compared, []string{state.PartAbsent, state.PartLost, state.PartOther}, b.absent, b.lost, b.other)
	case NewFields, Duplicates, SourceShare, Checks: // of whole events
	}
	return e
}

// tallies are the parts of which there are some.
func tallies(n uint64, names []string, all ...tally) []state.InputPart {
	var out []state.InputPart
	for i, t := range all {
		if t.count > 0 {
			out = append(out, state.InputPart{Name: names[i], Share: rounded(share(t.count, n)), Extreme: t.extreme, Offset: t.first})
		}
	}
	return largest(out)
}

// bins are the distributions that psi compares, by the numbers as records have them.
func (c *column) bins(w *watch) []state.InputBin {
	was, now := merged(&c.reference.cells), merged(&c.block.cells)
	var n, m uint64
	for i := range was {
		n, m = n+was[i], m+now[i]
	}
	out := make([]state.InputBin, psiCells)
	for i := range out {
		out[i] = state.InputBin{Was: rounded(share(was[i], n)), Now: rounded(share(now[i], m))}
		if i < psiCells-1 {
			below := c.raw(c.reference.edges[2*i+1], w)
			out[i].Below = &below
		}
	}
	return out
}

// evidence is that of the newest complete block.
func (s *sources) evidence() *state.InputEvidence {
	e := s.span.evidence(s.block)
	refused := uint64(0)
	for _, p := range s.last {
		refused += p.Refused
		e.Parts = append(e.Parts, state.InputPart{Name: p.Source, Hash: state.Hash(p.Hash), Share: rounded(p.Share), Refused: p.Refused, Offset: p.First})
	}
	e.Now, e.Parts = rounded(share(refused, s.block)), largest(e.Parts)
	return e
}

// evidence is that of the block that is complete.
func (d *duplicates) evidence() *state.InputEvidence {
	e := d.span.evidence(d.events)
	e.Now, e.Parts = rounded(share(d.found, d.events)), d.repeated.parts(d.events)
	return e
}

// rounded keeps four digits after the point: more is noise, and takes room.
func rounded(x float64) float64 { return math.Round(x*1e4) / 1e4 }
