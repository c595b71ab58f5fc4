package drift

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// collect takes a vector into the reference (Welford 1962,
// https://doi.org/10.1080/00401706.1962.10490022) and arms the chart at the last one.
func (d *MEWMA) collect() {
	d.n++
	after := float64(d.n-1) / float64(d.n) // part of the deviation that remains once the mean has moved
	row := d.cov
	for i, x := range d.dense {
		dev := x - d.mean[i]
		d.y[i] = dev
		if dev != 0 {
			for j, other := range d.y[:i+1] {
				row[j] += float64(after * float64(dev*other))
			}
			d.mean[i] += dev / float64(d.n)
		}
		row = row[i+1:]
	}
	if d.Armed() {
		d.factor()
		d.setLimits()
	}
}

// factor replaces the sums of products by the Cholesky factor of the covariance
// over the coordinates that vary by themselves, row by row.
func (d *MEWMA) factor() {
	from, to := d.cov, d.cov // row of all coordinates, and of the active ones, which is never ahead
	n := float64(d.p.Reference - 1)
	for i := range d.dim {
		k := len(d.active)
		for j, c := range d.active {
			d.dense[j] = from[c] / n
		}
		variance := from[i] / n
		pivot := d.eliminate(variance)
		if d.dim == 1 {
			pivot = ownScale(variance, d.mean[0])
		}
		if pivot > max(float64(independent*variance), absTiny*absTiny) {
			copy(to, d.dense[:k])
			to[k] = 1 / math.Sqrt(pivot)
			d.active, d.z, to = append(d.active, uint16(i)), append(d.z, 0), to[k+1:]
		}
		from = from[i+1:]
	}
	k := len(d.active)
	d.cov = d.cov[:k*(k+1)/2]
}

// maxProducts bounds a sum of products of clamped numbers.
const maxProducts = 1e220

// independent is the share of a coordinate's variance that those before it must
// leave unexplained.
const independent = 1e-9

// ownScale is the variance of a single number; where it is constant, the square
// of its own size, or 1.
func ownScale(variance, mean float64) float64 {
	size := float64(mean * mean)
	switch {
	case variance > max(float64(relTiny*relTiny*size), absTiny*absTiny):
		return variance
	case size > absTiny*absTiny:
		return size
	}
	return 1
}

// eliminate turns covariances with the active coordinates, in dense, into the
// next row of the factor and returns the square of its diagonal.
func (d *MEWMA) eliminate(variance float64) float64 {
	row := d.cov
	for j := range d.active {
		v := d.dense[j]
		for i, other := range d.dense[:j] {
			v -= float64(row[i] * other)
		}
		v = float64(v * row[j])
		d.dense[j], row = v, row[j+1:]
		variance -= float64(v * v)
	}
	return variance
}

func (d *MEWMA) setLimits() {
	d.limit = mewmaLimit(d.p.Lambda, d.p.ARL, len(d.active))
	d.warning = mewmaLimit(d.p.Lambda, float64(warningPart*d.p.ARL), len(d.active))
}

// mewmaLimit is the limit of T2 over p coordinates with an average run length
// of arl for independent normal vectors, from z = 0.
//
// The whitened average is an Ornstein-Uhlenbeck process seen at whole times,
// dz = -theta z dt + sqrt(2 theta) dw with exp(-theta) = 1 - lambda. The mean
// time at which |z| first reaches b is
//
//	E(b) = 1/theta sum over k >= 0 of b^(2k+2) / ((2k+2) p (p+2) ... (p+2k))
//
// (Darling, Siegert 1953, https://doi.org/10.1214/aoms/1177728918, for p = 1).
// Seen at whole times the limit is reached as if it lay -zeta(1/2)/sqrt(2 pi)
// steps further out (Siegmund 1979, Broadie, Glasserman, Kou 1997,
// https://doi.org/10.1111/1467-9965.00035).
func mewmaLimit(lambda, arl float64, p int) float64 {
	const beyond = 0.5825971579390106
	if p == 0 {
		return math.MaxFloat64 // nothing varies that could be watched
	}
	theta := -portable.Log1p(-lambda)
	lo, hi := 0.0, 1.0
	for !reachedAfter(hi, p, float64(arl*theta)) {
		lo, hi = hi, 2*hi
	}
	for hi-lo > 1e-12*hi {
		if middle := lo + float64((hi-lo)/2); reachedAfter(middle, p, float64(arl*theta)) {
			hi = middle
		} else {
			lo = middle
		}
	}
	b := max(0, hi-float64(beyond*math.Sqrt(2*theta)))
	return float64(b * b)
}

