package configs

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// A learner behind encodings, its guard armed, goes on from a save as if there had been none.
func TestEncodedLearnerRestored(t *testing.T) {
	m, err := DefaultModel().With([]string{
		"source.label=is_fraud", "source.time=ts", "source.key=card", "source.id=tx_id", "features.target=merchant,card", "features.count=card",
		"features.min_count=2", "features.expire_after=1500", "guard.reference_after=500", "guard.window=2000", "learner.bits=0",
	})
	if err != nil {
		t.Fatal(err)
	}
	config := func() learner.Config {
		cfg, err := m.LearnerConfig("test")
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	straight, err := learner.New(config(), state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := learner.New(config(), state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	stream := sim.Fraud(4)
	for i := range 4000 {
		record := learner.Record{Offset: int64(i), Value: stream.Next(nil)}
		straight.Feed(record)
		stopped.Feed(record)
		if i%1300 == 700 {
			s := stopped.Snapshot()
			if stopped, err = learner.Restore(config(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !straight.Armed() || straight.Params() != stopped.Params() {
		t.Errorf("armed %v; parameters %s with saves, %s without", straight.Armed(), stopped.Params(), straight.Params())
	}
	if a, b := straight.Stats(), stopped.Stats(); a.Statistic != b.Statistic || a.Loss != b.Loss {
		t.Errorf("statistic %v and loss %v with saves, %v and %v without", b.Statistic, b.Loss, a.Statistic, a.Loss)
	}
}
