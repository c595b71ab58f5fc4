package state_test

import (
	"errors"
	"flag"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files: a change of the format, which docs/format must tell")

func TestGoldenManifest(t *testing.T) {
	m := someManifest()
	m.Parts[1].From = []state.Sum{state.SumOf([]byte("a1")), state.SumOf([]byte("a2"))}
	conform.Golden(t, "manifest", m.Append(nil), *rewrite)
}

func someManifest() *state.Manifest {
	return &state.Manifest{Changed: 1234, Parts: []state.Part{
		{Sum: state.SumOf([]byte("base")), Size: 1 << 27}, {Sum: state.SumOf([]byte("a")), Size: 300, Span: 16}, {Sum: state.SumOf([]byte("b")), Size: 20, Span: 1},
	}}
}

func TestManifest(t *testing.T) {
	want := someManifest()
	data := want.Append([]byte("prefix"))[6:]
	got, err := state.ParseManifest(data)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	if !state.IsManifest(data) || state.IsManifest([]byte("SL")) || state.IsManifest(wire.Begin(nil, wire.KindSGD, 1)) {
		t.Error("manifests are not told from other blobs")
	}
	if sums := got.Sums(); len(sums) != 3 || sums[2] != want.Parts[2].Sum {
		t.Errorf("sums %v", sums)
	}
	for name, spoil := range map[string]func(*state.Manifest){
		"one part":      func(m *state.Manifest) { m.Parts = m.Parts[:1] },
		"two bases":     func(m *state.Manifest) { m.Parts[1].Span = 0 },
		"no base":       func(m *state.Manifest) { m.Parts[0].Span = 1 },
		"too many":      func(m *state.Manifest) { m.Parts = append(m.Parts, make([]state.Part, state.MaxParts)...) },
		"nothing in it": func(m *state.Manifest) { m.Parts = nil },
	} {
		m := someManifest()
		spoil(m)
		if _, err := state.ParseManifest(m.Append(nil)); !errors.Is(err, wire.ErrCorrupt) {
			t.Errorf("%s: %v, want it refused as corrupt", name, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(someManifest().Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := state.ParseManifest(data)
		if err != nil {
			if !errors.Is(err, wire.ErrCorrupt) && len(data) > 3 && data[3] == 1 {
				t.Errorf("error %v does not wrap ErrCorrupt", err)
			}
			return
		}
		if again, err := state.ParseManifest(m.Append(nil)); err != nil || !cmp.Equal(m, again) {
			t.Errorf("does not survive: %v", err)
		}
	})
}

func TestMissing(t *testing.T) {
	sum := func(s string) state.Sum { return state.SumOf([]byte(s)) }
	sums := func(names ...string) (out []state.Sum) {
		for _, n := range names {
			out = append(out, sum(n))
		}
		return out
	}
	m := &state.Manifest{Parts: []state.Part{
		{Sum: sum("base")}, {Sum: sum("ab"), Span: 2, From: sums("a", "b")}, {Sum: sum("cd"), Span: 2, From: sums("c", "d")}, {Sum: sum("e"), Span: 1},
	}}
	for _, c := range []struct {
		have []state.Sum
		from int
		ok   bool
	}{
		{nil, 0, false},
		{sums("base"), 1, true},
		{sums("another base"), 0, false},
		{sums("base", "a"), 1, true},
		{sums("base", "a", "b"), 2, true},
		{sums("base", "ab"), 2, true},
		{sums("base", "ab", "c"), 2, true},
		{sums("base", "a", "b", "c"), 2, true},
		{sums("base", "ab", "c", "d"), 3, true},
		{sums("base", "ab", "cd", "e"), 4, true},
		{sums("base", "ab", "cd", "e", "f"), 0, false}, // ahead: a way back
		{sums("base", "ab", "x"), 0, false},
		{sums("base", "a", "x"), 0, false},
		{sums("base", "x"), 0, false},
	} {
		if from, ok := m.Missing(c.have); ok != c.ok || ok && from != c.from {
			t.Errorf("with %d parts: from %d, %v; want %d, %v", len(c.have), from, ok, c.from, c.ok)
		}
	}
}
