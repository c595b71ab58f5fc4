package serve_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

var schema = event.Schema{Label: "fraud", Key: "card"}

// trained returns a model that has learned that fraud costs more than about
// limit, and its bytes.
func trained(t testing.TB, limit int) (*sgd.Model, []byte) {
	t.Helper()
	cfg := sgd.Default()
	cfg.Loss = "logistic"
	cfg.Bits = 10
	m, err := sgd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewJSON(schema, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 500 {
		amount, fraud := i*37%100, 0
		if amount > limit {
			fraud = 1
		}
		if err := decoder.Decode(fmt.Appendf(nil, `{"card":"c%d","amount":%d,"country":"n%d","fraud":%d}`, i, amount, i%7, fraud), &e); err != nil {
			t.Fatal(err)
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

// writer is the learner's side of one partition.
type writer struct {
	t     testing.TB
	store state.Store
	key   state.Key
	claim state.Claim
	seq   uint64
}

func newWriter(t testing.TB, s state.Store, k state.Key) *writer {
	t.Helper()
	claim, snap, err := s.Claim(context.Background(), k, state.Owner{Group: "g", Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, store: s, key: k, claim: claim}
	if snap != nil {
		w.seq = snap.Seq
	}
	return w
}

func (w *writer) publish(version uint64, mode string, model []byte) {
	w.t.Helper()
	b := state.Blob{Sum: state.SumOf(model), Data: model}
	w.seq++
	s := &state.Snapshot{
		Seq: w.seq, Next: state.Position{Offset: int64(w.seq)}, Head: []byte("head"), Refs: []state.Sum{b.Sum}, Blobs: []state.Blob{b},
		Current: &state.Pointer{
			Version: state.Version{Number: version, Sum: b.Sum, Created: time.Now().UnixMilli(), MaxAgeMS: 60_000}, Mode: mode,
		},
	}
	if err := w.store.Save(context.Background(), w.key, w.claim, w.seq-1, s, 20); err != nil {
		w.t.Fatal(err)
	}
}

func open(t testing.TB, o serve.Options) *serve.Client {
	t.Helper()
	o.Schema = schema
	if o.Model == "" {
		o.Model = "fraud"
	}
	c, err := serve.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

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

func TestOpenRefuses(t *testing.T) {
	store := state.NewMem()
	_, b := trained(t, 50)
	newWriter(t, store, state.Key{Model: "fraud", Partition: 2}).publish(1, "learning", b)
	for name, c := range map[string]struct {
		o    serve.Options
		want string
	}{
		"model name":     {serve.Options{Store: store, Model: "Fraud"}, `"Fraud"`},
		"few partitions": {serve.Options{Store: store, Model: "fraud", Partitions: 2}, "Options.Partitions is 2"},
		"schema":         {serve.Options{Store: store, Model: "fraud", Schema: event.Schema{Exclude: []string{""}}}, "features.exclude"},
		"no address":     {serve.Options{Model: "fraud"}, "redis.addrs is empty"},
		"negative":       {serve.Options{Store: store, Model: "fraud", Poll: -1}, "must not be negative"},
	} {
		if _, err := serve.Open(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

// expect fails unless the version and mode of partition 0 are served.
func expect(t *testing.T, c *serve.Client, version uint64, mode string) {
	t.Helper()
	got, err := c.ScoreJSON(payment("x", 90))
	if err != nil || got.Version != version || got.Mode != mode {
		t.Fatalf("got %+v, %v; want version %d, %s", got, err, version, mode)
	}
}

// refresh fails the test unless it succeeds.
func refresh(t *testing.T, c *serve.Client) {
	t.Helper()
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An older version is followed at once when the learner went back on purpose,
// and only after a while when the store did.
func TestGoingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewMem()
		w := newWriter(t, store, state.Key{Model: "fraud"})
		_, older := trained(t, 30)
		_, newer := trained(t, 60)
		w.publish(5, "learning", older)
		c := open(t, serve.Options{Store: store, Hold: time.Minute})
		w.publish(8, "learning", newer)
		refresh(t, c)
		expect(t, c, 8, "learning")

		w.publish(5, "frozen", older)
		refresh(t, c)
		expect(t, c, 5, "frozen")
		w.publish(5, "recovering", older)
		refresh(t, c)
		expect(t, c, 5, "recovering")
		w.publish(8, "learning", newer)
		refresh(t, c)
		expect(t, c, 8, "learning")

		w.publish(5, "learning", older) // as after a failover
		refresh(t, c)
		expect(t, c, 8, "learning")
		time.Sleep(59 * time.Second)
		refresh(t, c)
		expect(t, c, 8, "learning")
		time.Sleep(time.Second)
		refresh(t, c)
		expect(t, c, 5, "learning")
	})
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewMem()
		_, b := trained(t, 50)
		newWriter(t, store, state.Key{Model: "fraud"}).publish(1, "learning", b) // max_age 60 s
		c := open(t, serve.Options{Store: store})
		for _, step := range []struct {
			wait  time.Duration
			age   time.Duration
			stale bool
		}{{0, 0, false}, {time.Minute, time.Minute, false}, {time.Second, 61 * time.Second, true}} {
			time.Sleep(step.wait)
			got, err := c.ScoreJSON(payment("x", 1))
			if err != nil || got.Age != step.age || got.Stale != step.stale {
				t.Errorf("after %v: %+v, %v; want age %v, stale %v", step.wait, got, err, step.age, step.stale)
			}
		}
	})
}

// Run follows the store by polling, and faster by hints, while scores go on.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewMem()
		w := newWriter(t, store, state.Key{Model: "fraud"})
		_, one := trained(t, 30)
		_, two := trained(t, 60)
		w.publish(1, "learning", one)
		c := open(t, serve.Options{Store: store, Poll: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		synctest.Wait()
		w.publish(2, "learning", two) // a hint: no time passes
		synctest.Wait()
		expect(t, c, 2, "learning")
		cancel()
		wg.Wait()

		ctx, cancel = context.WithCancel(t.Context())
		c = open(t, serve.Options{Store: hintless{store}, Poll: time.Second})
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		w.publish(3, "learning", one)
		synctest.Wait()
		expect(t, c, 2, "learning")
		time.Sleep(time.Second)
		synctest.Wait()
		expect(t, c, 3, "learning")
		cancel()
		wg.Wait()
	})
}

// hintless is a store whose subscriptions do not work.
type hintless struct{ state.Reader }

func (hintless) Watch(context.Context, string, func(state.Key)) error {
	return errors.New("no subscriptions here")
}

// What cannot be read is not served and does not replace what can.
func TestDamagedVersion(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud"})
	_, good := trained(t, 30)
	w.publish(1, "learning", good)
	c := open(t, serve.Options{Store: store})
	for version, bad := range map[uint64][]byte{2: good[:len(good)-1], 3: []byte("SL\x03\x01 a bandit"), 4: nil} {
		w.publish(version, "learning", bad)
		if err := c.Refresh(t.Context()); err == nil {
			t.Errorf("version %d: no error", version)
		}
		expect(t, c, 1, "learning")
	}
}

// While Redis is away the versions at hand are served; a Redis that lost all
// of its data changes nothing either.
func TestRedisAway(t *testing.T) {
	server := testbed.RedisServer(t)
	store, err := redis.New(redis.Options{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, b := trained(t, 50)
	key := state.Key{Model: "fraud"}
	newWriter(t, store, key).publish(7, "learning", b)
	c := open(t, serve.Options{Redis: redis.Options{Addrs: []string{server.Addr}}})
	defer c.Close()
	expect(t, c, 7, "learning")

	server.Kill()
	if err := c.Refresh(t.Context()); err == nil {
		t.Error("refresh without a server succeeded")
	}
	expect(t, c, 7, "learning")

	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	refresh(t, c)
	expect(t, c, 7, "learning")
	newWriter(t, store, key).publish(8, "learning", b)
	refresh(t, c)
	expect(t, c, 8, "learning")
}

func TestMetrics(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud", Partition: 1})
	_, b := trained(t, 50)
	w.publish(9, "frozen", b)
	c := open(t, serve.Options{Store: store, Partitions: 2})
	w.publish(10, "frozen", nil)
	if err := c.Refresh(t.Context()); err == nil {
		t.Fatal("empty parameters were accepted")
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "streamlearner_serve_")
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{"version fraud 1": 9, "frozen fraud 1": 1, "refresh_failures_total fraud": 1} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
	if age := got["age_seconds fraud 1"]; age < 0 || age > 60 {
		t.Errorf("age %v s", age)
	}
	if synced := time.Unix(int64(got["synced_timestamp_seconds fraud"]), 0); time.Since(synced) > time.Minute {
		t.Errorf("synced at %v", synced)
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
