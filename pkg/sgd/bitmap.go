package sgd

import "math/bits"

// forEachBit calls fn with the index of every set bit, ascending.
func forEachBit(words []uint64, fn func(i int)) {
	for w, word := range words {
		for ; word != 0; word &= word - 1 {
			fn(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// countBits returns the number of set bits.
func countBits(words []uint64) int {
	n := 0
	for _, word := range words {
		n += bits.OnesCount64(word)
	}
	return n
}
