package bandit

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
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
	e.Actions = make([]event.Vector, 3)
	for a := range e.Actions {
		e.Actions[a].Sparse = append(e.Actions[a].Sparse, event.Feature{Hash: xxhash.Sum64String("size"), Value: float64(a+i%2) / 2})
	}
}

// The bytes are a contract with stored snapshots and with readers in other
// languages, and the parameters in them with every processor.
func TestGolden(t *testing.T) {
	all := configurations()
	var cases []choiceCase
	for _, name := range []string{LinUCB, LinTS, "shared", Normal, SquareCB, RegCB, Softmax, Greedy, UCB1, KLUCB, "lints diagonal", "linucb half-life", "linucb window", "hybrid", Logistic, Bag, Cover, "cover diagonal", Reinforce,
		Thompson, "thompson window", EXP3, EXP3IX, Gradient} {
		c := all[name]
		c.Arms = c.Arms[:3]
		m := newModel(t, c)
		var e event.Event
		for i := range 40 {
			small(&e, i)
			if c.Features == Disjoint {
				e.Actions = nil
			}
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
		for i := range 3 {
			cases = append(cases, chosen(t, name, model, 100+i))
		}
		ref, err := m.AppendReference(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if name == LinUCB {
			golden(t, name+".reference", ref)
		}
	}
	text, err := json.MarshalIndent(cases, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "choices.json", append(text, '\n'))
}

// choiceCase is a decision for readers in other languages to repeat: the model is in testdata.
type choiceCase struct {
	Model    string     `json:"model"`
	ID       string     `json:"id"`
	Numeric  [][2]any   `json:"numeric"` // hash, value
	Sparse   [][2]any   `json:"sparse"`
	Actions  [][][2]any `json:"actions"` // sparse
	Eligible []bool     `json:"eligible"`
	PMF      []float64  `json:"pmf"`
	U        float64    `json:"u"`
	Arm      string     `json:"arm"`
}

// chosen lets the model decide on event i.
func chosen(t *testing.T, name string, model []byte, i int) choiceCase {
	t.Helper()
	p, err := OpenPolicy(model)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	small(&e, i)
	if p.Config().Features == Disjoint {
		e.Actions = nil
	}
	c := choiceCase{Model: goldenName(name + ".model"), ID: string(e.ID), Actions: [][][2]any{}}
	for _, f := range e.X.Dense {
		c.Numeric = append(c.Numeric, [2]any{fmt.Sprintf("%016x", f.Hash), f.Value})
	}
	for _, f := range e.X.Sparse {
		c.Sparse = append(c.Sparse, [2]any{fmt.Sprintf("%016x", f.Hash), f.Value})
	}
	for _, a := range e.Actions {
		var features [][2]any
		for _, f := range a.Sparse {
			features = append(features, [2]any{fmt.Sprintf("%016x", f.Hash), f.Value})
		}
		c.Actions = append(c.Actions, features)
	}
	if i%3 == 0 {
		c.Eligible = []bool{true, false, true}
	}
	c.PMF = p.Distribution(&e, c.Eligible, nil)
	c.U = p.Uniform(e.ID)
	c.Arm = p.Arms()[Choose(c.PMF, c.U)]
	return c
}

func goldenName(name string) string { return strings.ReplaceAll(name, " ", "_") + ".golden" }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", goldenName(name))
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
