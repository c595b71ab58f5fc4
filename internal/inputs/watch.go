package inputs

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// watch compares blocks of learned events with a reference window, field by field.
type watch struct {
	cfg  *Config
	deps *Deps

	table   fieldTable
	columns []column
	number  uint64 // of the newest event, for stamps

	armed     bool   // a reference is complete
	since     uint64 // events since then
	collected uint64 // events of the window that is being collected
	second    bool   // it is in its second half

	at      int64  // offset of the newest record
	events  uint64 // of the current block
	span    span   // of its records
	strange uint64 // of these with a field that the reference does not know
	skew    skew

	strangers []stranger // the first of these fields

	newFields float64 // share of the last block
	hold      hold
}

// column is one field that is watched.
type column struct {
	name      string
	indicator uint64   // hash of the feature that says that the field is missing
	reference *profile // nil for none
	next      *profile // being collected; nil for none
	stamp     uint64   // newest event that has the field
	block     counts
	figures   Field // of the last block
	hold      [fieldChecks]hold
}

// counts are of one field in one block.
type counts struct {
	present, values, unseen, numbers, outside uint64
	compared, skewed                          uint64
	below, above                              tally // numbers outside of the range
	absent, lost, other                       tally // how the field was another at decision time
	fresh                                     top   // the values that are unseen
	cells                                     [cells]uint64
}

func newWatch(c *Config, d *Deps) *watch {
	if !c.Watch {
		return nil
	}
	w := &watch{cfg: c, deps: d, skew: skew{decoder: d.Logged}}
	for _, f := range c.Fields {
		w.add(idOf(f), f)
	}
	w.collect()
	return w
}

// finds reports whether the fields to watch are those that events have.
func (w *watch) finds() bool { return len(w.cfg.Fields) == 0 }

func (w *watch) add(id uint32, name string) *column {
	w.table.add(id, len(w.columns))
	w.columns = append(w.columns, column{name: name, indicator: indicatorOf(name), figures: Field{Name: name}})
	return &w.columns[len(w.columns)-1]
}

// collecting reports whether a reference is being collected.
func (w *watch) collecting() bool { return !w.armed || w.since >= w.cfg.ReferenceEvery }

// collect begins a window.
func (w *watch) collect() {
	w.collected, w.second = 0, false
	for i := range w.columns {
		w.columns[i].next = newProfile()
	}
}

// column returns the field of a feature, and nil where it is not watched. strange
// says that the reference should know it and does not.
func (w *watch) column(id uint32, record []byte) (c *column, strange bool) {
	i := w.table.find(id)
	if i == ignored {
		return nil, false
	}
	if i != unknown {
		c = &w.columns[i]
	} else if w.finds() && w.collecting() && !w.second && !w.table.full() {
		c = w.discover(id, record)
	}
	strange = w.armed && w.finds() && !w.table.full() && (c == nil || c.reference == nil) && w.table.find(id) != ignored
	return c, strange
}

// discover takes in a field that has no place yet, if there is room and it has a name.
func (w *watch) discover(id uint32, record []byte) *column {
	name := ""
	if len(w.columns) < maxFields && w.deps.Name != nil {
		name = w.deps.Name(record, id)
	}
	if name == "" {
		w.table.add(id, ignored)
		return nil
	}
	c := w.add(id, name)
	c.next = newProfile()
	return c
}

// outside returns why an event is refused that has a number outside of its range;
// nil when it has none.
func (w *watch) outside(e *event.Event) *event.Rejection {
	if !w.armed {
		return nil
	}
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		n := w.table.find(f.Field)
		if n == unknown || n == ignored || uint32(f.Hash) != f.Field {
			continue
		}
		c := &w.columns[n]
		if p := c.reference; p != nil && p.ranged && (f.Value < p.low || f.Value > p.high) {
			return reject(event.OutOfRange, c.name, "%.9g: outside of %.6g to %.6g, the widened range of the reference of %d events (guard.inputs.ranges)",
				c.raw(f.Value, w), c.raw(p.low, w), c.raw(p.high, w), w.cfg.Window)
		}
	}
	return nil
}

// observe takes an event that was learned, and the record that it was decoded from.
func (w *watch) observe(e *event.Event, record []byte) {
	w.number++
	strange := false
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		c, is := w.column(f.Field, record)
		if is {
			strange = true
			w.stranger(f.Field, c, record)
		}
		if c == nil {
			continue
		}
		w.present(c)
		if uint32(f.Hash) == f.Field { // others are points of a time
			w.numeric(c, f.Value)
		}
	}
	for i := range e.Plain() {
		f := &e.X.Sparse[i]
		c, is := w.column(f.Field, record)
		if is {
			strange = true
			w.stranger(f.Field, c, record)
		}
		if c != nil && f.Hash != c.indicator {
			w.present(c)
			w.category(c, f.Hash)
		}
	}
	if strange {
		w.strange++
	}
	if w.skew.decoder != nil && len(e.Logged) > 0 {
		w.compare(e)
	}
	w.span.take(w.at, w.events)
	w.events++
	w.advance()
}

// present notes that the event has the field.
func (w *watch) present(c *column) {
	if c.stamp == w.number {
		return
	}
	c.stamp = w.number
	c.block.present++
	if c.next != nil && w.second {
		c.next.present++
	}
}

func (w *watch) numeric(c *column, x float64) {
	c.block.values++
	c.block.numbers++
	if p := c.reference; p != nil {
		if p.known {
			c.block.cells[p.cell(x)]++
		}
		switch {
		case !p.ranged:
		case x < p.low:
			c.block.outside++
			c.block.below.outside(x, w.at, false)
		case x > p.high:
			c.block.outside++
			c.block.above.outside(x, w.at, true)
		}
		if p.lo > p.hi { // it had categories alone
			c.block.unseen++
			c.block.fresh.add(hashOf(c.name), w.at)
		}
	}
	if c.next != nil {
		c.next.number(x, w.second)
	}
}

func (w *watch) category(c *column, hash uint64) {
	c.block.values++
	if p := c.reference; p != nil && (p.seen == nil || !p.seen.has(hash)) {
		c.block.unseen++
		c.block.fresh.add(hash, w.at)
	}
	if c.next != nil {
		c.next.category(hash, w.second)
	}
}

// advance moves the collection of the next reference on by an event.
func (w *watch) advance() {
	if w.armed {
		if w.since++; w.since == w.cfg.ReferenceEvery {
			w.collect()
		}
		if w.since <= w.cfg.ReferenceEvery {
			return
		}
	}
	w.collected++
	switch w.collected {
	case w.half():
		w.second = true
		for i := range w.columns {
			w.columns[i].next.half(w.cfg.Widen)
		}
	case w.cfg.Window:
		w.succeed()
	}
}

// half is how many events the first half of a window has.
func (w *watch) half() uint64 { return w.cfg.Window / 2 }

// succeed makes the collected window the reference.
func (w *watch) succeed() {
	for i := range w.columns {
		c := &w.columns[i]
		c.next.complete(w.cfg.Widen)
		c.reference, c.next = c.next, nil
		c.block = counts{}
	}
	w.armed, w.since, w.collected, w.second = true, 0, 0, false
	w.events, w.strange, w.skew.block, w.strangers = 0, 0, skewCounts{}, w.strangers[:0]
}

func (w *watch) identity() string {
	return fmt.Sprintf("watch of %q in blocks of %d, windows of %d", w.cfg.Fields, w.cfg.Block, w.cfg.Window)
}
