package learner

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
)

func key(prefix string, i int) []byte { return fmt.Appendf(nil, "%s%d", prefix, i) }

func TestBreadthTellsManyFromFew(t *testing.T) {
	for _, c := range []struct {
		name   string
		events int
		draw   func(r *rand.Rand, b *breadth)
		want   bool
	}{
		{"nothing", 0, nil, true},
		{"a small lead on all of 1,000 keys", 20_000, func(r *rand.Rand, b *breadth) {
			b.add(key("k", r.IntN(1_000)), 0.05+0.3*r.NormFloat64())
		}, true},
		{"no lead on 1,000 keys", 20_000, func(r *rand.Rand, b *breadth) {
			b.add(key("k", r.IntN(1_000)), 0.3*r.NormFloat64())
		}, false},
		{"a large lead on 10 of 1,000 keys, with half of the events", 20_000, func(r *rand.Rand, b *breadth) {
			if r.IntN(2) == 0 {
				b.add(key("bot", r.IntN(10)), 2)
				return
			}
			b.add(key("k", r.IntN(1_000)), -0.2+0.3*r.NormFloat64())
		}, false},
		{"a lead on one of two sources", 20_000, func(r *rand.Rand, b *breadth) {
			i := r.IntN(2)
			b.add(key("s", i), []float64{-0.1, 2}[i])
		}, false},
		{"a lead on both sources", 20_000, func(r *rand.Rand, b *breadth) {
			b.add(key("s", r.IntN(2)), 0.1+r.NormFloat64())
		}, true},
		{"a lead on the only key", 500, func(_ *rand.Rand, b *breadth) { b.add([]byte("k"), 0.1) }, true},
		{"few events of many keys", 300, func(r *rand.Rand, b *breadth) {
			b.add(key("k", r.IntN(1_000)), 0.5+0.3*r.NormFloat64())
		}, true},
		{"few events of many keys, won and lost", 300, func(r *rand.Rand, b *breadth) {
			b.add(key("k", r.IntN(1_000)), 0.3*r.NormFloat64())
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, b := rand.New(rand.NewPCG(1, 1)), &breadth{}
			for range c.events {
				c.draw(r, b)
			}
			if won, groups := b.wins(); b.broad() != c.want {
				t.Errorf("won %d of %d groups: broad %v, want %v", won, groups, b.broad(), c.want)
			}
			read := breadth{}
			in := wire.NewReader(b.append(nil))
			if read.read(in); in.Close() != nil || read != *b {
				t.Errorf("came back as another one: %v", in.Close())
			}
		})
	}
}

func TestFlaps(t *testing.T) {
	const soon = 100
	var f flaps
	f.froze(50, soon) // nothing was recovered from before
	if f.patience() != 1 {
		t.Errorf("patience %d after the first freeze", f.patience())
	}
	at := uint64(100)
	for i, want := range []uint64{2, 4, 8, 16, 16} {
		f.recovered(at)
		at += soon - 1
		if f.froze(at, soon); f.patience() != want {
			t.Errorf("patience %d after %d freezes that came soon, want %d", f.patience(), i+1, want)
		}
	}
	f.recovered(at)
	if f.froze(at+2*soon+5, soon); f.patience() != 4 {
		t.Errorf("patience %d after two calm stretches, want 4", f.patience())
	}
	f.more()
	f.recovered(at)
	if f.froze(at+100*soon, soon); f.patience() != 1 {
		t.Errorf("patience %d after a long calm, want 1", f.patience())
	}
	r := wire.NewReader(append(wire.AppendUvarint(nil, 1), maxDoublings+1))
	if new(flaps).read(r, 10); r.Err() == nil {
		t.Error("more doublings than there can be were read")
	}
}
