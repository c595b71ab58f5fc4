package join

import "bytes"

// table finds entries by id: open addressing with linear probing, at most half full.
type table struct {
	slots []*Entry // a power of two; nil where free
	used  int
}

func newTable() table { return table{slots: make([]*Entry, 64)} }

// find returns the entry of an id, nil for none.
func (t *table) find(id []byte, hash uint64) *Entry {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; t.slots[i] != nil; i = (i + 1) & mask {
		if e := t.slots[i]; e.hash == hash && bytes.Equal(e.ID(), id) {
			return e
		}
	}
	return nil
}

// insert adds an entry whose id is not there.
func (t *table) insert(e *Entry) {
	if t.used >= len(t.slots)/2 {
		old := t.slots
		t.slots = make([]*Entry, 2*len(old))
		for _, o := range old {
			if o != nil {
				t.place(o)
			}
		}
	}
	t.used++
	t.place(e)
}

func (t *table) place(e *Entry) {
	mask := uint64(len(t.slots) - 1)
	i := e.hash & mask
	for t.slots[i] != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = e
}

// remove takes an entry out, and moves up those behind it that belong further
// ahead (Knuth, The Art of Computer Programming 3, algorithm 6.4 R).
func (t *table) remove(e *Entry) {
	mask := uint64(len(t.slots) - 1)
	i := e.hash & mask
	for t.slots[i] != e {
		i = (i + 1) & mask
	}
	t.used--
	for j := i; ; {
		t.slots[i] = nil
		for {
			j = (j + 1) & mask
			if t.slots[j] == nil {
				return
			}
			if home := t.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
				break
			}
		}
		t.slots[i], i = t.slots[j], j
	}
}
