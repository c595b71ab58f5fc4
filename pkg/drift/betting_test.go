package drift

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
)

func newBetting(t testing.TB, block int, margin float64) Betting {
	t.Helper()
	b, err := NewBetting(block, margin)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wealth is the definition, from all blocks at once.
func wealth(blocks []float64, margin float64) float64 {
	w := 1.0
	for b := range blocks {
		first, second, weight := 0.0, 0.25, 1.0
		for i := b - 1; i >= 0; i-- {
			x := blocks[i] - margin
			first += weight * x
			second += weight * x * x
			weight *= 0.98
		}
		w *= 1 + min(max(first/second, 0), 0.5)*(blocks[b]-margin)
	}
	return w
}

func TestBettingIsItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := newBetting(t, 4, 0.01)
	var blocks []float64
	for i := range 120 {
		sum := 0.0
		for range 4 {
			x := r.NormFloat64() + 0.3*math.Sin(float64(i)/10)
			sum += x
			b.Observe(x)
		}
		blocks = append(blocks, max(-1, min(sum/4, 1)))
		if want := wealth(blocks, 0.01); math.Abs(b.Wealth()-want) > 1e-9*want {
			t.Fatalf("wealth %v after %d blocks, the definition gives %v", b.Wealth(), len(blocks), want)
		}
	}
}

// Waudby-Smith and Ramdas: at mean margin or below the wealth reaches 1/alpha in
// a share alpha of all runs at most, however long they are.
func TestBettingKeepsItsLevel(t *testing.T) {
	const runs, blocks, block, margin = 400, 600, 10, 0.002
	sources := map[string]func(*rand.Rand, *float64) float64{
		"normal": func(r *rand.Rand, _ *float64) float64 { return margin + r.NormFloat64() },
		"rare and large": func(r *rand.Rand, _ *float64) float64 {
			if r.Float64() < 0.02 {
				return 5
			}
			return (margin - 0.1) / 0.98
		},
		// A block hangs on one of its events: that is no matter, since its mean is the margin.
		"one event of a block": func(r *rand.Rand, s *float64) float64 {
			if *s++; int(*s)%block == 1 {
				return block*r.NormFloat64() + margin
			}
			return margin
		},
	}
	for name, draw := range sources {
		r, reached := rand.New(rand.NewPCG(3, 4)), 0
		for range runs {
			b, memory, won := newBetting(t, block, margin), 0.0, false
			for range blocks * block {
				if b.Observe(draw(r, &memory)); b.Wealth() >= 100 {
					won = true
				}
			}
			if won {
				reached++
			}
		}
		// alpha is .01, so 4 of 400 are expected at most; above 12 with probability .0003.
		if reached > 12 {
			t.Errorf("%s: %d of %d runs without an effect reached 100", name, reached, runs)
		}
	}
}

func TestBettingFindsALead(t *testing.T) {
	r, slowest := rand.New(rand.NewPCG(5, 6)), 0
	for range 50 {
		b, n := newBetting(t, 50, 0.002), 0
		for b.Wealth() < 100 && n < 100_000 {
			b.Observe(0.05 + 0.5*r.NormFloat64())
			n++
		}
		slowest = max(slowest, n)
	}
	if slowest > 20_000 {
		t.Errorf("a lead of 0.05 took up to %d events to be found", slowest)
	}
}

// A lead that comes late is found, too: what was lost before does not have to be won back first.
func TestBettingForgives(t *testing.T) {
	b := newBetting(t, 1, 0)
	for range 5_000 {
		b.Observe(-0.5)
	}
	n := 0
	for ; b.Wealth() < 100 && n < 5_000; n++ {
		b.Observe(0.5)
	}
	if n > 200 {
		t.Errorf("a lead of 0.5 took %d blocks to be found", n)
	}
}

func TestBettingStaysFinite(t *testing.T) {
	b := newBetting(t, 1, 0)
	for _, x := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64} {
		for range 200 {
			b.Observe(x)
			if w := b.Wealth(); !(w >= minWealth && w <= maxWealth) {
				t.Fatalf("wealth %v after %v", w, x)
			}
		}
	}
	if b.Reset(); b != newBetting(t, 1, 0) {
		t.Errorf("%+v after a reset", b)
	}
}

func TestBettingRefusesParameters(t *testing.T) {
	for _, c := range []struct {
		block  int
		margin float64
	}{{0, 0}, {maxBlock + 1, 0}, {1, -0.1}, {1, 1}, {1, math.NaN()}} {
		if _, err := NewBetting(c.block, c.margin); err == nil {
			t.Errorf("block %d, margin %v: no error", c.block, c.margin)
		}
	}
}

func FuzzBetting(f *testing.F) {
	b := newBetting(f, 3, 0.1)
	for i := range 20 {
		f.Add(b.AppendBinary(nil), []byte{1, 2, 3, 4, 5, 6, 7, byte(i)})
		b.Observe(float64(i%7) - 2)
	}
	f.Fuzz(func(t *testing.T, state, values []byte) {
		r := wire.NewReader(state)
		b := ReadBetting(r)
		if r.Close() != nil {
			return
		}
		again := wire.NewReader(b.AppendBinary(nil))
		c := ReadBetting(again)
		if err := again.Close(); err != nil || c != b {
			t.Fatalf("%+v came back as %+v, %v", b, c, err)
		}
		for ; len(values) >= 8; values = values[8:] {
			x := math.Float64frombits(binary.LittleEndian.Uint64(values))
			b.Observe(x)
			c.Observe(x)
		}
		if w := b.Wealth(); c != b || !(w >= minWealth && w <= maxWealth) {
			t.Fatalf("went on as %+v and %+v", b, c)
		}
	})
}
