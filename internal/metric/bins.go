package metric

import "math"

const (
	octaves   = 32 // halvings of p, and of 1-p, that are told apart
	perOctave = 64 // bins in each of them
	binCount  = 2 * octaves * perOctave
)

// bins is a histogram of the predictions by class in 4,096 bins of roughly
// equal width in log-odds: 64 bins between any probability p < 1/2 and p/2 down
// to 2^-33, and the mirror image above 1/2. Rare-event models, which put most
// predictions near 0, are so resolved as finely as balanced ones.
//
// The area under the ROC curve counts pairs within a bin as ties. Each such
// pair is wrong by at most one half, so the error is at most
//
//	1/2 sum_b (share of the positives in b)(share of the negatives in b),
//
// which is reported beside the area. For two classes spread evenly over k bins
// it is 1/(2k).
type bins struct{ pos, neg, sum [binCount]float64 } // sum of the predictions

// binOf returns the bin of probability p; what is outside of [0, 1] falls
// into the outermost bins.
func binOf(p float64) int {
	if p >= 0.5 {
		return binCount - 1 - lowerBin(1-p)
	}
	return lowerBin(p)
}

// lowerBin maps q <= 1/2 to [0, binCount/2), ascending. It reads the position
// from the exponent and the top mantissa bits.
func lowerBin(q float64) int {
	const smallest = 1.0 / (1 << (octaves + 1))
	if !(q >= smallest) {
		return 0
	}
	const mantissaBits, indexBits = 52, 6 // 1<<indexBits == perOctave
	const first = (1023 - (octaves + 1)) << indexBits
	i := int(math.Float64bits(q)>>(mantissaBits-indexBits)) - first
	return min(i, binCount/2-1)
}

func (b *bins) add(p float64, positive bool, weight float64) {
	i := binOf(p)
	if positive {
		b.pos[i] += weight
	} else {
		b.neg[i] += weight
	}
	b.sum[i] += float64(weight * p)
}

// groups calls fn for each bin that is not empty, in ascending order, with the mean
// prediction and the weight of the positive and of the negative events.
func (b *bins) groups(fn func(score, pos, neg float64)) {
	for i, pos := range b.pos {
		if n := pos + b.neg[i]; n > 0 {
			fn(b.sum[i]/n, pos, b.neg[i])
		}
	}
}

// auc returns the area under the ROC curve and the bound of its error.
func (b *bins) auc(positive, negative float64) (area, bound float64) {
	var wins, tied, below float64
	for i, pos := range b.pos {
		neg := b.neg[i]
		tied += float64(pos * neg / 2)
		wins += float64(pos * below)
		below += neg
	}
	scale := positive * negative
	return (wins + tied) / scale, tied / scale
}
