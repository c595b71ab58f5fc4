package bandit

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// What could not be chosen says nothing of the arms that could: with two of three arms
// eligible the policies learn what they learn with two arms.
func TestLearnAmongEligibleArms(t *testing.T) {
	for _, policy := range []string{Gradient, Reinforce, Cover} {
		few := config(policy, 2)
		few.Standardize, few.Floor = "off", 0
		all := few
		all.Arms = append([]string{"never"}, few.Arms...)
		two, three := newModel(t, few), newModel(t, all)
		for i := range 200 {
			e := event.Event{Weight: 1, Labelled: true, Arm: i % 2, Prob: 0.5, Label: float64(i * 7 % 10 / 5)}
			e.X.Dense = []event.Feature{{Hash: 7, Value: float64(i%5) - 2}}
			if s := two.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
			e.Arm, e.Eligible = e.Arm+1, []bool{false, true, true}
			if s := three.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		e := event.Event{X: event.Vector{Dense: []event.Feature{{Hash: 7, Value: 2}}}}
		want, got := two.Distribution(&e, nil, nil), three.Distribution(&e, []bool{false, true, true}, nil)
		for a, p := range want {
			if math.Abs(got[a+1]-p) > 1e-12 {
				t.Errorf("%s: probabilities %v among the eligible, want %v", policy, got[1:], want)
			}
		}
		if got[0] != 0 {
			t.Errorf("%s: an arm that is not eligible has probability %v", policy, got[0])
		}
	}
}
