// Package portable holds elementary functions that give the same bits on every
// processor. math.Exp and its kin choose assembly kernels and fused
// multiply-adds by architecture and processor, so a parameter hash would depend
// on the machine. Here every product that is then added is converted with
// float64(), which by the language specification forbids fusing.
//
// State code (pkg/sgd, pkg/bandit, pkg/drift, pkg/learner) uses these only;
// math.Sqrt, math.Abs, math.Floor and the bit functions are exact everywhere
// and may be used as they are.
package portable

import "math"

const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
	log2E = 1.44269504088896338700e+00
)

// Exp returns e**x with an error below 1 ulp: 2^(k/128) from a table times a
// polynomial of the small rest (Tang 1989, https://doi.org/10.1145/63522.214389).
func Exp(x float64) float64 {
	const (
		inv    = 184.6649652337873     // 128/ln 2
		hi     = 0.0054152123475432745 // ln 2/128 to 33 bits, so that k hi is exact
		lo     = 5.812982117197185e-13
		shift  = 0x1.8p52 // adding it rounds to an integer, which the low bits then hold
		c3, c4 = 1.0 / 6, 1.0 / 24
		c5     = 1.0 / 120
	)
	if !(x > -708 && x < 709) {
		return expEdge(x)
	}
	t := float64(x*inv) + shift
	k := int32(math.Float64bits(t))
	kd := t - shift
	r := (x - float64(kd*hi)) - float64(kd*lo)
	e := expTable[k&(tableSize-1)]
	q := e.tail + (r + float64(float64(r*r)*(0.5+float64(r*(c3+float64(r*(c4+float64(r*c5))))))))
	s := math.Float64frombits(e.bits + uint64(k>>7)<<52)
	return s + float64(s*q)
}

// expEdge is Exp where the result is subnormal, 0, infinite or NaN, or nearly so
// (FreeBSD e_exp.c, https://cgit.freebsd.org/src/tree/lib/msun/src/e_exp.c).
func expEdge(x float64) float64 {
	const overflow, underflow = 7.09782712893383973096e+02, -7.45133219101941108420e+02
	switch {
	case math.IsNaN(x):
		return x
	case x > overflow:
		return math.Inf(1)
	case x < underflow:
		return 0
	}
	k := int(float64(log2E*x) + math.Copysign(0.5, x))
	hi := x - float64(float64(k)*ln2Hi)
	lo := float64(float64(k) * ln2Lo)
	return expMulti(hi, lo, k)
}

func expMulti(hi, lo float64, k int) float64 {
	const (
		p1 = 1.66666666666666657415e-01
		p2 = -2.77777777770155933842e-03
		p3 = 6.61375632143793436117e-05
		p4 = -1.65339022054652515390e-06
		p5 = 4.13813679705723846039e-08
	)
	r := hi - lo
	t := float64(r * r)
	c := r - float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	if -1021 <= k && k <= 1022 { // y is in [0.7, 1.5): scale by an exact power of two
		return y * math.Float64frombits(uint64(k+1023)<<52)
	}
	return math.Ldexp(y, k)
}

// Log returns the natural logarithm of x with an error below 1 ulp (FreeBSD e_log.c).
// Source: https://cgit.freebsd.org/src/tree/lib/msun/src/e_log.c
func Log(x float64) float64 {
	const (
		l1 = 6.666666666666735130e-01
		l2 = 3.999999999940941908e-01
		l3 = 2.857142874366239149e-01
		l4 = 2.222219843214978396e-01
		l5 = 1.818357216161805012e-01
		l6 = 1.531383769920937332e-01
		l7 = 1.479819860511658591e-01
	)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	f1, ki := frexp(x)
	if f1 < math.Sqrt2/2 {
		f1 *= 2
		ki--
	}
	f := f1 - 1
	k := float64(ki)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	t1 := float64(s2 * (l1 + float64(s4*(l3+float64(s4*(l5+float64(s4*l7)))))))
	t2 := float64(s4 * (l2 + float64(s4*(l4+float64(s4*l6)))))
	r := t1 + t2
	hfsq := float64(0.5 * float64(f*f))
	return float64(k*ln2Hi) - ((hfsq - (float64(s*(hfsq+r)) + float64(k*ln2Lo))) - f)
}

// frexp is math.Frexp for finite x > 0, without a call for normal numbers.
func frexp(x float64) (frac float64, exp int) {
	const mantissa, bias = 1<<52 - 1, 1022
	b := math.Float64bits(x)
	if exp = int(b >> 52); exp == 0 {
		return math.Frexp(x)
	}
	return math.Float64frombits(b&mantissa | bias<<52), exp - bias
}

// Log1p returns log(1+x), accurate near zero. From 0 to 1, where losses need
// it, by log(c) + log1p((1+x-c)/c) with c the nearest 1+j/128; elsewhere by the
// correction log(u) x/(u-1) with u = 1+x (Goldberg 1991, theorem 4,
// https://doi.org/10.1145/103162.103163). Error below 5 ulp.
func Log1p(x float64) float64 {
	const c3, c4, c5, c6, c7 = 1.0 / 3, -1.0 / 4, 1.0 / 5, -1.0 / 6, 1.0 / 7
	if x >= 0 && x <= 1 {
		j := int(float64(x*tableSize) + 0.5)
		c := logTable[j]
		r := float64((x - float64(float64(j)/tableSize)) * c.inv)
		q := -0.5 + float64(r*(c3+float64(r*(c4+float64(r*(c5+float64(r*(c6+float64(r*c7)))))))))
		return c.hi + (r + (c.lo + float64(float64(r*r)*q)))
	}
	u := 1 + x
	if u == 1 || math.IsInf(u, 1) {
		return x
	}
	return float64(Log(u)*x) / (u - 1)
}

// Expm1 returns exp(x)-1, accurate near zero, by Kahan's correction
// (u-1) x/log(u) with u = exp(x). Error below 5 ulp.
func Expm1(x float64) float64 {
	u := Exp(x)
	if u == 1 {
		return x
	}
	um1 := u - 1
	if um1 == -1 || math.IsInf(u, 1) {
		return um1
	}
	return float64(um1*x) / Log(u)
}

// Sigmoid returns 1/(1+exp(-x)) without overflow.
func Sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + Exp(-x))
	}
	e := Exp(x)
	return e / (1 + e)
}
