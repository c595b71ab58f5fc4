package inputs

import (
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// part is what a Guard keeps of one kind. Its bytes have their meaning under the
// settings that identity names.
type part interface {
	identity() string
	append(b []byte) []byte
	read(r *wire.Reader)
}

func (g *Guard) parts() []part {
	var out []part
	if g.sources != nil {
		out = append(out, g.sources)
	}
	if g.duplicates != nil {
		out = append(out, g.duplicates)
	}
	if g.watch != nil {
		out = append(out, g.watch)
	}
	if g.clip != nil {
		out = append(out, g.clip)
	}
	return out
}

// Append encodes the state. docs/format/state.md specifies the layout.
func (g *Guard) Append(b []byte) []byte {
	for _, n := range g.begun {
		b = wire.AppendUvarint(b, n)
	}
	b = append(b, byte(g.sourceHold), byte(g.duplicateHold))
	parts := g.parts()
	b = wire.AppendUvarint(b, uint64(len(parts)))
	for _, p := range parts {
		b = wire.AppendString(b, p.identity())
		b = wire.AppendBytes(b, p.append(nil))
	}
	return b
}

// Read restores what Append wrote into a new guard. A part of other settings
// begins anew. Errors are left in r.
func (g *Guard) Read(r *wire.Reader) {
	for i := range g.begun {
		g.begun[i] = r.Uvarint()
	}
	g.sourceHold, g.duplicateHold = readHold(r), readHold(r)
	parts := g.parts()
	for range r.Count(2) {
		identity, body := r.String(), r.Bytes()
		for _, p := range parts {
			if p.identity() != identity {
				continue
			}
			in := wire.NewReader(body)
			p.read(in)
			if err := in.Close(); err != nil {
				r.Fail("inputs, %s: %v", identity, err)
			}
		}
	}
	g.renew()
}

func readHold(r *wire.Reader) hold {
	h := hold(r.Byte())
	if h > calm {
		r.Fail("a warning that stands for %d blocks", h)
	}
	return h
}

func (w *watch) append(b []byte) []byte {
	b = wire.AppendBool(b, w.armed)
	for _, n := range []uint64{w.since, w.collected, w.events, w.strange} {
		b = wire.AppendUvarint(b, n)
	}
	s := &w.skew
	for _, n := range []uint64{s.block.logged, s.block.skewed, s.block.unreadable} {
		b = wire.AppendUvarint(b, n)
	}
	for _, v := range []float64{w.newFields, s.logged, s.skewed, s.unreadable} {
		b = wire.AppendFloat64(b, v)
	}
	b = append(b, byte(w.hold))
	b = w.appendStrangers(w.span.append(b))
	b = w.table.append(b)
	b = wire.AppendUvarint(b, uint64(len(w.columns)))
	for i := range w.columns {
		b = w.columns[i].append(b)
	}
	return b
}

func (w *watch) read(r *wire.Reader) {
	w.armed = r.Bool()
	for _, n := range []*uint64{&w.since, &w.collected, &w.events, &w.strange} {
		*n = r.Uvarint()
	}
	w.second = w.collected >= w.half()
	s := &w.skew
	for _, n := range []*uint64{&s.block.logged, &s.block.skewed, &s.block.unreadable} {
		*n = r.Uvarint()
	}
	for _, v := range []*float64{&w.newFields, &s.logged, &s.skewed, &s.unreadable} {
		*v = r.Finite()
	}
	w.hold = readHold(r)
	w.span.read(r)
	w.readStrangers(r)
	if w.collected >= w.cfg.Window || w.events >= w.cfg.Block || w.strange > w.events || s.block.logged > w.events ||
		s.block.skewed > s.block.logged || s.block.unreadable > s.block.logged {
		r.Fail("%d events of a window of %d, %d of a block of %d", w.collected, w.cfg.Window, w.events, w.cfg.Block)
		return
	}
	w.table.readIgnored(r)
	n := r.Count(8)
	if n > maxFields || !w.finds() && n != len(w.columns) {
		r.Fail("%d fields", n)
		return
	}
	for i := range n {
		name := r.String()
		if i == len(w.columns) {
			if id := idOf(name); w.table.full() || w.table.find(id) != unknown {
				r.Fail("the field %.64q is one too many", name)
				return
			}
			w.add(idOf(name), name)
		}
		c := &w.columns[i]
		if c.name != name {
			r.Fail("the field %.64q where %q was expected", name, c.name)
		}
		c.read(r, w)
		if r.Err() != nil {
			return
		}
	}
	w.reconcile()
}

// reconcile begins or drops a window where the settings of now, unlike those that
// the state was stored under, have or lack one.
func (w *watch) reconcile() {
	is := w.collecting()
	if !slices.ContainsFunc(w.columns, func(c column) bool { return (c.next != nil) != is }) {
		return
	}
	w.collect()
	if is {
		return
	}
	for i := range w.columns {
		w.columns[i].next = nil
	}
}

// append encodes the fields of no interest; the others are known by their names.
func (t *fieldTable) append(b []byte) []byte {
	n := 0
	for _, i := range t.index {
		if i == ignored+1 {
			n++
		}
	}
	b = wire.AppendUvarint(b, uint64(n))
	for h, i := range t.index {
		if i == ignored+1 {
			b = wire.AppendUvarint(b, uint64(t.ids[h]))
		}
	}
	return b
}

func (t *fieldTable) readIgnored(r *wire.Reader) {
	for range r.Count(1) {
		id := r.Uvarint()
		if id > math.MaxUint32 || t.full() || t.find(uint32(id)) != unknown {
			r.Fail("field %d of no interest", id)
			return
		}
		t.add(uint32(id), ignored)
	}
}

func (c *column) append(b []byte) []byte {
	b = wire.AppendString(b, c.name)
	k := &c.block
	for _, n := range []uint64{k.present, k.values, k.unseen, k.numbers, k.outside, k.compared, k.skewed} {
		b = wire.AppendUvarint(b, n)
	}
	for _, n := range k.cells {
		b = wire.AppendUvarint(b, n)
	}
	for _, t := range k.tallies() {
		b = t.append(b)
	}
	b = k.fresh.append(b)
	for _, h := range c.hold {
		b = append(b, byte(h))
	}
	for _, v := range c.figures.numbers() {
		b = wire.AppendFloat64(b, *v)
	}
	b = c.reference.append(b)
	return c.next.append(b)
}

func (k *counts) tallies() [5]*tally {
	return [5]*tally{&k.below, &k.above, &k.absent, &k.lost, &k.other}
}

// numbers are what is stored of the figures of a block.
func (f *Field) numbers() [10]*float64 {
	return [10]*float64{
		&f.Missing, &f.ReferenceMissing, &f.Unseen, &f.ReferenceUnseen, &f.OutOfRange, &f.Low, &f.High, &f.PSI, &f.KS, &f.Skew,
	}
}

func (c *column) read(r *wire.Reader, w *watch) {
	k := &c.block
	for _, n := range []*uint64{&k.present, &k.values, &k.unseen, &k.numbers, &k.outside, &k.compared, &k.skewed} {
		*n = r.Uvarint()
	}
	for i := range k.cells {
		k.cells[i] = r.Uvarint()
	}
	for _, t := range k.tallies() {
		t.read(r)
	}
	k.fresh.read(r, k.unseen)
	for i := range c.hold {
		c.hold[i] = readHold(r)
	}
	for _, v := range c.figures.numbers() {
		*v = r.Finite()
	}
	c.reference, c.next = readProfile(r, w.cfg.Widen), readProfile(r, w.cfg.Widen)
	if half := w.cfg.Window - w.half(); c.reference.above(half) || c.next.above(half) || k.present > w.events || k.unseen > k.values ||
		k.numbers > k.values || k.outside > k.numbers || k.compared > w.events || k.skewed > k.compared ||
		k.below.count > k.outside || k.above.count > k.outside || max(k.absent.count, k.lost.count, k.other.count) > k.skewed {
		r.Fail("counts of the field %q", c.name)
	}
	if c.reference != nil {
		c.reference.complete(w.cfg.Widen)
	}
}

// append encodes a profile, also one that is not there.
func (p *profile) append(b []byte) []byte {
	b = wire.AppendBool(b, p != nil)
	if p == nil {
		return b
	}
	some := p.lo <= p.hi
	if b = wire.AppendBool(b, some); some {
		b = wire.AppendFloat64(wire.AppendFloat64(b, p.lo), p.hi)
	}
	b = wire.AppendUvarint(wire.AppendUvarint(b, p.stride), p.offers)
	b = wire.AppendFloats(b, p.sample)
	if b = wire.AppendBool(b, p.known); p.known {
		for _, e := range p.edges {
			b = wire.AppendFloat64(b, e)
		}
	}
	for _, n := range []uint64{p.present, p.values, p.unseen, p.numbers, p.beyond} {
		b = wire.AppendUvarint(b, n)
	}
	for _, n := range p.cells {
		b = wire.AppendUvarint(b, n)
	}
	return p.seen.append(b)
}

// above reports whether the field would have been in more events than there were.
func (p *profile) above(events uint64) bool { return p != nil && p.present > events }

func readProfile(r *wire.Reader, widen float64) *profile {
	if !r.Bool() {
		return nil
	}
	p := newProfile()
	if r.Bool() {
		if p.lo, p.hi = r.Finite(), r.Finite(); p.lo > p.hi {
			r.Fail("numbers from %v to %v", p.lo, p.hi)
		}
	}
	p.stride, p.offers, p.sample = r.Uvarint(), r.Uvarint(), r.Floats(nil)
	if p.stride == 0 || len(p.sample) > maxSample || uint64(len(p.sample)) > p.offers {
		r.Fail("a sample of %d of %d numbers, each %dth", len(p.sample), p.offers, p.stride)
	}
	for _, x := range p.sample {
		if !(math.Abs(x) <= math.MaxFloat64) {
			r.Fail("a sample with %v", x)
		}
	}
	if p.known = r.Bool(); p.known {
		for i := range p.edges {
			if p.edges[i] = r.Finite(); i > 0 && p.edges[i] < p.edges[i-1] {
				r.Fail("quantiles that fall")
			}
		}
	}
	for _, n := range []*uint64{&p.present, &p.values, &p.unseen, &p.numbers, &p.beyond} {
		*n = r.Uvarint()
	}
	for i := range p.cells {
		p.cells[i] = r.Uvarint()
	}
	if p.unseen > p.values || p.numbers > p.values || p.beyond > p.numbers {
		r.Fail("%d new categories and %d numbers of %d values", p.unseen, p.numbers, p.values)
	}
	p.seen = readCategories(r)
	p.aim(widen)
	return p
}

// append encodes the bits that are set, as distances or, where these would take more, as they are.
func (c *categories) append(b []byte) []byte {
	if c == nil {
		return append(b, noCategories)
	}
	var set []uint64
	for i, word := range c {
		for bit := range uint64(64) {
			if word>>bit&1 == 1 {
				set = append(set, uint64(i)*64+bit)
			}
		}
	}
	if len(set) > denseCategories {
		b = append(b, allCategories)
		for _, word := range c {
			b = wire.AppendUint64(b, word)
		}
		return b
	}
	b = wire.AppendUvarint(append(b, someCategories), uint64(len(set)))
	last := uint64(0)
	for _, at := range set {
		b = wire.AppendUvarint(b, at-last)
		last = at
	}
	return b
}

// How categories are encoded.
const (
	noCategories = iota
	someCategories
	allCategories

	denseCategories = 1024 // of more the bits take less room
)

func readCategories(r *wire.Reader) *categories {
	how := r.Byte()
	if how == noCategories {
		return nil
	}
	c := new(categories)
	switch how {
	case someCategories:
		at := uint64(0)
		for range r.Count(1) {
			if at += r.Uvarint(); at >= 1<<categoryBits {
				r.Fail("category %d", at)
				return c
			}
			c[at/64] |= 1 << (at % 64)
		}
	case allCategories:
		for i := range c {
			c[i] = r.Uint64()
		}
	default:
		r.Fail("categories of kind %d", how)
	}
	return c
}
