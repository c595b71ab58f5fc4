package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// decided is a request, and what Choose makes of it.
type decided struct {
	ID, Context  string
	Actions      string   `json:",omitempty"`
	Eligible     []string `json:",omitempty"`
	Unit         string   `json:",omitempty"`
	Key          string   `json:",omitempty"`
	Baseline     string   `json:",omitempty"`
	Time         int64
	Record       string `json:",omitempty"` // that is logged
	PartitionKey string
	Error        string `json:",omitempty"` // reason of a rejection, or the name of the error in Python
}

// offers is the schema of decisions.
var offers = event.Schema{
	Label: "reward", ID: "id", Time: "ts", Arm: "arm", Arms: []string{"red", "green", "blue"}, Probability: "p",
	Context: "context", Actions: "actions", Eligible: "eligible", Cyclic: []string{"ts"}, Categorical: []string{"actions.size"},
}

// requests are ordinary ones and odd ones.
func requests() (out []decided) {
	for i := range 12 {
		r := decided{ID: fmt.Sprintf("d-%d", i), Context: fmt.Sprintf(`{"hour":%d,"country":"c%d"}`, i*7%24, i%3), Time: 1_700_000_000_000 + int64(i)*977_000_000}
		switch i % 4 {
		case 1:
			r.Actions = fmt.Sprintf(`[{"price":%d.5,"size":%d},null,{"price":2,"new":true}]`, i, i%3)
		case 2:
			r.Actions, r.Eligible = `[{"price":1},{"price":3}]`, []string{"blue", "red"}
		case 3:
			r.Eligible, r.Unit = []string{"green", "blue"}, "u-1"
		}
		r.Baseline = "red"
		if i == 3 {
			r.Baseline = "green"
		}
		out = append(out, r)
	}
	return append(out,
		decided{ID: "käte \"1\"\\\n\t\u2028", Context: " {\n\"käte\" : [1, \"x\"] } ", Unit: "\x00ü", Baseline: "blue"},
		decided{ID: "1", Context: `{}`, Key: "k", Baseline: "red"},
		decided{ID: "x", Context: `{"hour":1}`},
		decided{ID: "", Context: `{}`},
		decided{ID: "x", Context: `{"a":1},"arm":{}`},
		decided{ID: "x", Context: `[1]`},
		decided{ID: "x", Context: `{"a":1e999}`},
		decided{ID: "x", Context: `{}`, Actions: `[{},{}]`},
		decided{ID: "x", Context: `{}`, Actions: `{}`},
		decided{ID: "x", Context: `{}`, Actions: `[],"a":[]`},
		decided{ID: "x", Context: `{}`, Eligible: []string{"pink"}},
		decided{ID: "x", Context: `{}`, Eligible: []string{"red", "red"}},
		decided{ID: "x", Context: `{}`, Eligible: []string{"blue"}, Baseline: "red"},
		decided{ID: "x", Context: `{}`, Baseline: "pink"},
		decided{ID: "x", Context: `{}`, Baseline: "7.5"},
		decided{ID: "x", Context: `{}`, Baseline: "10.5"},
	)
}

