package learner

import (
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// What Metwally, Agrawal and El Abbadi 2005 prove of the sketch: bounds on both
// sides of every count, and every value of a share above 1/size is in it.
func TestHeavyBoundsEveryCount(t *testing.T) {
	const size, n = 8, 5_000
	h, exact, sums := newHeavy(size), map[uint64]float64{}, map[uint64]float64{}
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		v := uint64(min(r.IntN(40), r.IntN(40), r.IntN(40)))
		h.add(v, 1, 0, float64(v), nil)
		exact[v]++
		sums[v] += float64(v)
	}
	for i, v := range h.hashes {
		if lo, hi := h.least(i), h.most(v); lo > exact[v] || hi < exact[v] || h.sums[i] > sums[v] {
			t.Errorf("value %d came %v times, the sketch says %v to %v, with sum %v of %v", v, exact[v], lo, hi, h.sums[i], sums[v])
		}
	}
	total := 0.0
	for v, c := range exact {
		if lo, hi := h.bounds(v, n); lo*n > c || hi*n < c {
			t.Errorf("value %d has a share of %v, the sketch says %v to %v", v, c/n, lo, hi)
		}
		if found := h.most(v) > 0; c > n/size && !found {
			t.Errorf("value %d came %v times and is not there", v, c)
		}
		total += c
	}
	if got := sum(h.counts); got != total {
		t.Errorf("counts add up to %v, want %v", got, total)
	}
}

func TestHeavyMergesAndFades(t *testing.T) {
	a, b := newHeavy(4), newHeavy(4)
	for range 8 {
		a.add(1, 1, 0, 2, []byte("one"))
		b.add(2, 2, 0, 0, []byte("two"))
	}
	a.fade(0.5)
	a.merge(&b)
	if a.most(1) != 4 || a.sums[0] != 8 || a.most(2) != 16 || string(a.texts[1]) != "two" {
		t.Errorf("%+v", a)
	}
	a.clear()
	if a.most(1) != 0 || len(a.hashes) != 0 {
		t.Errorf("after clear: %+v", a)
	}
	a.add(3, 1, 0, 0, nil)
	if string(a.texts[0]) != "" {
		t.Errorf("a value without text has %q", a.texts[0])
	}
}

func FuzzProfile(f *testing.F) {
	p := newProfile(windowValues)
	p.blocks, p.sampled, p.weight = 2, 3, 24
	p.keys.add(7, 8, 0, 0, nil)
	p.sources.add(9, 8, 2, 0, []byte("north"))
	p.features.add(11, 8, 0, -1.5, nil)
	p.fields[0].weight, p.fields[2].weight, p.fields[2].sum, p.fields[2].square = 24, 24, 3, 9
	f.Add(p.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, p := wire.NewReader(b), newProfile(windowValues)
		if p.read(r); r.Close() != nil {
			return
		}
		again, q := p.append(nil), newProfile(windowValues)
		q.read(wire.NewReader(again))
		if string(q.append(nil)) != string(again) {
			t.Errorf("%x is read and written as %x, which is read and written otherwise", b, again)
		}
	})
}
