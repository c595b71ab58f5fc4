package bandit

import "slices"

// index numbers the features of the context in order of their first appearance.
type index struct {
	hashes []uint64
	table  []uint16 // open addressing by hash; number + 1, 0 for free
}

// newIndex returns an index for at most limit features.
func newIndex(limit int) index {
	size := 4
	for size < 2*limit {
		size *= 2
	}
	return index{hashes: make([]uint64, 0, limit), table: make([]uint16, size)}
}

// slot returns the place in the table of the hash, or the free one where it belongs.
func (x *index) slot(hash uint64) int {
	mask := uint64(len(x.table) - 1)
	i := hash & mask
	for x.table[i] != 0 && x.hashes[x.table[i]-1] != hash {
		i = (i + 1) & mask
	}
	return int(i)
}

// lookup returns the number of a feature, or -1.
func (x *index) lookup(hash uint64) int { return int(x.table[x.slot(hash)]) - 1 }

// add returns the number of a feature, which it gives if need be, or -1 when
// the index is full.
func (x *index) add(hash uint64) int {
	i := x.slot(hash)
	if x.table[i] == 0 {
		if len(x.hashes) == cap(x.hashes) {
			return -1
		}
		x.hashes = append(x.hashes, hash)
		x.table[i] = uint16(len(x.hashes))
	}
	return int(x.table[i]) - 1
}

// truncate forgets all features but the first n.
func (x *index) truncate(n int) {
	if n == len(x.hashes) {
		return
	}
	kept := slices.Clone(x.hashes[:n])
	x.hashes = x.hashes[:0]
	clear(x.table)
	for _, h := range kept {
		x.add(h)
	}
}
