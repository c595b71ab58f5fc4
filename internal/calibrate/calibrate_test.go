package calibrate

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
)

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// A fresh map is the logistic function; the table interpolates it.
func TestFreshMapIsLogistic(t *testing.T) {
	for method, tolerance := range []float64{None: 1e-14, Platt: 1e-14, Isotonic: 2e-4} {
		m := New(Method(method))
		for z := -40.0; z <= 40; z += 0.37 {
			if got, want := m.Probability(z), sigmoid(max(-30, min(30, z))); math.Abs(got-want) > tolerance {
				t.Errorf("%s: margin %v: %v, want %v", Methods[method], z, got, want)
			}
		}
		if !math.IsNaN(m.Probability(math.NaN())) {
			t.Errorf("%s: NaN has a probability", Methods[method])
		}
	}
}

// learned returns a map that has learned n events whose probability of 1 is truth(z).
func learned(method Method, n int, truth func(z float64) float64) Map {
	m, r := New(method), rand.New(rand.NewPCG(1, 2))
	for range n {
		z, y := r.NormFloat64()*2, 0.0
		if r.Float64() < truth(z) {
			y = 1
		}
		m.Learn(z, y, 1)
	}
	return m
}

// Platt scaling finds the slope and the offset that made the labels.
func TestPlattFindsTheUnit(t *testing.T) {
	m := learned(Platt, 20_000, func(z float64) float64 { return sigmoid(2.5*z - 1) })
	if a, b := m.platt.a, m.platt.b; math.Abs(a-2.5) > 0.15 || math.Abs(b+1) > 0.15 {
		t.Errorf("slope %v and offset %v, want 2.5 and -1", a, b)
	}
	// One certain mistake moves it little.
	was := m.platt
	m.Learn(29, 0, 1)
	if math.Abs(m.platt.a-was.a) > 0.3 || math.Abs(m.platt.b-was.b) > 0.3 {
		t.Errorf("one event moved slope and offset from %v, %v to %v, %v", was.a, was.b, m.platt.a, m.platt.b)
	}
}

// Isotonic regression finds a shape that no logistic function has.
func TestIsotonicFindsTheShape(t *testing.T) {
	truth := func(z float64) float64 {
		if z < 0 {
			return 0.2
		}
		return 0.7
	}
	m := learned(Isotonic, 20_000, truth)
	for _, z := range []float64{-3, -1, -0.3, 0.3, 1, 3} {
		if got := m.Probability(z); math.Abs(got-truth(z)) > 0.07 {
			t.Errorf("margin %v: %v, want %v", z, got, truth(z))
		}
	}
	last := 0.0
	for z := -35.0; z < 35; z += 0.01 {
		p := m.Probability(z)
		if p < last {
			t.Fatalf("margin %v: %v after %v", z, p, last)
		}
		last = p
	}
}

// Pool adjacent violators by hand: shares 1/2, 1/4 and 3/4 of weight 4 each become 3/8,
// 3/8 and 3/4. The weights are so large that those of the logistic function do not count.
func TestPoolAdjacentViolators(t *testing.T) {
	s := newIsotonic()
	for i, share := range []float64{0.5, 0.25, 0.75} {
		s.weight[100+i], s.pos[100+i] = 4e9, share*4e9
	}
	s.fit()
	for i, want := range []float64{0.375, 0.375, 0.75} {
		if got := s.table[100+i]; math.Abs(got-want) > 1e-9 {
			t.Errorf("bin %d: %v, want %v", i, got, want)
		}
	}
	if s.table[99] > 0.375 || s.table[103] < s.table[102] {
		t.Errorf("the neighbours are %v and %v", s.table[99], s.table[103])
	}
}

func TestCodec(t *testing.T) {
	for _, method := range []Method{None, Platt, Isotonic} {
		m := learned(method, 500, sigmoid)
		b := m.Append(nil)
		r := wire.NewReader(b)
		got := Read(r, method)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for range 300 { // over the next fit
			m.Learn(0.5, 1, 2)
			got.Learn(0.5, 1, 2)
		}
		if !bytes.Equal(got.Append(nil), m.Append(nil)) {
			t.Errorf("%s: a map that was read learns otherwise", Methods[method])
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, method := range []Method{Platt, Isotonic} {
		m := learned(method, 500, sigmoid)
		f.Add(byte(method), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, method byte, data []byte) {
		r := wire.NewReader(data)
		m := Read(r, Method(method%3))
		if r.Close() != nil {
			return
		}
		for i := range 300 {
			z, h := math.Ldexp(float64(i%7)-3, i%40-20), math.Ldexp(1, i%2000-1000)
			if p := m.Probability(z); !(p > 0 && p < 1) {
				t.Fatalf("probability %v at %v", p, z)
			}
			m.Learn(z, float64(i%2), h)
		}
		r = wire.NewReader(m.Append(nil))
		if Read(r, m.method); r.Close() != nil {
			t.Fatalf("its own bytes are refused: %v", r.Err())
		}
	})
}

func TestNoAllocations(t *testing.T) {
	for _, method := range []Method{Platt, Isotonic} {
		m := New(method)
		if n := testing.AllocsPerRun(500, func() { m.Learn(0.3, 1, 1); m.Probability(0.2) }); n != 0 {
			t.Errorf("%s allocates %v times", Methods[method], n)
		}
	}
}
