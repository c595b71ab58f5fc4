package sgd

import (
	"fmt"
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// The probability that a model predicts for rare positives, one of forty, is what
// the frequencies say, although only a fifth of the negatives is learned: their weight
// 1/p corrects the log-odds while learning, so that nothing is left to correct when
// predicting. Class weights multiply the odds.
func TestImbalance(t *testing.T) {
	for _, c := range []struct {
		name   string
		schema event.Schema
		odds   float64 // over those of the stream
	}{
		{"all", event.Schema{}, 1},
		{"a fifth of the negatives", event.Schema{SampleNegatives: 0.2}, 1},
		{"positives count tenfold", event.Schema{ClassWeights: []float64{1, 10}}, 10},
		{"both", event.Schema{SampleNegatives: 0.2, ClassWeights: []float64{1, 10}}, 10},
	} {
		c.schema.Label = "y"
		d, err := event.NewJSON(c.schema, true)
		if err != nil {
			t.Fatal(err)
		}
		m := newModel(t, func(cfg *Config) { cfg.Optimizer, cfg.Bits = "adagrad", 4 })
		var e event.Event
		learned, sum, late := 0, 0.0, 0
		for i := range 40_000 {
			y := 0
			if i%40 == 0 {
				y = 1
			}
			if err := d.Decode(fmt.Appendf(nil, `{"y":%d,"k":"a","n":%d}`, y, i), &e); err != nil {
				t.Fatal(err)
			}
			e.X.Dense = e.X.Dense[:0]
			if e.Weight > 0 {
				learned++
			}
			if s := m.Learn(&e); i >= 20_000 {
				sum, late = sum+s.Prediction, late+1
			}
		}
		p := sum / float64(late)
		if odds := p / (1 - p); math.Abs(odds/(c.odds/39)-1) > 0.15 {
			t.Errorf("%s: odds %.4f, want %.4f", c.name, odds, c.odds/39)
		}
		if c.schema.SampleNegatives > 0 && learned > 10_000 {
			t.Errorf("%s: learned %d of 40000 events", c.name, learned)
		}
	}
}