// offerModel returns the path of a bandit that has learned decisions of a schema.
func offerModel(t *testing.T, name string, s event.Schema, edit func(c *bandit.Config)) string {
	t.Helper()
	cfg := bandit.Default()
	cfg.Arms, cfg.Salt = s.Arms, name
	edit(&cfg)
	m, err := bandit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d, err := event.NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 120 {
		context := fmt.Sprintf(`"hour":%d,"country":"c%d"`, i%24, i%3)
		if s.Context != "" {
			context = `"context":{` + context + `}`
		}
		record := fmt.Sprintf(`{%s,"id":"l-%d","ts":%d,"actions":[{"price":1,"size":1},{"price":%d},{"price":2,"size":2}],"arm":%d,"p":0.3,"reward":%d}`,
			context, i, 1_700_000_000_000+i*3_600_000, i%5, i*i%3, i*7%10/6)
		if err := d.Decode([]byte(record), &e); err != nil {
			t.Fatal(err)
		}
		if step := m.Learn(&e); step.Reject != nil {
			t.Fatal(step.Reject)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("tests", "golden", "decide-"+name+".model")
	goldenBytes(t, file, b)
	return file
}

// offerClient serves a model of one partition.
func offerClient(t *testing.T, layout event.Layout, model []byte, mode serve.Mode) *serve.Client {
	t.Helper()
	store, key := state.NewMem(), state.Key{Model: "shop"}
	claim, _, err := store.Claim(t.Context(), key, state.Owner{Group: "g", Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := json.Marshal(layout)
	if err != nil {
		t.Fatal(err)
	}
	b := state.Blob{Sum: state.SumOf(model), Data: model}
	err = store.Save(t.Context(), key, claim, 0, &state.Snapshot{
		Seq: 1, Next: state.Position{Offset: 1}, Head: []byte("head"), Refs: []state.Sum{b.Sum}, Blobs: []state.Blob{b},
		Current: &state.Pointer{Version: state.Version{Number: 3, Sum: b.Sum}, Mode: "learning", Schema: schema},
	}, 20)
	if err != nil {
		t.Fatal(err)
	}
	c, err := serve.Open(t.Context(), serve.Options{Store: store, Model: "shop", Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The client in Python decides as the one in Go, and logs the same text.
func TestGoldenDecisions(t *testing.T) {
	type group struct {
		Schema event.Layout
		Model  string
		Mode   serve.Mode
		Cases  []decided
	}
	flat := offers
	flat.Context, flat.Key, flat.Time, flat.Cyclic, flat.Eligible, flat.Actions, flat.Categorical = "", "user", "", nil, "", "", nil
	flat.Exclude = []string{"ts", "actions"}
	priced := offers
	priced.Arms, priced.Continuous, priced.Actions, priced.Eligible, priced.Categorical = []string{"1.25", "3.75", "6.25", "8.75"}, []float64{0, 10, 1}, "", "", nil
	numbers := func(c *bandit.Config) {
		c.Policy, c.Arms, c.ValueMax, c.Bins, c.Bandwidth, c.Floor, c.Baseline = bandit.Cats, nil, 10, 4, 1, 0.2, "9.25"
	}
	keyed := offers
	keyed.Key = "context.country"
	var out []group
	for _, g := range []struct {
		name   string
		schema event.Schema
		mode   serve.Mode
		edit   func(c *bandit.Config)
	}{
		{"epsilon", offers, serve.Online, func(c *bandit.Config) { c.Policy, c.Epsilon = bandit.Greedy, 0.5 }},
		{"lints", offers, serve.Online, func(c *bandit.Config) { c.Policy = bandit.LinTS }},
		{"shared", keyed, serve.Online, func(c *bandit.Config) { c.Policy, c.Features = bandit.SquareCB, bandit.Shared }},
		{"hybrid", offers, serve.Shadow, func(c *bandit.Config) { c.Policy, c.Features, c.Draws = bandit.LinTS, bandit.Hybrid, 32 }},
		{"thompson", offers, serve.Baseline, func(c *bandit.Config) { c.Policy, c.Baseline = bandit.Thompson, "blue" }},
		{"cats", priced, serve.Online, numbers},
		{"cats-shadow", priced, serve.Shadow, numbers},
		{"cats-baseline", priced, serve.Baseline, numbers},
		{"flat", flat, serve.Online, func(c *bandit.Config) { c.Policy = bandit.Softmax }},
	} {
		layout := event.Layout{Format: "json", Schema: g.schema}
		o := group{layout, offerModel(t, g.name, g.schema, g.edit), g.mode, requests()}
		client := offerClient(t, layout, read(t, o.Model), g.mode)
		for i := range o.Cases {
			o.Cases[i].decide(t, client)
		}
		out = append(out, o)
	}
	golden(t, "decisions", out)
}

func (c *decided) decide(t *testing.T, client *serve.Client) {
	t.Helper()
	r := serve.Request{
		ID: c.ID, Context: []byte(c.Context), Eligible: c.Eligible, Unit: c.Unit, Key: c.Key, Baseline: c.Baseline, Time: time.UnixMilli(c.Time),
	}
	if c.Actions != "" {
		r.Actions = []byte(c.Actions)
	}
	var d serve.Decision
	err := client.Choose(&d, &r)
	var rej *event.Rejection
	switch {
	case err == nil:
		c.Record, c.PartitionKey = string(d.AppendJSON(nil)), string(d.Key)
	case errors.As(err, &rej):
		c.Error = rej.Reason.String()
	case errors.Is(err, serve.ErrNoArm):
		c.Error = "NoArmError"
	case errors.Is(err, serve.ErrSchema):
		c.Error = "SchemaError"
	case errors.Is(err, serve.ErrNoID):
		c.Error = "syntax"
	default:
		t.Fatal(err)
	}
}
