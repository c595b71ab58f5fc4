package sgd

import "github.com/streamlearner/streamlearner/pkg/event"

// directory numbers features by their hashes. 0 is the intercept, and 1 stands for
// all features that are not known: its weights are 0 for ever. The numbers of
// features that were removed are given again.
type directory struct {
	hashes []uint64 // of each number
	table  []uint32 // open addressing by hash; 0 for free
	free   []uint32 // numbers that are not used
	fresh  []uint32 // numbers given to the event at hand
}

const (
	exactHome    = 0
	exactUnknown = 1
	exactTable   = 64 // first size of the table
)

func newDirectory() *directory {
	return &directory{hashes: make([]uint64, 2), table: make([]uint32, exactTable)}
}

// find returns the place of a hash in the table, or the free one where it belongs.
func (d *directory) find(hash uint64) uint64 {
	mask := uint64(len(d.table) - 1)
	i := hash & mask
	for d.table[i] != 0 && d.hashes[d.table[i]] != hash {
		i = (i + 1) & mask
	}
	return i
}

// number returns the number of a hash, exactUnknown when there is none.
func (d *directory) number(hash uint64) uint32 {
	if j := d.table[d.find(hash)]; j != 0 {
		return j
	}
	return exactUnknown
}

// add returns the number of a hash that had none.
func (d *directory) add(hash uint64) uint32 {
	j := uint32(len(d.hashes))
	if n := len(d.free); n > 0 {
		j, d.free = d.free[n-1], d.free[:n-1]
		d.hashes[j] = hash
	} else {
		d.hashes = append(d.hashes, hash)
	}
	if 2*(len(d.hashes)-len(d.free)) > len(d.table) {
		old := d.table
		d.table = make([]uint32, 2*len(old))
		for _, k := range old {
			if k != 0 {
				d.table[d.find(d.hashes[k])] = k
			}
		}
	}
	d.table[d.find(hash)] = j
	return j
}

// remove forgets number j, and moves the numbers behind it in the table up to where
// they are found (Knuth, The Art of Computer Programming 3, section 6.4, algorithm R).
func (d *directory) remove(j uint32) {
	mask := uint64(len(d.table) - 1)
	i := d.find(d.hashes[j])
	for k := (i + 1) & mask; d.table[k] != 0; k = (k + 1) & mask {
		if home := d.hashes[d.table[k]] & mask; (k-home)&mask >= (k-i)&mask {
			d.table[i] = d.table[k]
			i = k
		}
	}
	d.table[i] = 0
	d.free = append(d.free, j)
}

// enter returns the number of a hash, with slots for it.
func (m *Model) enter(hash uint64) uint32 {
	j := m.exact.number(hash)
	if j == exactUnknown {
		j = m.exact.add(hash)
		m.exact.fresh = append(m.exact.fresh, j)
		if n := int(j+1) << (m.shift & 31); n > len(m.slots) {
			m.slots = append(m.slots, make([]slot, n-len(m.slots))...)
		}
	}
	return j
}

// locate puts the numbers of the known features into the gathered event.
func (m *Model) locate(e *event.Event) {
	act := m.act[1:]
	for i := range e.X.Dense {
		act[i].idx = uint32(m.position(e.X.Dense[i].Hash))
	}
	act = act[len(e.X.Dense):]
	for i := range e.X.Sparse {
		act[i].idx = uint32(m.position(e.X.Sparse[i].Hash))
	}
}

// learnExact is learnGathered without hashing: it makes room for the features
// that are new, and takes it back when the event is refused.
func (m *Model) learnExact(s *event.Step, e *event.Event, y, h float64) {
	m.exact.fresh = m.exact.fresh[:0]
	act := m.act[1:]
	room := func(a *active, hash uint64) {
		if a.idx>>(m.shift&31) == exactUnknown {
			a.idx = m.enter(hash) << (m.shift & 31)
		}
	}
	for i := range e.X.Dense {
		room(&act[i], e.X.Dense[i].Hash)
	}
	act = act[len(e.X.Dense):]
	for i := range e.X.Sparse {
		room(&act[i], e.X.Sparse[i].Hash)
	}
	m.learnGathered(s, e, y, h)
	if s.Reject != nil {
		for _, j := range m.exact.fresh {
			m.release(j)
		}
	}
}

// release gives up the number of a feature that neither the model nor a reference
// has a weight of.
func (m *Model) release(j uint32) {
	if j <= exactUnknown || m.before.has(j) || m.refs[0].known.has(j) || m.refs[1].known.has(j) {
		return
	}
	clear(m.slots[j<<m.shift : (j+1)<<m.shift])
	m.exact.remove(j)
}

// empty takes all features out of a set, and gives up the numbers that this leaves
// without use.
func (m *Model) empty(set *featureSet) {
	if m.exact == nil {
		set.clear()
		return
	}
	set.each(func(j int) {
		set.remove(uint32(j))
		m.release(uint32(j))
	})
}

// Key returns what names the weight of a feature: its hash, or with hashing the part
// of it that chooses the slot, so that features that share one have one key.
func (m *Model) Key(hash uint64) uint64 {
	if m.exact != nil {
		return hash
	}
	return hash & m.mask
}

// Forget drops the weight of the features of a key, with all that its optimizer knows
// of it, as if none of them had come. Frozen references keep theirs. It is not for
// the optimizer rls, which has no weight apart from the others, nor for a model of
// which changes are captured: they do not say what was dropped.
func (m *Model) Forget(key uint64) {
	j := uint32(key)
	if m.exact != nil {
		if j = m.exact.number(key); j == exactUnknown {
			return
		}
	}
	if m.has(j) {
		for k := range m.p.rowCount() {
			m.setNumbers(int(j)<<m.shift+k*m.lanes, new([maxFloats]float64))
		}
		m.before.remove(j)
		if int(j>>6) < len(m.changed) {
			m.changed[j>>6] &^= 1 << (j & 63)
		}
	}
	if m.exact != nil {
		m.release(j)
	}
}
