package encode_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Of a field with many values, each seen about four times, the mean label says more
// than a weight of each value can learn. The loss is compared beyond that of the best model.
func TestTargetEncodingHelps(t *testing.T) {
	const users, events = 3000, 12000
	excess := func(target []string) (loss float64) {
		l := catalog.DefaultLearner()
		l.Loss = "squared"
		m, err := catalog.Encoded(l, encode.Config{Prior: 2, Bits: 14}.Resolve(len(target) > 0))
		if err != nil {
			t.Fatal(err)
		}
		d, err := event.NewJSON(event.Schema{Label: "rating", Exclude: []string{"ts", "item"}, Target: target}, true)
		if err != nil {
			t.Fatal(err)
		}
		stream := sim.Ratings(11, users, 1, 2)
		var e event.Event
		for range events {
			if err := d.Decode(stream.Next(nil), &e); err != nil {
				t.Fatal(err)
			}
			s := m.Learn(&e)
			if s.Reject != nil {
				t.Fatal(s.Reject)
			}
			loss += (s.Loss - stream.BestLoss()) / events
		}
		return loss
	}
	plain, encoded := excess(nil), excess([]string{"user"})
	if encoded > 0.95*plain {
		t.Errorf("excess loss %.4f with the encoding, %.4f without", encoded, plain)
	}
	t.Logf("excess loss %.4f with the encoding, %.4f without", encoded, plain)
}
