package learner

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// heavy finds the values, by their hashes, that take the largest shares of a
// stream, in the memory of a few of them: the Space-Saving sketch of Metwally,
// Agrawal and El Abbadi 2005 (https://doi.org/10.1007/978-3-540-30570-5_27). A
// value that is not there takes the place of the one with the smallest count,
// which it inherits as the most that its own count may be too large by. Every
// value whose share is above 1/len(hashes) is there.
type heavy struct {
	hashes []uint64
	counts []float64
	over   []float64 // by how much the count may be too large
	sums   []float64 // of what was added with the value since it is there
	texts  [][]byte  // the values themselves, at most longestText bytes; empty for those that are not to be kept
}

// longestText is how many bytes of a value are kept.
const longestText = 64

func newHeavy(size int) heavy {
	return heavy{
		hashes: make([]uint64, 0, size), counts: make([]float64, 0, size),
		over: make([]float64, 0, size), sums: make([]float64, 0, size), texts: make([][]byte, size),
	}
}

// add counts a value n times, of which over may be too many, and adds x to its
// sum. text is the value where it is to be kept.
func (h *heavy) add(hash uint64, n, over, x float64, text []byte) {
	for i, other := range h.hashes {
		if other == hash {
			h.counts[i] += n
			h.over[i] += over
			h.sums[i] += x
			return
		}
	}
	text = text[:min(len(text), longestText)]
	if i := len(h.hashes); i < cap(h.hashes) {
		h.hashes, h.counts = append(h.hashes, hash), append(h.counts, n)
		h.over, h.sums = append(h.over, over), append(h.sums, x)
		h.texts[i] = append(h.texts[i][:0], text...)
		return
	}
	least := 0
	for i, c := range h.counts {
		if c < h.counts[least] {
			least = i
		}
	}
	h.hashes[least] = hash
	h.over[least] = h.counts[least] + over
	h.counts[least] += n
	h.sums[least] = x
	h.texts[least] = append(h.texts[least][:0], text...)
}

// fade makes all that was counted count factor times as much.
func (h *heavy) fade(factor float64) {
	for i := range h.counts {
		h.counts[i] = float64(factor * h.counts[i])
		h.over[i] = float64(factor * h.over[i])
		h.sums[i] = float64(factor * h.sums[i])
	}
}

// merge adds what another sketch has counted.
func (h *heavy) merge(o *heavy) {
	for i, hash := range o.hashes {
		h.add(hash, o.counts[i], o.over[i], o.sums[i], o.texts[i])
	}
}

func (h *heavy) clear() {
	h.hashes, h.counts, h.over, h.sums = h.hashes[:0], h.counts[:0], h.over[:0], h.sums[:0]
}

// most is an upper bound of how often a value was counted, least a lower one.
func (h *heavy) most(hash uint64) float64 {
	smallest := math.Inf(1)
	for i, other := range h.hashes {
		if other == hash {
			return h.counts[i]
		}
		smallest = min(smallest, h.counts[i])
	}
	if len(h.hashes) < cap(h.hashes) {
		return 0
	}
	return smallest
}

func (h *heavy) least(i int) float64 { return h.counts[i] - h.over[i] }

func (h *heavy) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(h.hashes)))
	for i, hash := range h.hashes {
		b = wire.AppendUint64(b, hash)
		b = wire.AppendFloat64(b, h.counts[i])
		b = wire.AppendFloat64(b, h.over[i])
		b = wire.AppendFloat64(b, h.sums[i])
		b = wire.AppendBytes(b, h.texts[i])
	}
	return b
}

// read reads what append wrote into an empty sketch. Errors are left in r.
func (h *heavy) read(r *wire.Reader) {
	n := r.Count(4*8 + 1)
	if n > cap(h.hashes) {
		r.Fail("%d values in a sketch of %d", n, cap(h.hashes))
		return
	}
	for i := range n {
		hash, count, over, sum, text := r.Uint64(), r.Finite(), r.Finite(), r.Finite(), r.Bytes()
		if !(over >= 0 && over <= count && count <= greatest && math.Abs(sum) <= greatest && len(text) <= longestText) {
			r.Fail("value %016x counted %v times, %v too many, with a sum of %v", hash, count, over, sum)
			return
		}
		h.hashes, h.counts = append(h.hashes, hash), append(h.counts, count)
		h.over, h.sums = append(h.over, over), append(h.sums, sum)
		h.texts[i] = append(h.texts[i][:0], text...)
	}
}
