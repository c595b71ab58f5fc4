package drift

import (
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// scenario is a stream made of exact operations only, so that it is the same on
// every machine: 4,000 calm events, 1,000 whose gradients keep pointing along
// coordinate 1, and 1,000 whose loss is higher.
type scenario struct{ rng *rand.Rand }

func (s scenario) next(i int) (loss, grad float64, x []float64) {
	x = []float64{1, s.unit() + s.unit() - 1, s.unit() + s.unit() - 1}
	loss, grad = s.unit(), s.unit()-.5
	if i%6_000 >= 4_000 && i%6_000 < 5_000 && (x[1] > 0) != (grad > 0) {
		grad = -grad
	}
	if i%6_000 >= 5_000 {
		loss += .25
	}
	return loss, grad, x
}

// unit is a multiple of 1/1024 in [0, 1).
func (s scenario) unit() float64 { return float64(s.rng.Uint64()>>54) / 1024 }

// The alarms and the bits of the final state are a contract: a stored state
// must be continued by every later version. These were computed once.
func TestGoldenScenario(t *testing.T) {
	j := []uint16{0, 1, 3}
	for _, c := range []struct {
		name  string
		loss  LossClip
		first int // after the first change
		count int
		state uint64
	}{
		{"logistic", ClipLogistic, 4_179, 44, 0x81c23f67570acd45},
		{"general", ClipQuantile, 4_199, 42, 0x5c0b9810647e8530},
	} {
		d := newScore(t, shortScore(c.loss), 4)
		s := scenario{rand.New(rand.NewPCG(2, 2))}
		first, count := 0, 0
		for i := range 12_000 {
			loss, grad, x := s.next(i)
			if d.Observe(loss, loss, grad, j, x) == Drift {
				first, count = note(first, count, i)
			}
		}
		if h := xxhash.Sum64(encoded(t, d)); first != c.first || count != c.count || h != c.state {
			t.Errorf("%s: first alarm %d, %d in all, state %#x; want %d, %d, %#x", c.name, first, count, h, c.first, c.count, c.state)
		}
	}
}

// note counts an alarm and keeps the first one after the calm part.
func note(first, count, i int) (int, int) {
	if first == 0 && i >= 4_000 {
		first = i
	}
	return first, count + 1
}

func TestGoldenSequences(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, count int
		state        uint64
	}{
		{"adwin", 5_055, 3, 0x6e985c8f8f6672e8},
		{"page_hinkley", 4_038, 49, 0x74982df8053a047e},
		{"cusum", 4_123, 16, 0x7f17dc40bfdffb28},
		{"ddm", 5_182, 2, 0x62a77d9254267572},
		{"eddm", 5_508, 37, 0x54d64188db49dcd7},
		{"hddm_a", 5_140, 3, 0x8ce93c8e811675ef},
		{"hddm_w", 11_664, 1, 0x140010e73ae12848},
		{"kswin", 4_141, 19, 0x7a7f332b5582cd73},
		{"mewma", 5_033, 4, 0x801742c56e5da417},
		{"cusum_frozen", 4_161, 22, 0x8ab8715f5de5f218},
		{"e_detector", 5_055, 3, 0x822ff246d30b5b59},
	} {
		d := small(t)[c.name]
		s := scenario{rand.New(rand.NewPCG(4, 4))}
		first, count := 0, 0
		for i := range 12_000 {
			loss, _, _ := s.next(i)
			x := 8 * loss
			switch d.Domain() {
			case UnitInterval:
				x = min(loss, 1)
			case ZeroOrOne:
				x = flag(loss > .75)
			}
			if d.Observe(x) == Drift {
				first, count = note(first, count, i)
			}
		}
		if h := xxhash.Sum64(encoded(t, d)); first != c.first || count != c.count || h != c.state {
			t.Errorf("%s: first alarm %d, %d in all, state %#x; want %d, %d, %#x", c.name, first, count, h, c.first, c.count, c.state)
		}
	}
}