// reachedAfter reports whether theta E(b) is at least the time.
func reachedAfter(b float64, p int, time float64) bool {
	term := float64(b*b) / float64(2*p)
	sum := term
	for k := 0; sum < time; k++ {
		term = float64(term * float64(b*b) * float64(k+1) / float64((k+2)*(p+2*k+2)))
		if sum+term == sum {
			return false
		}
		sum += term
	}
	return true
}

func (d *MEWMA) header() [3]float64 {
	return [...]float64{d.p.Lambda, float64(d.p.Reference), float64(d.dim)}
}

// AppendBinary implements Detector. The average run length is no part of the
// state, so it may be continued with another.
func (d *MEWMA) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = wire.AppendUvarint(appendHeader(b, h[:]...), uint64(d.n))
	b = wire.AppendFloats(b, d.mean)
	b = wire.AppendFloats(b, d.cov)
	if !d.Armed() {
		return b, nil
	}
	b = wire.AppendUvarint(b, uint64(len(d.active)))
	for i, c := range d.active {
		b = wire.AppendFloat64(wire.AppendUvarint(b, uint64(c)), d.z[i])
	}
	return wire.AppendFloat64(b, d.value), nil
}

// UnmarshalBinary implements Detector.
func (d *MEWMA) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	if r.Err() != nil {
		return r.Err()
	}
	n, err := NewMEWMAVector(d.p, d.dim)
	if err != nil {
		return err
	}
	n.read(r)
	if err := r.Close(); err != nil {
		return err
	}
	*d = *n
	return nil
}

func (d *MEWMA) read(r *wire.Reader) {
	n := r.Uvarint()
	if n > uint64(d.p.Reference) {
		r.Fail("%d vectors in a reference of %d", n, d.p.Reference)
		return
	}
	d.n = int(n)
	if d.mean = readInto(r, d.mean[:0]); len(d.mean) != d.dim {
		r.Fail("mean of %d coordinates, %d expected", len(d.mean), d.dim)
	}
	k := r.Count(8)
	if k > cap(d.cov) {
		r.Fail("%d covariances, at most %d expected", k, cap(d.cov))
		return
	}
	d.cov = d.cov[:k]
	for i := range d.cov {
		d.cov[i] = readWithin(r, maxProducts)
	}
	if !d.Armed() {
		if k != cap(d.cov) {
			r.Fail("%d covariances, %d expected", k, cap(d.cov))
		}
		return
	}
	d.readAverage(r, k)
}

// readAverage restores what there is once the chart is armed.
func (d *MEWMA) readAverage(r *wire.Reader, covariances int) {
	active := r.Count(9)
	if active > d.dim || covariances != active*(active+1)/2 {
		r.Fail("%d covariances of %d coordinates", covariances, active)
		return
	}
	for i := range active {
		c := r.Uvarint()
		if c >= uint64(d.dim) || i > 0 && c <= uint64(d.active[i-1]) {
			r.Fail("coordinate %d", c)
			return
		}
		d.active, d.z = append(d.active, uint16(c)), append(d.z, readWithin(r, 2*huge))
	}
	d.value = readWithin(r, math.MaxFloat64)
	if r.Err() == nil {
		d.setLimits()
	}
}
