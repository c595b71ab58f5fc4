package serve_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// published is the JSON of a layout.
func published(t testing.TB, format string, s event.Schema) []byte {
	t.Helper()
	b, err := json.Marshal(event.Layout{Format: format, Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openPlain opens a client that is told nothing of the events.
func openPlain(t testing.TB, store state.Reader) *serve.Client {
	t.Helper()
	c, err := serve.Open(t.Context(), serve.Options{Store: store, Model: "fraud"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// predict is what a model says of an event that is read by s.
func predict(t testing.TB, m *sgd.Model, s event.Schema, body []byte) float64 {
	t.Helper()
	d, err := event.NewJSON(s, false)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if err := d.Decode(body, &e); err != nil {
		t.Fatal(err)
	}
	return m.Predict(&e).Prediction
}

func same(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// fraudLearner learns n payments into the store and returns the model that it publishes.
func fraudLearner(t *testing.T, store state.Store, k state.Key, s event.Schema, n int) *sgd.Model {
	t.Helper()
	decoder, err := event.NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	l, err := learner.New(learner.Config{
		Model: func() (learner.Model, error) { return sgd.New(sgd.Default()) }, Decoder: decoder,
		Guard: learner.DefaultGuard(), Snapshot: learner.SnapshotConfig{Every: 100, Quarantine: 100, Keep: 5},
		Schema: published(t, "json", s),
	}, state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	stream := sim.Fraud(uint64(k.Partition) + 1)
	for i := range n {
		l.Feed(learner.Record{Offset: int64(i), Value: stream.Next(nil)})
	}
	snap := l.Snapshot()
	snap.Seq = 1
	w := newWriter(t, store, k)
	if err := store.Save(t.Context(), k, w.claim, 0, snap, 5); err != nil {
		t.Fatal(err)
	}
	blob, err := store.(state.Reader).Blob(t.Context(), k, snap.Current.Sum)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sgd.Open(blob)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A reader that is told nothing scores as the learner's own model does: ids,
// times and keys are no features, and the key chooses the partition.
func TestScoreByPublishedSchema(t *testing.T) {
	payments := event.Schema{
		Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id", Categorical: []string{"hour"}, ClassWeights: []float64{1, 5}, SampleNegatives: 0.9,
		Text: []string{"os_version"}, Ngrams: 2, Log1p: []string{"amount", "km"}, Cyclic: []string{"ts"}, Missing: []string{"risk", "coupon"},
		Cross: [][]string{{"country", "merchant"}, {"amount", "channel"}},
	}
	store := state.NewMem()
	models := make([]*sgd.Model, 2)
	for p := range models {
		models[p] = fraudLearner(t, store, state.Key{Model: "fraud", Partition: int32(p)}, payments, 2000)
	}
	c := openPlain(t, store)
	stream := sim.Fraud(9)
	asked, blind := [2]int{}, 0
	for range 500 {
		body := stream.Next(nil)
		p := serve.PartitionOf(stream.Key(), 2)
		want := predict(t, models[p], payments, body)
		got, err := c.ScoreJSON(body)
		if err != nil || !same(got.Prediction, want) || got.Partition != p {
			t.Fatalf("%s: %+v, %v; want %v of partition %d", body, got, err, want, p)
		}
		asked[p]++
		if predict(t, models[p], event.Schema{}, body) != want {
			blind++
		}
	}
	if asked[0] == 0 || asked[1] == 0 {
		t.Errorf("partitions were asked %v times", asked)
	}
	if blind < 500 {
		t.Errorf("without the schema only %d of 500 scores differ: the test shows little", blind)
	}
}

// By the schemas of odd versions the country is no feature.
var bySchema = [2]event.Schema{schema, {Label: "fraud", Key: "card", Exclude: []string{"country"}}}

// Schemas are swapped together with their versions while scores go on.
func TestSchemaSwaps(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud"})
	m, b := trained(t, 50)
	publish := func(v uint64) {
		w.schema = published(t, "json", bySchema[v%2])
		w.publish(v, "learning", b)
	}
	publish(1)
	c := openPlain(t, store)
	body := payment("x", 45)
	want := [2]float64{predict(t, m, bySchema[0], body), predict(t, m, bySchema[1], body)}
	if want[0] == want[1] {
		t.Fatal("the schemas agree: the test would see no mixture")
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if s, err := c.ScoreJSON(body); err != nil || !same(s.Prediction, want[s.Version%2]) {
					t.Errorf("%+v, %v; want %v", s, err, want)
					return
				}
			}
		})
	}
	for v := uint64(2); v < 100; v++ {
		publish(v)
		refresh(t, c)
	}
	close(done)
	wg.Wait()
	if n := leastAllocations(func() { _, _ = c.ScoreJSON(body) }); n != 0 {
		t.Errorf("%v allocations a score", n)
	}
}

// leastAllocations returns the allocations of a run that found all pools filled:
// a pool may lose memory now and then, as it does under the race detector.
func leastAllocations(run func()) float64 {
	least := math.Inf(1)
	for range 50 {
		least = min(least, testing.AllocsPerRun(1, run))
	}
	return least
}

// While a configuration is rolled out, partitions differ.
func TestSchemaOfThePartition(t *testing.T) {
	store := state.NewMem()
	m, b := trained(t, 50)
	for p := range int32(2) {
		w := newWriter(t, store, state.Key{Model: "fraud", Partition: p})
		w.schema = published(t, "json", bySchema[p])
		w.publish(1, "learning", b)
	}
	c := openPlain(t, store)
	for i := range 20 {
		body := payment(fmt.Sprint("card-", i), 45)
		got, err := c.ScoreJSON(body)
		if want := predict(t, m, bySchema[got.Partition], body); err != nil || !same(got.Prediction, want) {
			t.Errorf("%s: %+v, %v; want %v", body, got, err, want)
		}
	}
	plain := newWriter(t, store, state.Key{Model: "fraud", Partition: 1})
	plain.publish(2, "learning", b) // by a learner that says nothing
	refresh(t, c)
	for i := range 20 {
		got, err := c.ScoreJSON(payment(fmt.Sprint("card-", i), 45))
		if p := serve.PartitionOf(fmt.Append(nil, "card-", i), 2); p == 0 && err != nil || p == 1 && !errors.Is(err, serve.ErrSchema) {
			t.Errorf("partition %d: %+v, %v", p, got, err)
		}
	}
}

func TestSchemaRefused(t *testing.T) {
	store := state.NewMem()
	c := openPlain(t, store)
	if s, err := c.ScoreJSON(payment("x", 1)); !errors.Is(err, serve.ErrNoModel) {
		t.Errorf("empty store: %+v, %v", s, err)
	}
	w := newWriter(t, store, state.Key{Model: "fraud"})
	m, b := trained(t, 50)
	for version, step := range []struct {
		schema []byte
		want   error
		text   string
	}{
		{nil, serve.ErrSchema, "published without one"},
		{published(t, "csv", schema), serve.ErrSchema, "learns from csv"},
		{published(t, "json", schema), nil, ""},
	} {
		w.schema = step.schema
		w.publish(uint64(version+1), "learning", b)
		refresh(t, c)
		if _, err := c.ScoreJSON(payment("x", 1)); !errors.Is(err, step.want) || err != nil && !strings.Contains(err.Error(), step.text) {
			t.Errorf("schema %s: %v, want %v", step.schema, err, step.want)
		}
	}
	want := predict(t, m, schema, payment("x", 90))
	for version, unknown := range []string{`{"format":"json","embed":[]}`, `{"format":"json","exclude":[""]}`, `{}`} {
		w.schema = []byte(unknown)
		w.publish(uint64(version+10), "learning", b)
		if err := c.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), unknown) {
			t.Errorf("%s: %v", unknown, err)
		}
		if s, err := c.ScoreJSON(payment("x", 90)); err != nil || s.Version != 3 || !same(s.Prediction, want) {
			t.Errorf("%s: %+v, %v; want version 3 kept", unknown, s, err)
		}
	}
	var e event.Event
	if _, err := c.Score(&e); err != nil { // needs no schema
		t.Error(err)
	}
}

// Options.Schema wins, and a difference is told once.
func TestSchemaOverridden(t *testing.T) {
	store := state.NewMem()
	m, b := trained(t, 50)
	publish := func(v uint64, schema []byte) {
		for p := range int32(2) {
			w := newWriter(t, store, state.Key{Model: "fraud", Partition: p})
			w.schema = schema
			w.publish(v, "learning", b)
		}
	}
	var log bytes.Buffer
	publish(1, published(t, "json", bySchema[1]))
	c := open(t, serve.Options{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	warned := func(want string) {
		t.Helper()
		text := log.String()
		log.Reset()
		if want == "" && text != "" || want != "" && (strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, want)) {
			t.Errorf("logged %q, want one warning with %q", text, want)
		}
	}
	warned("country")
	body := payment("x", 45)
	if s, err := c.ScoreJSON(body); err != nil || !same(s.Prediction, predict(t, m, schema, body)) {
		t.Errorf("%+v, %v", s, err)
	}
	for v, step := range []struct {
		schema []byte
		want   string
	}{
		{published(t, "json", bySchema[1]), ""},
		{published(t, "json", event.Schema{Key: "card", Exclude: []string{"fraud"}}), ""}, // the same features
		{published(t, "json", event.Schema{Label: "fraud", Key: "card", Categorical: []string{"amount"}}), "amount"},
		{published(t, "json", event.Schema{Label: "fraud", Key: "card", Cross: [][]string{{"country", "amount"}}}), "amount x country"},
		{published(t, "json", event.Schema{Label: "fraud", Key: "card", Text: []string{"memo"}, Ngrams: 2}), "ngrams"},
		{published(t, "json", event.Schema{Label: "fraud", Key: "card", Missing: []string{"amount"}}), "missing"},
		{nil, ""},
		{[]byte(`{"format":"json","embed":[]}`), "embed"},
	} {
		publish(uint64(v+2), step.schema)
		refresh(t, c)
		warned(step.want)
		if s, err := c.ScoreJSON(body); err != nil || s.Version != uint64(v+2) {
			t.Errorf("%s: %+v, %v", step.schema, s, err)
		}
	}
}
