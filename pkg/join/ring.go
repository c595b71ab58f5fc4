package join

// ring is a queue of entries.
type ring struct {
	entries []*Entry
	start   int // entries before it have been popped
}

func (r *ring) len() int      { return len(r.entries) - r.start }
func (r *ring) first() *Entry { return r.entries[r.start] }
func (r *ring) all() []*Entry { return r.entries[r.start:] }
func (r *ring) push(e *Entry) { r.entries = append(r.entries, e) }

// pop takes out the first entry. Once half of the memory is behind it, the rest moves up.
func (r *ring) pop() *Entry {
	e := r.entries[r.start]
	r.entries[r.start] = nil
	r.start++
	if 2*r.start >= len(r.entries) {
		n := copy(r.entries, r.entries[r.start:])
		clear(r.entries[n:])
		r.entries, r.start = r.entries[:n], 0
	}
	return e
}
