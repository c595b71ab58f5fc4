package sgd

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// A row of multilabel is the binary model of its label, bit for bit.
func TestMultilabelIsBinaryRelevance(t *testing.T) {
	for _, calibrated := range []string{"none", "platt"} {
		edit := func(c *Config) { c.Bits, c.Calibrate = 8, calibrated }
		m := newModel(t, func(c *Config) { edit(c); c.Loss, c.Classes = "multilabel", 3 })
		var single [3]*Model
		for k := range single {
			single[k] = newModel(t, edit)
		}
		for i, e := range small() {
			e.Labels = e.Labels[:0]
			for k := range uint32(3) {
				if (i*i+int(k))%(2+int(k)) == 0 {
					e.Labels = append(e.Labels, k)
				}
			}
			s := m.Learn(&e)
			labels, loss := 0.0, 0.0
			for k := range single {
				e.Label = m.class.target[k]
				b := single[k].Learn(&e)
				if b.Prediction != s.Probs[k] {
					t.Fatalf("event %d: probability %v of label %d, alone %v", i, s.Probs[k], k, b.Prediction)
				}
				if b.Prediction >= 0.5 {
					labels++
				}
				loss += b.Loss
			}
			if s.Prediction != labels || s.Label != float64(len(e.Labels)) || math.Abs(s.Loss-loss) > 1e-12 {
				t.Fatalf("event %d: %v labels of %v, loss %v, want %v and %v", i, s.Prediction, s.Label, s.Loss, labels, loss)
			}
		}
	}
}

// Two steps by hand, of plain gradient descent with rate 0.25 from weights 0 on one
// feature x = 1 with raw costs: dl/dz = 2(z-c), so a row moves both of its weights
// by 0.5 (c-z), and its score by c-z: after one event it is the cost. Class 1 has no
// cost in the first event and so does not learn.
func TestCostsByHand(t *testing.T) {
	m := newModel(t, func(c *Config) {
		c.Loss, c.Classes, c.Optimizer, c.Rate, c.ScaleLabel, c.Bits = "csoaa", 3, "sgd", 0.25, "off", 4
	})
	e := event.Event{Weight: 1, Labelled: true}
	e.X.Sparse = []event.Feature{{Hash: 3, Value: 1}}
	e.Costs = []event.Cost{{Class: 0, Cost: 2}, {Class: 2, Cost: -1}}
	s := m.Learn(&e)
	if s.Class != 0 || s.Cost != 2 || s.Regret != 3 || s.Label != 2 || s.Loss != 4+1 {
		t.Errorf("first step %+v", s)
	}
	e.Costs = []event.Cost{{Class: 0, Cost: 1}, {Class: 1, Cost: 3}}
	s = m.Learn(&e)
	if got := s.Probs; got[0] != 2 || got[1] != 0 || got[2] != -1 {
		t.Errorf("costs %v, want 2, 0, -1", got)
	}
	// Class 2 would be cheapest, but the event cannot have it.
	if s.Class != 1 || s.Cost != 3 || s.Regret != 2 || s.Label != 0 || s.Loss != 1+9 {
		t.Errorf("second step %+v", s)
	}
	e.Labelled = false
	if s = m.Predict(&e); s.Class != 2 || s.Probs[0] != 1 || s.Probs[1] != 3 || s.Probs[2] != -1 {
		t.Errorf("without costs %+v", s)
	}
	if class, costs := m.ScoreClasses(&e, nil); class != 2 || costs[1] != 3 {
		t.Errorf("a reader has class %d, costs %v", class, costs)
	}
}

// The unit of costs does not matter, since they are scaled together: a thousand
// times as much gives the same classes, and a thousand times the mean cost.
func TestCostsAreScaled(t *testing.T) {
	events, _ := classed(t, "bandit/letter.csv.gz", "lettr")
	events = events[:4000]
	var costs [2]float64
	for i, unit := range []float64{1, 1000} {
		m := newModel(t, func(c *Config) { c.Loss, c.Classes, c.Extreme, c.Bits = "csoaa", 26, 0, 12 })
		for _, e := range events {
			e.Costs = e.Costs[:0]
			for k := range uint32(26) { // the distance in the alphabet
				e.Costs = append(e.Costs, event.Cost{Class: k, Cost: unit * math.Abs(float64(k)-e.Label)})
			}
			s := m.Learn(&e)
			if s.Reject != nil {
				t.Fatal(s.Reject)
			}
			costs[i] += s.Cost / float64(len(events))
		}
	}
	if math.Abs(costs[1]/costs[0]/1000-1) > 0.02 {
		t.Errorf("mean cost %v, with costs a thousand times as large %v", costs[0], costs[1])
	}
	// The best fixed letter costs 6.5; least squares that has seen all events before 4.65.
	atMost(t, "mean distance in the alphabet", costs[0], 5.4)
}

// Elkan's threshold (2001, theorem 1) is where the expected costs are equal; by it the mean
// cost of rare events is far below that of decisions at one half.
func TestDecisionByCosts(t *testing.T) {
	c := Default()
	c.FalsePositiveCost, c.FalseNegativeCost = 1, 19
	if got := c.Threshold(); got != 0.05 {
		t.Errorf("threshold %v, want 0.05", got)
	}
	cost := func(threshold float64) (mean float64) {
		m := newModel(t, func(cfg *Config) { *cfg = c })
		m.threshold = threshold
		for _, e := range spam(t) {
			s := m.Learn(&e)
			if right := s.Class == int(s.Label); right != (s.Cost == 0) || s.Cost > 1 && s.Class == 1 {
				t.Fatalf("class %d of %v costs %v", s.Class, s.Label, s.Cost)
			}
			mean += s.Cost
		}
		return mean
	}
	atMost(t, "cost by the threshold", cost(c.Threshold()), 0.75*cost(0.5))
}
