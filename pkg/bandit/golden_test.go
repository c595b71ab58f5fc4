package bandit

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// small fills event i of a stream whose numbers are exact in every representation.
func small(e *event.Event, i int) {
	e.Reset()
	for j := range 2 {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String("field" + string(rune('a'+j))), Value: float64((i*(j+2))%11) - 4})
	}
	e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String("city=" + string(rune('a'+i%3))), Value: 1})
	e.Arm, e.Prob, e.Label, e.Labelled = i*i%3, .25, float64(i*i%5)/4, true
	e.Weight = 1 + float64(i%3)/2
	e.Time = 1_600_000_000_000 + int64(i)*600_000
	e.ID = append(e.ID[:0], 'd', byte('a'+i%26))
}

// The bytes are a contract with stored snapshots and with readers in other
// languages, and the parameters in them with every processor.
func TestGolden(t *testing.T) {
	all := configurations()
	for _, name := range []string{LinUCB, "lints diagonal", "linucb half-life", "linucb window", "hybrid", Logistic, Bag, Cover, "cover diagonal", Reinforce,
		Thompson, "thompson window", EXP3, EXP3IX, Gradient} {
		c := all[name]
		c.Arms = c.Arms[:3]
		m := newModel(t, c)
		var e event.Event
		for i := range 40 {
			small(&e, i)
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
			if i == 20 {
				m.SetReference(0)
			}
		}
		model, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".model", model)
		ref, err := m.AppendReference(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if name == LinUCB {
			golden(t, name+".reference", ref)
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".golden")
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes differ from the golden %d; if the format or the arithmetic is meant to change, raise the version and run with -update", name, len(got), len(want))
	}
}
