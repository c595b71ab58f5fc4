package factor

import (
	"cmp"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// goldenRatio is 2^64 divided by the goldenRatio ratio; multiplying by it spreads keys
// over the high bits (Knuth, The Art of Computer Programming 3, section 6.4).
const goldenRatio = 0x9e3779b97f4a7c15

// table maps keys to rows of numbers. It holds the rows that were learned and
// no others. Rows are numbered in order of their insertion, which nothing that
// is stored or predicted depends on.
type table struct {
	stride int
	keys   []uint32  // of row i
	values []float64 // of row i at [i*stride, (i+1)*stride)
	index  []uint32  // open addressing by key; row + 1, 0 for free
	shift  uint8     // 64 - log2 of the size of index
	sorted []uint32  // the first rows in ascending order of their keys, see ascending
}

// minIndex is the size of the index of an empty table, a power of 2.
const (
	minIndex      = 16
	minIndexShift = 60
)

func newTable(stride int) table {
	return table{stride: stride, index: make([]uint32, minIndex), shift: minIndexShift}
}

// len returns the number of rows.
func (t *table) len() int { return len(t.keys) }

// row returns the numbers of row i.
func (t *table) row(i int) []float64 { return t.values[i*t.stride : (i+1)*t.stride] }

// find returns the row of a key, or -1.
func (t *table) find(key uint32) int {
	mask := uint64(len(t.index) - 1)
	for i := uint64(key) * goldenRatio >> t.shift; ; i = (i + 1) & mask {
		id := t.index[i]
		if id == 0 {
			return -1
		}
		if t.keys[id-1] == key {
			return int(id - 1)
		}
	}
}

// add appends a row of zeros for a key that has none, and returns its number.
func (t *table) add(key uint32) int {
	n := len(t.keys)
	t.keys = append(t.keys, key)
	t.values = slices.Grow(t.values, t.stride)[:(n+1)*t.stride]
	clear(t.values[n*t.stride:])
	if 2*len(t.keys) <= len(t.index) {
		t.place(n)
		return n
	}
	t.index = make([]uint32, 2*len(t.index))
	t.shift--
	for i := range t.keys {
		t.place(i)
	}
	return n
}

// place enters row i into the index.
func (t *table) place(i int) {
	mask := uint64(len(t.index) - 1)
	at := uint64(t.keys[i]) * goldenRatio >> t.shift
	for t.index[at] != 0 {
		at = (at + 1) & mask
	}
	t.index[at] = uint32(i + 1)
}

// truncate removes all rows but the first n. The rows removed must be younger
// than the last call of ascending. The index needs no repair: the youngest row
// goes first, and no other was placed after it.
func (t *table) truncate(n int) {
	mask := uint64(len(t.index) - 1)
	for i := len(t.keys) - 1; i >= n; i-- {
		at := uint64(t.keys[i]) * goldenRatio >> t.shift
		for t.index[at] != uint32(i+1) {
			at = (at + 1) & mask
		}
		t.index[at] = 0
	}
	t.keys, t.values = t.keys[:n], t.values[:n*t.stride]
}

// ascending returns the rows in ascending order of their keys. It sorts what is
// new since the last call and merges it with the rest.
func (t *table) ascending() []uint32 {
	known := len(t.sorted)
	if known == len(t.keys) {
		return t.sorted
	}
	for i := known; i < len(t.keys); i++ {
		t.sorted = append(t.sorted, uint32(i))
	}
	young := slices.Clone(t.sorted[known:])
	slices.SortFunc(young, func(a, b uint32) int { return cmp.Compare(t.keys[a], t.keys[b]) })
	// Merge from the back, where there is room.
	i, j := known-1, len(young)-1
	for at := len(t.sorted) - 1; j >= 0; at-- {
		if i >= 0 && t.keys[t.sorted[i]] > t.keys[young[j]] {
			t.sorted[at] = t.sorted[i]
			i--
		} else {
			t.sorted[at] = young[j]
			j--
		}
	}
	return t.sorted
}

// frozen returns a copy with the first stride numbers of every row.
func (t *table) frozen(stride int) table {
	c := table{
		stride: stride, keys: slices.Clone(t.keys), index: slices.Clone(t.index), shift: t.shift,
		values: make([]float64, len(t.keys)*stride),
	}
	for i := range t.keys {
		copy(c.row(i), t.row(i))
	}
	return c
}

// append writes the number of rows, then of each in ascending order of the keys: the
// distance to the key before (of the first: to -1) uvarint, and its numbers float64.
func (t *table) append(b []byte) []byte {
	b = slices.Grow(b, 10+len(t.keys)*(5+8*t.stride))
	b = wire.AppendUvarint(b, uint64(len(t.keys)))
	last := int64(-1)
	for _, i := range t.ascending() {
		key := int64(t.keys[i])
		b = wire.AppendUvarint(b, uint64(key-last))
		for _, v := range t.row(int(i)) {
			b = wire.AppendFloat64(b, v)
		}
		last = key
	}
	return b
}

// readTable reads what append wrote. valid says whether the numbers of a row
// can be. Errors are left in r.
func readTable(r *wire.Reader, stride, bits int, valid func(row []float64) bool) table {
	t := newTable(stride)
	last := int64(-1)
	for range r.Count(1 + 8*stride) {
		d := r.Uvarint()
		if r.Err() == nil && (d == 0 || d > uint64(int64(1)<<bits-1-last)) {
			r.Fail("row %d steps after row %d of %d", d, last, int64(1)<<bits)
		}
		if r.Err() != nil {
			return t
		}
		last += int64(d)
		row := t.row(t.add(uint32(last)))
		for k := range row {
			row[k] = r.Finite()
		}
		if r.Err() == nil && !valid(row) {
			r.Fail("row %d holds %v", last, row)
		}
	}
	return t
}
