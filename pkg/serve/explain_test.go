package serve_test

import (
	"errors"
	"math"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// An explanation adds up to the score, names its features, and says by which version.
func TestExplain(t *testing.T) {
	store := state.NewMem()
	_, b := trained(t, 50)
	newWriter(t, store, state.Key{Model: "fraud"}).publish(7, "learning", b)
	c := open(t, serve.Options{Store: store, Schema: schema})
	body := payment("x", 90)
	x, err := c.ExplainJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	score, err := c.ScoreJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	sum := x.Intercept
	for _, f := range x.Terms {
		sum += f.Contribution
	}
	if p := 1 / (1 + math.Exp(-sum)); x.Prediction != score.Prediction || math.Abs(p-score.Prediction) > 1e-12 || x.Version != 7 {
		t.Errorf("prediction %v of version %d, by contributions %v, want %v", x.Prediction, x.Version, p, score.Prediction)
	}
	amount := xxhash.Sum64String("amount")
	if x.Terms[0].Hash != amount || x.Terms[0].Value != 90 || x.Names[amount] != "amount" || x.Names[xxhash.Sum64String("country=n3")] != "country=n3" {
		t.Errorf("terms %+v, names %v", x.Terms, x.Names)
	}
	decoder, err := event.NewJSON(schema, false)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if err := decoder.Decode(body, &e); err != nil {
		t.Fatal(err)
	}
	for name, explain := range map[string]func() (serve.Explanation, error){
		"Explain": func() (serve.Explanation, error) { return c.Explain(&e) }, "ExplainIn": func() (serve.Explanation, error) { return c.ExplainIn(0, &e) },
	} {
		if got, err := explain(); err != nil || got.Margin != x.Margin || got.Names != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if known, err := c.Names(t.Context(), 0); err != nil || len(known) > 0 {
		t.Errorf("names that nobody stored: %v, %v", known, err)
	}
	fresh, err := event.NewJSON(schema, false)
	if err != nil {
		t.Fatal(err)
	}
	table := names.New(fresh)
	table.Look(body)
	if err := store.SaveNames(t.Context(), state.Key{Model: "fraud"}, table.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if known, err := c.Names(t.Context(), 0); err != nil || known[amount] != "amount" {
		t.Errorf("names %v, %v", known, err)
	}
	if _, err := c.ExplainIn(3, &e); !errors.Is(err, serve.ErrNoModel) {
		t.Errorf("partition without a model: %v", err)
	}
	if _, err := c.ExplainJSON([]byte(`{`)); err == nil {
		t.Error("broken JSON was explained")
	}
}
