package names

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

func table(t testing.TB) *Table {
	t.Helper()
	d, err := event.NewJSON(event.Schema{Label: "y"}, true)
	if err != nil {
		t.Fatal(err)
	}
	return New(d)
}

func TestTableLooksAtTheFirstAndThenAtSome(t *testing.T) {
	n := table(t)
	sampler := Sampler{Every: 100}
	for i := range 2 * First {
		if !sampler.Take() {
			continue
		}
		n.Look(fmt.Appendf(nil, `{"y":1,"c":"%d"}`, i))
	}
	got := n.Names()
	if want := First + First/100; len(got) != want+1 && len(got) != want {
		t.Errorf("%d names, want %d", len(got), want)
	}
	if name := got[xxhash.Sum64String("c=7")]; name != "c=7" {
		t.Errorf("name %q", name)
	}
	n.Look([]byte(`{"y":`)) // refused, and no harm
	if !n.Changed() {
		t.Error("nothing has changed")
	}
	b := n.Append(nil)
	if n.Stored(); n.Changed() {
		t.Error("changed after it was stored")
	}
	read, err := Read(b)
	if err != nil || !maps.Equal(read, got) {
		t.Errorf("read %d names of %d: %v", len(read), len(got), err)
	}
	again := table(t)
	again.Restore(read)
	if string(again.Append(nil)) != string(b) {
		t.Error("other bytes after a restore")
	}
}

// A full table forgets the half that was found longest ago.
func TestTableIsBounded(t *testing.T) {
	n := table(t)
	for i := range Most + 10 {
		n.Look(fmt.Appendf(nil, `{"y":1,"always":2,"c":"%d"}`, i))
		if len(n.names) > Most {
			t.Fatalf("%d names after %d records", len(n.names), i)
		}
	}
	got := n.Names()
	if _, ok := got[xxhash.Sum64String("c=0")]; ok {
		t.Error("the oldest name is still there")
	}
	for _, name := range []string{"always", fmt.Sprintf("c=%d", Most+9)} {
		if got[xxhash.Sum64String(name)] != name {
			t.Errorf("%s was forgotten", name)
		}
	}
	if len(got) < Most/2 {
		t.Errorf("%d names are left", len(got))
	}
}

func TestLongNamesAreCut(t *testing.T) {
	n := table(t)
	n.Look([]byte(`{"y":1,"c":"` + strings.Repeat("é", 100) + `"}`))
	for _, name := range n.Names() {
		if len(name) > Longest || !utf8.ValidString(name) || !strings.HasSuffix(name, "é...") {
			t.Errorf("%d bytes: %q", len(name), name)
		}
	}
}

func TestResolver(t *testing.T) {
	known := map[uint64]string{0x1_00: "a", 0x2_00: "b", 0x1_05: "c"}
	r := NewResolver(known, 8)
	for id, want := range map[uint64]string{0: "a | b", 5: "c", 6: "#6"} {
		if got := r.Name(id); got != want {
			t.Errorf("%x: %q, want %q", id, got, want)
		}
	}
	if got := NewResolver(known, 64).Name(0x2_00); got != "b" {
		t.Errorf("whole hash: %q", got)
	}
}

func FuzzRead(f *testing.F) {
	n := table(f)
	n.Look([]byte(`{"y":1,"c":"x","n":2}`))
	b := n.Append(nil)
	f.Add(b[4 : len(b)-8])
	f.Fuzz(func(t *testing.T, b []byte) {
		b = wire.Seal(append(wire.Begin(nil, wire.KindNames, formatVersion), b...), 0)
		read, err := Read(b)
		if err != nil {
			return
		}
		n := table(t)
		n.Restore(read)
		if again, err := Read(n.Append(nil)); err != nil || !maps.Equal(again, read) {
			t.Errorf("read again: %v", err)
		}
	})
}
