package event

import "github.com/cespare/xxhash/v2"

const (
	dayMillis  = 24 * 60 * 60 * 1000
	weekMillis = 7 * dayMillis
	// monday is how long after a Monday's midnight 1970 began, a Thursday.
	monday = 3 * dayMillis
)

// clock is where a time stands in its day and its week, as points of a circle.
type clock struct {
	path  string
	names [4]uint64 // hashes of path and each of clockNames
	field uint32
}

var clockNames = [...]string{"#hour_sin", "#hour_cos", "#weekday_sin", "#weekday_cos"}

func newClock(path string) clock {
	c := clock{path: path, field: uint32(xxhash.Sum64String(path))}
	for i, n := range clockNames {
		c.names[i] = xxhash.Sum64String(path + n)
	}
	return c
}

// clock adds the features of the time of day and of the week (both UTC), and
// sets the event's time if the field is that of the time.
func (f *filler) clock(s *shape, v value) {
	c := &f.cyclic[s.cyclic]
	if v.kind == kindText && len(trim(v.text)) == 0 {
		return
	}
	ms, ok := f.instant(c.path, v)
	if !ok {
		return
	}
	if s.base == roleTime {
		f.e.Time = ms
	}
	var at [4]float64
	at[0], at[1] = sinCos(modulo(ms, dayMillis), dayMillis)
	at[2], at[3] = sinCos(modulo(ms+monday, weekMillis), weekMillis)
	for i, x := range at {
		f.e.X.Dense = append(f.e.X.Dense, Feature{c.names[i], x, c.field})
		if f.names != nil {
			f.keepName(c.names[i], c.path+clockNames[i])
		}
	}
}

// modulo returns the remainder in [0, m) of a division.
func modulo(a, m int64) int64 {
	if a %= m; a < 0 {
		a += m
	}
	return a
}

// sinCos returns sine and cosine of the angle 2 pi t/period, for 0 <= t < period
// and a period that 8 divides. The angle is reduced without rounding to at most
// pi/4; there the polynomials of FreeBSD's k_sin.c and k_cos.c are good to 1 ulp
// (https://cgit.freebsd.org/src/tree/lib/msun/src/k_sin.c). Unlike math.Sin the
// result has the same bits on every processor.
func sinCos(t, period int64) (sin, cos float64) {
	const twoPi = 6.28318530717958647692
	eighth := period / 8
	octant, rest := t/eighth, t%eighth
	if octant&1 == 1 { // mirrored at the next multiple of pi/4
		rest = eighth - rest
	}
	x := float64(twoPi * (float64(rest) / float64(period)))
	s, c := kernelSin(x), kernelCos(x)
	switch octant {
	case 0:
		return s, c
	case 1:
		return c, s
	case 2:
		return c, -s
	case 3:
		return s, -c
	case 4:
		return -s, -c
	case 5:
		return -c, -s
	case 6:
		return -c, s
	}
	return -s, c
}

func kernelSin(x float64) float64 {
	const (
		s1 = -1.66666666666666324348e-01
		s2 = 8.33333333332248946124e-03
		s3 = -1.98412698298579493134e-04
		s4 = 2.75573137070700676789e-06
		s5 = -2.50507602534068634195e-08
		s6 = 1.58969099521155010221e-10
	)
	z := float64(x * x)
	r := s2 + float64(z*(s3+float64(z*(s4+float64(z*(s5+float64(z*s6)))))))
	return x + float64(float64(z*x)*(s1+float64(z*r)))
}

func kernelCos(x float64) float64 {
	const (
		c1 = 4.16666666666666019037e-02
		c2 = -1.38888888888741095749e-03
		c3 = 2.48015872894767294178e-05
		c4 = -2.75573143513906633035e-07
		c5 = 2.08757232129817482790e-09
		c6 = -1.13596475577881948265e-11
	)
	z := float64(x * x)
	r := float64(z * (c1 + float64(z*(c2+float64(z*(c3+float64(z*(c4+float64(z*(c5+float64(z*c6)))))))))))
	half := float64(0.5 * z)
	w := 1 - half
	return w + (((1 - w) - half) + float64(z*r))
}
