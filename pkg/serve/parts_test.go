package serve_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// meter counts the bytes of the blobs that are read.
type meter struct {
	*state.Mem
	read int
}

func (m *meter) Blob(ctx context.Context, k state.Key, s state.Sum) ([]byte, error) {
	b, err := m.Mem.Blob(ctx, k, s)
	m.read += len(b)
	return b, err
}

// A reader of a large model fetches what has changed, and scores as one that
// loads every version anew: across merges of changes, new bases, versions that
// it missed, and ways back.
func TestReadsWhatChanged(t *testing.T) {
	ctx, k := t.Context(), state.Key{Model: "fraud", Partition: 0}
	schema := event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id", Categorical: []string{"amount", "km"}}
	decoder, err := event.NewJSON(schema, true)
	if err != nil {
		t.Fatal(err)
	}
	model := sgd.Default()
	model.Bits = 12
	l, err := learner.New(learner.Config{
		Model: func() (learner.Model, error) { return sgd.New(model) }, Decoder: decoder, WholeBytes: 1, Fanout: 4,
		Guard: learner.DefaultGuard(), Snapshot: learner.SnapshotConfig{Every: 5, Quarantine: 5, Keep: 5}, Schema: published(t, "json", schema),
	}, state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	store := &meter{Mem: state.NewMem()}
	w := newWriter(t, store, k)
	var kept *state.Snapshot
	publish := func(s *state.Snapshot) {
		t.Helper()
		w.seq++
		out := *s
		out.Seq, out.Next.Offset = w.seq, int64(w.seq)
		if err := store.Save(ctx, k, w.claim, w.seq-1, &out, 5); err != nil {
			t.Fatal(err)
		}
	}
	stream, r := sim.Fraud(9), rand.New(rand.NewPCG(1, 1))
	var follower *serve.Client
	follow, anew, refreshes := 0, 0, 0
	for i := range 600 {
		value := stream.Next(nil)
		l.Feed(learner.Record{Offset: int64(i), Value: value})
		if i%5 != 0 || i < 200 {
			continue
		}
		snap := l.Snapshot()
		if i == 300 {
			kept = snap
		}
		if i == 500 { // a rollback
			snap = kept
		}
		publish(snap)
		if r.IntN(3) == 0 {
			continue // the follower misses it
		}
		store.read = 0
		if follower == nil {
			follower = openPlain(t, store)
		} else if err := follower.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		follow += store.read
		store.read = 0
		fresh := openPlain(t, store)
		anew += store.read
		refreshes++
		if i < 500 || i > 560 { // the follower takes its time to believe in a way back
			a, errA := follower.ScoreJSON(value)
			b, errB := fresh.ScoreJSON(value)
			if errA != nil || errB != nil || !same(a.Prediction, b.Prediction) || a.Version != b.Version || !a.Classifier || a.Class != b.Class {
				t.Fatalf("record %d: %+v, %v; a new reader says %+v, %v", i, a, errA, b, errB)
			}
		}
	}
	t.Logf("%d refreshes read %d bytes, loading anew %d", refreshes, follow, anew)
	if 2*follow > anew {
		t.Errorf("refreshes read %d bytes, loading anew %d: want less than half", follow, anew)
	}
}
