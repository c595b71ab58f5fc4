package bandit

import "slices"

// index numbers features in order of their first appearance.
type index struct {
	limit  int
	hashes []uint64
	table  []uint32 // open addressing by hash; number + 1, 0 for free
}

// newIndex returns an index for at most limit features.
func newIndex(limit int) index { return index{limit: limit, table: make([]uint32, 16)} }

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
		if len(x.hashes) == x.limit {
			return -1
		}
		if 2*len(x.hashes) >= len(x.table) {
			x.rebuild(x.hashes, 2*len(x.table))
			i = x.slot(hash)
		}
		x.hashes = append(x.hashes, hash)
		x.table[i] = uint32(len(x.hashes))
	}
	return int(x.table[i]) - 1
}

// truncate forgets all features but the first n.
func (x *index) truncate(n int) {
	if n < len(x.hashes) {
		x.rebuild(x.hashes[:n], len(x.table))
	}
}

func (x *index) rebuild(hashes []uint64, size int) {
	kept := slices.Clone(hashes)
	x.hashes = append(x.hashes[:0], kept...)
	x.table = make([]uint32, size)
	for i, h := range kept {
		x.table[x.slot(h)] = uint32(i + 1)
	}
}
