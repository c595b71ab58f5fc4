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
	noise  float64 // variance of a block along z
	evidence
}

// next returns a and takes w into z. before is the block before w.
func (a *alignment) next(w, before []float64) float64 {
	dot, last, norm, keep := 0.0, 0.0, 0.0, 1-a.weight
	z, before := a.z[:len(w)], before[:len(w)]
	for i, x := range w {
		dot += float64(x * z[i])
		last += float64(before[i] * z[i])
		norm += float64(z[i] * z[i])
		z[i] = float64(keep*z[i]) + float64(a.weight*x)
	}
	if norm == 0 {
		return 0
	}
	norm = math.Sqrt(norm)
	v := dot / norm / max(1, float64(noisePart*math.Sqrt(a.noise)))
	step := (dot - last) / norm
	a.noise += float64(noiseWeight * (float64(step*step/2) - a.noise))
	return v
}

// begin forgets all blocks.
func (a *alignment) begin(coordinates int) {
	a.z = a.z[:coordinates]
	clear(a.z)
	a.noise = 1
}

func (a *alignment) append(b []byte) []byte {
	return a.evidence.append(wire.AppendFloat64(wire.AppendFloats(b, a.z), a.noise))
}

// read restores what append wrote for that many coordinates.
func (a *alignment) read(r *wire.Reader, coordinates int) {
	a.z = readBlock(r, a.z, coordinates)
	if a.noise = readWithin(r, huge); a.noise < 0 {
		r.Fail("negative variance %v", a.noise)
	}
	a.evidence.read(r)
}

// readBlock reads the whitened coordinates of a block, or of an average of some.
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
