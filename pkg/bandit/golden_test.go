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
	e.Value = (float64(e.Arm) + float64(1+i%3)/4) / 3
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
	for _, name := range []string{LinUCB, LinTS, "shared", Normal, SquareCB, RegCB, Softmax, Greedy, UCB1, KLUCB, "lints diagonal", "linucb half-life", "linucb window", "hybrid", Logistic, Bag, Cover, "cover diagonal", Reinforce, Cats,
		Thompson, Ladder, "thompson window", EXP3, EXP3IX, Gradient} {
		c := all[name]
		if c.Continuous() {
			c.Bins = 3
		} else {
			c.Arms, c.Limits = c.Arms[:3], c.Limits[:min(3, len(c.Limits))]
		}
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
	changed := changedModel(t)
	golden(t, "changed.model", changed)
	for i := range 6 {
		cases = append(cases, chosen(t, "changed", changed, 100+i))
	}
	careful := carefulModel(t)
	golden(t, "conservative.model", careful)
	for i := range 2 {
		cases = append(cases, chosen(t, "conservative", careful, 102+i))
	}
	watched := watchedModel(t)
	golden(t, "guarded.model", watched)
	cases = append(cases, chosen(t, "guarded", watched, 102))
	text, err := json.MarshalIndent(cases, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "choices.json", append(text, '\n'))
}

// changedModel returns a bandit with every constraint, whose arms have changed while it learned.
func changedModel(t *testing.T) []byte {
	t.Helper()
	c := config(Softmax, 3)
	c.Limits = []Limit{{Arm: "a0", Price: 10}, {Arm: "a1", Cap: .3, Price: 9}, {Arm: "a2", Price: 11}}
	c.Baseline, c.BaselineFloor, c.PriceStep, c.PriceFloor, c.NewEvents = "a0", .2, .2, 7, 30
	m := newModel(t, c)
	var e event.Event
	learn := func(from, to int) {
		for i := from; i < to; i++ {
			small(&e, i)
			e.Actions = nil
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
	}
	learn(0, 20)
	for _, c := range []event.ArmChange{
		{Kind: event.ArmAdd, Arm: "new", Price: 9.5},
		{Kind: event.ArmAdd, Arm: "dear", Price: 13},
		{Kind: event.ArmAdd, Arm: "like", Like: "a2", Cap: .25},
		{Kind: event.ArmAdd, Arm: "free"},
		{Kind: event.ArmRemove, Arm: "a2"},
		{Kind: event.ArmCap, Arm: "a1", Cap: .4},
	} {
		if err := m.ChangeArm(c); err != nil {
			t.Fatal(err)
		}
	}
	learn(20, 40)
	model, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// carefulModel returns a conservative bandit that has no budget for other arms than its baseline.
func carefulModel(t *testing.T) []byte {
	t.Helper()
	c := config(UCB1, 3)
	c.Baseline, c.Conservative = "a1", .05
	m := newModel(t, c)
	var e event.Event
	for i := range 40 {
		small(&e, i)
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	model, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// watchedModel has guard rails, one of which has taken out an arm.
func watchedModel(t testing.TB) []byte {
	t.Helper()
	m := newModel(t, guardedConfig(Normal, 3))
	var e event.Event
	for i := range 300 {
		small(&e, i)
		e.Arm, e.Time = i%3, int64(1_600_000_000_000+i)
		for _, name := range []string{"latency_ms", "hits"}[:1+i%2] {
			e.Metrics = append(e.Metrics, event.Metric{Name: event.MetricName(name), Value: float64(i%3/2*500 + i%7)})
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	if out := m.Table()[2].Out; out != "latency_ms" {
		t.Errorf("the arm a2 was taken out for %q", out)
	}
	model, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return model
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
	Value    float64    `json:"value,omitempty"` // of policy cats, with its density
	Density  float64    `json:"density,omitempty"`
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
		c.Eligible = make([]bool, len(p.Arms()))
		for a := range c.Eligible {
			c.Eligible[a] = a != 1
		}
	}
	c.PMF = p.Distribution(&e, c.Eligible, nil)
	c.U = p.Uniform(e.ID)
	if p.Continuous() {
		var bin int
		c.Value, bin, c.Density = p.Value(&e)
		c.Arm = p.Arms()[bin]
		return c
	}
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
