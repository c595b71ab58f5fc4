package serve_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func payment(card string, amount int) []byte {
	return fmt.Appendf(nil, `{"card":%q,"amount":%d,"country":"n3"}`, card, amount)
}

// A score is, bit for bit, what the learner's own model predicts, from the
// partition that the key belongs to.
func TestScore(t *testing.T) {
	store := state.NewMem()
	models := make([]*sgd.Model, 3)
	for p := range models {
		m, b := trained(t, 20+30*p)
		models[p] = m
		newWriter(t, store, state.Key{Model: "fraud", Partition: int32(p)}).publish(uint64(10+p), "learning", b)
	}
	c := open(t, serve.Options{Store: store, Partitions: 3})
	decoder, err := event.NewJSON(schema, false)
	if err != nil {
		t.Fatal(err)
	}
	used := map[int32]int{}
	for i := range 60 {
		card := fmt.Sprint("card-", i)
		body := payment(card, i)
		got, err := c.ScoreJSON(body)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		if err := decoder.Decode(body, &e); err != nil {
			t.Fatal(err)
		}
		p := serve.PartitionOf([]byte(card), 3)
		used[p]++
		want := models[p].Predict(&e).Prediction
		if math.Float64bits(got.Prediction) != math.Float64bits(want) || got.Partition != p || got.Version != uint64(10+p) || got.Mode != "learning" || got.Stale {
			t.Fatalf("%s: got %+v, want prediction %v of partition %d", card, got, want, p)
		}
		again, err := c.ScoreIn(p, &e)
		if err != nil || again.Prediction != got.Prediction {
			t.Fatalf("%s: ScoreIn gave %+v, %v", card, again, err)
		}
	}
	if len(used) != 3 {
		t.Errorf("keys went to partitions %v alone", used)
	}
}

func TestScoreRefuses(t *testing.T) {
	store := state.NewMem()
	_, b := trained(t, 50)
	newWriter(t, store, state.Key{Model: "fraud", Partition: 0}).publish(1, "learning", b)
	c := open(t, serve.Options{Store: store, Partitions: 2})
	other := "b"
	for serve.PartitionOf([]byte(other), 2) != 1 {
		other += "b"
	}
	_, err := c.ScoreJSON(payment(other, 3))
	if !errors.Is(err, serve.ErrNoModel) || !strings.Contains(err.Error(), "partition 1 of model fraud") {
		t.Errorf("partition without a model: %v", err)
	}
	if _, err := c.ScoreJSON([]byte(`{"amount":3}`)); !errors.Is(err, serve.ErrNoKey) {
		t.Errorf("event without key: %v", err)
	}
	var rejection *event.Rejection
	if _, err := c.ScoreJSON([]byte(`{"card":"x","amount":`)); !errors.As(err, &rejection) || rejection.Reason != event.Syntax {
		t.Errorf("broken JSON: %v", err)
	}
	e := event.Event{X: event.Vector{Dense: []event.Feature{{Hash: 1, Value: math.NaN()}}, Sparse: []event.Feature{{Hash: 1, Value: math.NaN()}}}}
	if _, err := c.ScoreIn(0, &e); !errors.As(err, &rejection) || rejection.Reason != event.NonFinite {
		t.Errorf("NaN: %v", err)
	}
	if _, err := c.ScoreIn(2, &e); !errors.Is(err, serve.ErrNoModel) {
		t.Errorf("partition beyond the topic: %v", err)
	}
	if s, err := open(t, serve.Options{Store: state.NewMem()}).ScoreJSON(payment("x", 1)); !errors.Is(err, serve.ErrNoModel) {
		t.Errorf("empty store: %+v, %v", s, err)
	}
}

// Scoring goes on, without an allocation, while versions are swapped.
func TestScoreDuringSwaps(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud"})
	models := make([]*sgd.Model, 2)
	bytes := make([][]byte, 2)
	for i := range models {
		models[i], bytes[i] = trained(t, 20+50*i)
	}
	w.publish(1, "learning", bytes[1])
	c := open(t, serve.Options{Store: store})
	var e event.Event
	decoder, err := event.NewJSON(schema, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(payment("x", 45), &e); err != nil {
		t.Fatal(err)
	}
	want := [2]float64{models[0].Score(&e), models[1].Score(&e)}
	if want[0] == want[1] {
		t.Fatal("the models agree: the test would see no mixture")
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
				if s, err := c.Score(&e); err != nil || s.Prediction != want[s.Version%2] {
					t.Errorf("%+v, %v; want %v", s, err, want)
					return
				}
			}
		})
	}
	for v := uint64(2); v < 100; v++ {
		w.publish(v, "learning", bytes[v%2])
		refresh(t, c)
	}
	close(done)
	wg.Wait()
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Score(&e) }); n != 0 {
		t.Errorf("%v allocations a score", n)
	}
}

// BenchmarkScore: 15 numeric and 5 categorical fields, all known to the model.
func BenchmarkScore(b *testing.B) {
	payment := func(i int) []byte {
		text := fmt.Appendf(nil, `{"card":"4711","fraud":%d`, i%2)
		for f := range 15 {
			text = fmt.Appendf(text, `,"n%d":%d.5`, f, (i*7+f)%90)
		}
		for f := range 5 {
			text = fmt.Appendf(text, `,"s%d":"value-%d"`, f, (i+f)%5)
		}
		return append(text, '}')
	}
	m, err := sgd.New(sgd.Default())
	if err != nil {
		b.Fatal(err)
	}
	decoder, err := event.NewJSON(schema, true)
	if err != nil {
		b.Fatal(err)
	}
	var e event.Event
	for i := range 1000 {
		if err := decoder.Decode(payment(i), &e); err != nil {
			b.Fatal(err)
		}
		m.Learn(&e)
	}
	model, err := m.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	store := state.NewMem()
	newWriter(b, store, state.Key{Model: "fraud"}).publish(1, "learning", model)
	c := open(b, serve.Options{Store: store})
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Score(&e); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(e.X.Len()), "features")
	})
	b.Run("json", func(b *testing.B) {
		body := payment(3)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.ScoreJSON(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A model of pairs is served as a linear one is.
func TestScoreOfPairs(t *testing.T) {
	decoder, err := event.NewJSON(schema, false)
	if err != nil {
		t.Fatal(err)
	}
	c := factor.Default()
	c.Loss, c.Bits = "squared", 10
	m, err := factor.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 50 {
		if err := decoder.Decode(payment("x", i), &e); err != nil {
			t.Fatal(err)
		}
		e.Label, e.Labelled = float64(i%7), true
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	store := state.NewMem()
	newWriter(t, store, state.Key{Model: "fraud"}).publish(1, "learning", b)
	client := open(t, serve.Options{Store: store})
	body := payment("x", 9)
	got, err := client.ScoreJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(body, &e); err != nil {
		t.Fatal(err)
	}
	if want := m.Predict(&e).Prediction; math.Float64bits(got.Prediction) != math.Float64bits(want) {
		t.Errorf("score %v, want %v", got.Prediction, want)
	}
	if err := client.Choose(new(serve.Decision), &serve.Request{ID: "d", Context: body}); !errors.Is(err, serve.ErrKind) {
		t.Errorf("a choice of a model of pairs: %v", err)
	}
}
