package serve_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
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
	// schema is published with every version.
	schema []byte
	marks  []state.Mark
	policy string // what readers of a bandit are told
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
			Version: state.Version{Number: version, Sum: b.Sum, Created: time.Now().UnixMilli(), MaxAgeMS: 60_000}, Mode: mode, Policy: w.policy, Schema: w.schema,
		},
		Marks: w.marks,
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
