package conform

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// manifest returns a manifest of some blobs.
func manifest(blobs ...state.Blob) state.Blob {
	var m state.Manifest
	for i, b := range blobs {
		m.Parts = append(m.Parts, state.Part{Sum: b.Sum, Size: uint64(len(b.Data)), Span: uint64(i)})
	}
	data := m.Append(nil)
	return state.Blob{Sum: state.SumOf(data), Data: data}
}

// parts names the parts of the version that s publishes.
func parts(s *state.Snapshot, blobs ...state.Blob) *state.Snapshot {
	for _, b := range blobs {
		s.Parts = append(s.Parts, b.Sum)
	}
	return s
}

// testParts: what a version is made of stays as long as the version, whoever
// else shares it, and goes with the last that needs it.
func testParts(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	base, d1, d2, d3 := blob("base"), blob("d1"), blob("d2"), blob("d3")
	one, two := manifest(base, d1), manifest(base, d1, d2)
	all := []state.Blob{base, d1, d2, d3, one, two}

	lacking := parts(publish(snapshot(1, one), 1, one), base, d1)
	c.refused(c.Save(t.Context(), c.key, claim, 0, lacking, 20), state.ErrBlobs)

	s := parts(publish(snapshot(1, one, base, d1), 1, one), base, d1)
	c.save(claim, s)
	s = snapshot(2, d3) // the state moves on, the version stays
	c.save(claim, s)
	c.holds(all, one, base, d1, d3)
	s = parts(publish(snapshot(3, two, base, d1, d2), 2, two), base, d1, d2)
	s.Blobs = []state.Blob{two, d2} // the store has the rest
	c.save(claim, s)
	c.holds(all, one, two, base, d1, d2)

	keep := func(s *state.Snapshot) {
		t.Helper()
		if err := c.Save(t.Context(), c.key, claim, s.Seq-1, s, 1); err != nil {
			t.Fatal(err)
		}
	}
	same := parts(publish(snapshot(4), 2, two), base, d1, d2)
	same.Current.Version = s.Current.Version
	keep(same) // version 1 goes, and with it what version 2 does not need
	c.holds(all, two, base, d1, d2)
	keep(publish(snapshot(5, d3), 3, d3))
	c.holds(all, d3)

	again := parts(publish(snapshot(6, one, base, d1), 4, one), base, d1)
	keep(again)
	c.holds(all, one, base, d1)
	renumbered := parts(publish(snapshot(7), 5, one), base, d1) // the same parameters under another number
	keep(renumbered)
	c.holds(all, one, base, d1)

	stray := snapshot(8)
	stray.Parts = []state.Sum{base.Sum}
	if err := c.Save(t.Context(), c.key, claim, 7, stray, 20); err == nil {
		t.Error("parts of no version were accepted")
	}
}

// testLarge: a blob may be larger than what a store takes in at once.
func testLarge(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	r := rand.New(rand.NewPCG(1, 2))
	large := func(n int) state.Blob {
		data := make([]byte, n)
		for i := range data[:n/2] {
			data[i] = byte(r.Uint32())
		}
		return state.Blob{Sum: state.SumOf(data), Data: data}
	}
	const mib = 1 << 20
	a, b, d := large(mib/2), large(mib/2+1), large(2*mib)
	mimic := []byte("SLCHUNKS 3 00 none 9")
	e := state.Blob{Sum: state.SumOf(mimic), Data: mimic}
	all := []state.Blob{a, b, d, e}
	s := publish(snapshot(1, all...), 1, d)
	c.save(claim, s)
	c.holds(all, all...)
	_, got := c.claim(ours)
	for i, blob := range got.Blobs {
		if !bytes.Equal(blob.Data, all[i].Data) {
			t.Errorf("blob %d of %d bytes was changed", i, len(all[i].Data))
		}
	}
	c.save(claim, snapshot(2, b))
	c.holds(all, b, d)
}
