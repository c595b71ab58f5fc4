package inputs

import (
	"cmp"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// top counts the most frequent values of a block, by Space-Saving (Metwally, Agrawal
// and El Abbadi 2005, https://doi.org/10.1007/978-3-540-30570-5_27): a value that has
// no place takes that of the rarest, and its count, by which it may be overestimated.
type top struct {
	used   int
	values [state.MostParts]frequent
}

type frequent struct {
	hash  uint64
	count uint64
	over  uint64 // by how much count may be too large
	first int64  // offset of the record with which it took its place
}

func (t *top) add(hash uint64, at int64) {
	rarest := 0
	for i := range t.values[:t.used] {
		v := &t.values[i]
		if v.hash == hash {
			v.count++
			return
		}
		if v.count < t.values[rarest].count {
			rarest = i
		}
	}
	if t.used < len(t.values) {
		t.values[t.used] = frequent{hash: hash, count: 1, first: at}
		t.used++
		return
	}
	v := &t.values[rarest]
	*v = frequent{hash: hash, count: v.count + 1, over: v.count, first: at}
}

// parts are the values as shares of n, at least, the most frequent first.
func (t *top) parts(n uint64) []state.InputPart {
	var out []state.InputPart
	for _, v := range t.values[:t.used] {
		out = append(out, state.InputPart{Hash: state.Hash(v.hash), Share: rounded(share(v.count-v.over, n)), Offset: v.first})
	}
	return largest(out)
}

// largest orders parts by their share, and leaves out those that there is no room for.
func largest(parts []state.InputPart) []state.InputPart {
	slices.SortStableFunc(parts, func(a, b state.InputPart) int { return cmp.Compare(b.Share, a.Share) })
	return parts[:min(len(parts), state.MostParts)]
}

func (t *top) append(b []byte) []byte {
	b = append(b, byte(t.used))
	for _, v := range t.values[:t.used] {
		b = wire.AppendUint64(b, v.hash)
		b = wire.AppendUvarint(wire.AppendUvarint(b, v.count), v.over)
		b = wire.AppendVarint(b, v.first)
	}
	return b
}

// read restores what append wrote; the values cannot be more often in a block than most.
func (t *top) read(r *wire.Reader, most uint64) {
	*t = top{used: int(r.Byte())}
	if t.used > len(t.values) {
		r.Fail("%d frequent values", t.used)
		t.used = 0
		return
	}
	sum := uint64(0)
	for i := range t.values[:t.used] {
		v := &t.values[i]
		v.hash, v.count, v.over, v.first = r.Uint64(), r.Uvarint(), r.Uvarint(), r.Varint()
		if v.over >= v.count || v.count > most {
			r.Fail("a value that came %d times of %d, or %d less", v.count, most, v.over)
			return
		}
		sum += v.count
	}
	if sum > most {
		r.Fail("frequent values that came %d times of %d", sum, most)
	}
}

// tally counts something, and notes where it began.
type tally struct {
	count   uint64
	first   int64   // offset of the first record with it
	extreme float64 // the farthest number, of those outside of a range
}

func (t *tally) add(at int64) {
	if t.count == 0 {
		t.first = at
	}
	t.count++
}

// outside counts a number x outside of a range, below or above it.
func (t *tally) outside(x float64, at int64, above bool) {
	if t.count == 0 || above == (x > t.extreme) {
		t.extreme = x
	}
	t.add(at)
}

func (t *tally) append(b []byte) []byte {
	b = wire.AppendVarint(wire.AppendUvarint(b, t.count), t.first)
	return wire.AppendFloat64(b, t.extreme)
}

func (t *tally) read(r *wire.Reader) {
	t.count, t.first, t.extreme = r.Uvarint(), r.Varint(), r.Finite()
}
