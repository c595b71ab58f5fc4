package drift

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// memories is how many averages of the direction there are: the short one finds
// large changes within few blocks, the long one finds small changes.
const memories = 2

// memoryWeights are the weights of the newest block in the averages.
var memoryWeights = [memories]float64{.15, .03}

const (
	noiseWeight = .1  // of the newest block in alignment.noise
	noisePart   = .95 // of the noise that a block is measured by, where that is above 1
)

// alignment asks whether whitened blocks keep pointing the same way:
//
//	a = <w, z>/|z|,  z the exponentially weighted mean of the earlier w
//
// Of independent blocks around 0 it has mean 0 and variance 1, whatever z is.
// When the inputs change and the model stays right, the mean stays and the
// variance may grow. It is followed by the differences of successive blocks, which
// a lasting direction does not change, and a is divided by its root.
type alignment struct {
	weight float64 // of the newest block in z
	z      []float64
	square float64 // |z|^2
	newest float64 // <w, z> of the newest w, which z has taken in
	noise  float64 // variance of a block along z
	evidence
}

// follow takes a whitened block into the averages of all alignments. It returns
// |w|^2, and <w, z> of each z as it was before.
func follow(align *[memories]alignment, w []float64) (square float64, dots [memories]float64) {
	short, long := align[0].z[:len(w)], align[1].z[:len(w)]
	a, b := align[0].weight, align[1].weight
	keepA, keepB := 1-a, 1-b
	dotA, dotB := 0.0, 0.0
	for i, x := range w {
		square += float64(x * x)
		dotA += float64(x * short[i])
		dotB += float64(x * long[i])
		short[i] = float64(keepA*short[i]) + float64(a*x)
		long[i] = float64(keepB*long[i]) + float64(b*x)
	}
	return square, [memories]float64{dotA, dotB}
}

// next returns a, of a block of which follow has returned |w|^2 and <w, z>.
func (a *alignment) next(square, dot float64) float64 {
	v, keep := 0.0, 1-a.weight
	if a.square > 0 {
		norm := math.Sqrt(a.square)
		v = dot / norm / max(1, float64(noisePart*math.Sqrt(a.noise)))
		step := (dot - a.newest) / norm
		a.noise += float64(noiseWeight * (float64(step*step/2) - a.noise))
	}
	// With z <- keep z + weight w.
	a.newest = float64(keep*dot) + float64(a.weight*square)
	a.square = max(0, float64(keep*(float64(keep*a.square)+float64(a.weight*dot)))+float64(a.weight*a.newest))
	return v
}

// begin forgets all blocks.
func (a *alignment) begin(coordinates int) {
	a.z = a.z[:coordinates]
	clear(a.z)
	a.square, a.newest, a.noise = 0, 0, 1
}

func (a *alignment) append(b []byte) []byte {
	b = wire.AppendFloats(b, a.z)
	for _, v := range [...]float64{a.square, a.newest, a.noise} {
		b = wire.AppendFloat64(b, v)
	}
	return a.evidence.append(b)
}

// read restores what append wrote for that many coordinates.
func (a *alignment) read(r *wire.Reader, coordinates int) {
	a.z = readBlock(r, a.z, coordinates)
	a.square, a.newest, a.noise = readWithin(r, huge), readWithin(r, huge), readWithin(r, huge)
	if a.square < 0 || a.noise < 0 {
		r.Fail("squared length %v and variance %v must not be negative", a.square, a.noise)
	}
	a.evidence.read(r)
}

// readBlock reads an average of whitened blocks.
func readBlock(r *wire.Reader, dst []float64, coordinates int) []float64 {
	if n := r.Count(8); n != coordinates {
		r.Fail("block of %d coordinates, %d take part", n, coordinates)
		return dst
	}
	for range coordinates {
		dst = append(dst, readWithin(r, maxWhite))
	}
	return dst
}
