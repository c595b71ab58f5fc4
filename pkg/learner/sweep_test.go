package learner_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// A round over the weights that takes many blocks goes on bit for bit after a
// restore, also when a freeze has taken features back meanwhile.
func TestSweepsGoOnBitForBit(t *testing.T) {
	for _, bits := range []int{0, 16} {
		t.Run(fmt.Sprintf("bits %d", bits), func(t *testing.T) {
			cfg := func() learner.Config {
				c, model := config(t), sgd.Default()
				model.Bits = bits
				c.Model = func() (learner.Model, error) { return sgd.New(model) }
				return c
			}
			run := func(cuts bool) []byte {
				l := newLearner(t, cfg())
				for i := range 6000 {
					if i == 3000 || i == 3200 {
						l.Apply(state.Command{ID: fmt.Sprint(i), Kind: map[int]string{3000: learner.CommandFreeze, 3200: learner.CommandUnfreeze}[i]})
					}
					l.Feed(learner.Record{Offset: l.Next().Offset, Value: fmt.Appendf(nil, `{"is_fraud":%d,"a":"%d","b":"%d"}`, i*i%7/4, i*7919%4001, i/5)})
					if cuts && i%311 == 0 {
						var err error
						if l, err = learner.Restore(cfg(), l.Snapshot()); err != nil {
							t.Fatal(err)
						}
					}
				}
				if d := l.Stats(); d.Descent.WeightNorm == 0 || d.Learned != 6000 {
					t.Fatalf("learned %d, norm %v", d.Learned, d.Descent.WeightNorm)
				}
				return l.Snapshot().Head
			}
			if !bytes.Equal(run(false), run(true)) {
				t.Error("the restored learner ended differently")
			}
		})
	}
}
