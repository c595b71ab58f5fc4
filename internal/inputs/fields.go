package inputs

// fieldTable finds fields by the hash that their features carry, see event.Feature.
// It remembers hashes that are of no interest, too.
type fieldTable struct {
	ids   [tableSize]uint32
	index [tableSize]uint16 // 1 + index of the field; 0 for a free slot
	used  int
}

const (
	tableSize = 256
	ignored   = 0xfffe // index of a field of no interest
	unknown   = -1
)

// find returns the index of a field, ignored, or unknown.
func (t *fieldTable) find(id uint32) int {
	for h := id % tableSize; ; h = (h + 1) % tableSize {
		if t.index[h] == 0 || t.ids[h] == id {
			return int(t.index[h]) - 1
		}
	}
}

// full reports whether no more fields are taken, so that find stays quick.
func (t *fieldTable) full() bool { return t.used >= tableSize*3/4 }

// add takes a field that find does not know. There must be room.
func (t *fieldTable) add(id uint32, index int) {
	h := id % tableSize
	for t.index[h] != 0 {
		h = (h + 1) % tableSize
	}
	t.ids[h], t.index[h] = id, uint16(index+1)
	t.used++
}
