package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// quantile returns the p-quantile of the standard normal distribution with a
// relative error of 1e-7, for p in (0, 1): algorithm AS 241, PPND7 (Wichura 1988,
// https://doi.org/10.2307/2347330).
func quantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		num := float64((float64((float64(59.109374720*r)+159.29113202)*r)+50.434271938)*r) + 3.3871327179
		den := float64((float64((float64(67.187563600*r)+78.757757664)*r)+17.895169469)*r) + 1
		return float64(q*num) / den
	}
	r := p
	if q > 0 {
		r = 1 - p
	}
	r = math.Sqrt(-portable.Log(r))
	var z float64
	if r <= 5 {
		r -= 1.6
		num := float64((float64((float64(0.17023821103*r)+1.3067284816)*r)+2.7568153900)*r) + 1.4234372777
		den := float64((float64(0.12021132975*r)+0.73700164250)*r) + 1
		z = num / den
	} else {
		r -= 5
		num := float64((float64((float64(0.017337203997*r)+0.42868294337)*r)+3.0812263860)*r) + 6.6579051150
		den := float64((float64(0.012258202635*r)+0.24197894225)*r) + 1
		z = num / den
	}
	if q < 0 {
		return -z
	}
	return z
}

// farthest bounds the magnitude of a draw from a standard normal: the least probability is 2^-33.
const farthest = 6.4

// mix64 is the finaliser of SplitMix64 (Steele, Lea and Flood 2014,
// https://doi.org/10.1145/2714064.2660195), a counter-based generator when fed seed + i weyl.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const weyl = 0x9e3779b97f4a7c15

// stream returns the seed of the draws of an arm, so that they do not depend on the other arms.
func stream(seed uint64, arm int) uint64 { return mix64(seed + uint64(arm+1)*weyl) }

// normals returns draws 2i and 2i+1 of a stream: the standard normals at the
// quantiles of the two halves of a hash.
func normals(stream uint64, i int) (a, b float64) {
	h := mix64(stream + uint64(i+1)*weyl)
	return quantile((float64(uint32(h)) + 0.5) / (1 << 32)), quantile((float64(h>>32) + 0.5) / (1 << 32))
}
