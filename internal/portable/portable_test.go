package portable

import (
	"math"
	"testing"
)

// ulps counts representable numbers between a and b.
func ulps(a, b float64) float64 {
	if a == b {
		return 0
	}
	return math.Abs(float64(int64(math.Float64bits(a)) - int64(math.Float64bits(b))))
}

func TestAgainstMath(t *testing.T) {
	for _, c := range []struct {
		name    string
		got     func(float64) float64
		want    func(float64) float64
		lo, hi  float64
		maxULPs float64
	}{
		{"Exp", Exp, math.Exp, -700, 700, 2},
		{"Exp near zero", Exp, math.Exp, -1e-3, 1e-3, 2},
		{"Log", Log, math.Log, 1e-300, 1e6, 2},
		{"Log near one", Log, math.Log, 0.9, 1.1, 2},
		{"Log1p", Log1p, math.Log1p, -0.9, 10, 8},
		{"Log1p from 0 to 1", Log1p, math.Log1p, 0, 1, 3},
		{"Exp of margins", Exp, math.Exp, -50, 0, 2},
		{"Exp at the upper edge", Exp, math.Exp, 708, 709.4, 2}, // above, math.Exp overflows early on amd64
		{"Exp at the lower edge", Exp, math.Exp, -709, -707, 2},
		{"Log1p near zero", Log1p, math.Log1p, -1e-9, 1e-9, 8},
		{"Expm1", Expm1, math.Expm1, -20, 20, 8},
		{"Expm1 near zero", Expm1, math.Expm1, -1e-6, 1e-6, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 100_000
			for i := range n {
				x := c.lo + (c.hi-c.lo)*(float64(i)+0.37)/n
				if d := ulps(c.got(x), c.want(x)); d > c.maxULPs {
					t.Fatalf("f(%v) = %v, math has %v: %v ulps apart", x, c.got(x), c.want(x), d)
				}
			}
		})
	}
}

func TestSpecialValues(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct{ got, want float64 }{
		{Exp(0), 1}, {Exp(inf), inf}, {Exp(-inf), 0}, {Exp(710), inf}, {Exp(-746), 0},
		{Log(1), 0}, {Log(0), -inf}, {Log(inf), inf}, {Log1p(-1), -inf}, {Log1p(inf), inf},
		{Expm1(inf), inf}, {Expm1(-inf), -1}, {Sigmoid(-1000), 0}, {Sigmoid(1000), 1}, {Sigmoid(0), 0.5},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if !math.IsNaN(Exp(math.NaN())) || !math.IsNaN(Log(-1)) {
		t.Error("NaN expected")
	}
	if got, want := Exp(-744.5), math.Exp(-744.5); got != want {
		t.Errorf("subnormal: %v, want %v", got, want)
	}
}

// The bits are the contract: these were computed once and must never change.
func TestGoldenBits(t *testing.T) {
	for _, c := range []struct {
		got  float64
		want uint64
	}{
		{Exp(1), 0x4005bf0a8b145769}, {Exp(-1), 0x3fd78b56362cef38}, {Log(10), 0x40026bb1bbb55516}, {Log(0.3), 0xbff34378fcbda721},
	} {
		if b := math.Float64bits(c.got); b != c.want {
			t.Errorf("%v: bits %#x, want %#x", c.got, b, c.want)
		}
	}
}

func BenchmarkExp(b *testing.B)   { benchmark(b, Exp, -8, 0) }
func BenchmarkLog1p(b *testing.B) { benchmark(b, Log1p, 0, 1) }
func BenchmarkLog(b *testing.B)   { benchmark(b, Log, 1, 20) }

// benchmark calls f on changing values between lo and hi.
func benchmark(b *testing.B, f func(float64) float64, lo, hi float64) {
	var x [1024]float64
	for i := range x {
		x[i] = lo + (hi-lo)*float64(i*389%len(x))/float64(len(x))
	}
	sum, i := 0., 0
	for b.Loop() {
		sum += f(x[i%len(x)])
		i++
	}
	if math.IsNaN(sum) {
		b.Fatal(sum)
	}
}
