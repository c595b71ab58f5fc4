package bandit

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Rewards that come late make the same bandit as if they had come in time.
func TestCorrectedIsAsIfLearnedInTime(t *testing.T) {
	policies := []string{LinUCB, LinTS, Greedy, Softmax, SquareCB, RegCB, RegCBElim, Thompson, Ladder, Normal, UCB1, KLUCB}
	ages := map[string]func(*Config){
		"forever":   func(*Config) {},
		"half-life": func(c *Config) { c.HalfLife = 64 * time.Second },
		"window":    func(c *Config) { c.Window = 80 * time.Second },
	}
	for _, policy := range policies {
		for name, age := range ages {
			for _, features := range []string{Disjoint, Shared} {
				if policy == RegCBElim && features == Shared {
					continue // it needs weights of its own for every arm
				}
				c := Default()
				c.Policy, c.Features, c.Arms, c.RewardMin, c.RewardMax = policy, features, []string{"a", "b", "c"}, -1, 3
				age(&c)
				if policy == Ladder {
					c.RewardMin, c.Limits = 0, []Limit{{Arm: "a", Price: 1}, {Arm: "b", Price: 2}, {Arm: "c", Price: 3}}
				}
				late, inTime := model(t, c), model(t, c)
				if !late.CanCorrect() {
					t.Fatalf("policy %s cannot be corrected", policy)
				}
				type due struct {
					at       int
					receipt  []byte
					old, now float64
				}
				var waiting []due
				r := rand.New(rand.NewPCG(1, 2))
				var e event.Event
				for i := range 300 {
					e.Reset()
					e.Time, e.Arm, e.Prob, e.Labelled, e.Weight = int64(1e12)+int64(i)*1000-r.Int64N(5000), r.IntN(3), 0.5, true, 0.5+r.Float64()
					for k := range 1 + r.IntN(6) { // features appear over time
						e.X.Dense = append(e.X.Dense, event.Feature{Hash: uint64(k + 1), Value: 3 + 5*r.NormFloat64()})
					}
					e.Label = max(c.RewardMin, 4*r.Float64()-1)
					true1 := e.Label
					if s := inTime.Learn(&e); s.Reject != nil {
						t.Fatal(s.Reject)
					}
					wrong := i%3 == 0
					if wrong {
						e.Label = 0
					}
					late.Learn(&e)
					if wrong {
						waiting = append(waiting, due{i + r.IntN(60), late.AppendReceipt(nil), 0, true1})
					}
					for k := 0; k < len(waiting); k++ {
						if w := waiting[k]; w.at <= i || i == 299 {
							if rej := late.Correct(w.receipt, w.old, w.now); rej != nil {
								t.Fatal(rej)
							}
							waiting = append(waiting[:k], waiting[k+1:]...)
							k--
						}
					}
				}
				p, q := late.Distribution(&e, nil, nil), inTime.Distribution(&e, nil, nil)
				for a := range p {
					e.Arm = a
					if u, v := late.Predict(&e).Prediction, inTime.Predict(&e).Prediction; math.Abs(u-v) > 1e-9 || math.Abs(p[a]-q[a]) > 1e-9 {
						t.Errorf("%s %s %s, arm %d: predicts %v with probability %v, in time %v with %v", policy, name, features, a, u, p[a], v, q[a])
					}
				}
			}
		}
	}
}

func model(t testing.TB, c Config) *Model {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCorrectionsThatAreRefusedChangeNothing(t *testing.T) {
	c := Default()
	c.Policy, c.Arms = LinTS, []string{"a", "b"}
	m := model(t, c)
	e := event.Event{Arm: 1, Prob: 1, Weight: 1, Label: 1, Labelled: true, X: event.Vector{Dense: []event.Feature{{Hash: 1, Value: 2}}}}
	m.Learn(&e)
	receipt := m.AppendReceipt(nil)
	before, _ := m.AppendBinary(nil)
	if rej := m.Correct(receipt, 1, 7); rej == nil || rej.Reason != event.RewardInvalid {
		t.Errorf("reward 7: %v", rej)
	}
	if rej := m.Correct(receipt, 1, math.NaN()); rej == nil || rej.Reason != event.RewardInvalid {
		t.Errorf("reward NaN: %v", rej)
	}
	for n := range receipt {
		if rej := m.Correct(receipt[:n], 1, 0); rej == nil {
			t.Errorf("%d bytes of a receipt were taken", n)
		}
	}
	foreign := bytes.Clone(receipt)
	foreign[0] = 9 // an arm that there is not
	if rej := m.Correct(foreign, 1, 0); rej == nil {
		t.Error("arm 9 was taken")
	}
	if after, _ := m.AppendBinary(nil); !bytes.Equal(before, after) {
		t.Error("a refused correction changed the model")
	}
	for _, policy := range []string{Bag, Logistic, Cover, EXP3, EXP3IX, Gradient, Reinforce} {
		c.Policy = policy
		if m := model(t, c); m.CanCorrect() || m.Correct(receipt, 1, 0) == nil {
			t.Errorf("policy %s claims to take rewards back", policy)
		}
	}
	c.Policy, c.Matrix = LinTS, "diagonal"
	if m := model(t, c); m.CanCorrect() {
		t.Error("the diagonal of a matrix claims to take rewards back")
	}
}

// What an arm learned before it was removed has gone, so that nothing corrects it once the arm is back.
func TestAnArmThatCameBackIsNotCorrectedByWhatWasBefore(t *testing.T) {
	c := Default()
	c.Policy, c.Arms, c.Drain, c.NewPrior = LinTS, []string{"a", "b"}, time.Hour, 0
	m := model(t, c)
	hour := time.Hour.Milliseconds()
	learn := func(arm int, at int64) []byte {
		t.Helper()
		e := event.Event{Time: at, Arm: arm, Prob: .5, Weight: 1, Labelled: true, X: event.Vector{Dense: []event.Feature{{Hash: 1, Value: 2}}}}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
		return m.AppendReceipt(nil)
	}
	old := learn(1, hour)
	for _, kind := range []string{event.ArmRemove, event.ArmAdd} {
		if err := m.ChangeArm(event.ArmChange{Kind: kind, Arm: "b"}); err != nil {
			t.Fatal(err)
		}
		learn(0, 9*hour) // the time to drain is over
	}
	before, _ := m.AppendBinary(nil)
	if rej := m.Correct(old, 0, 1); rej == nil || rej.Reason != event.ArmUnknown {
		t.Errorf("a reward from before the removal: %v", rej)
	}
	if after, _ := m.AppendBinary(nil); !bytes.Equal(before, after) {
		t.Error("it changed the bandit")
	}
	if rej := m.Correct(learn(1, 10*hour), 0, 1); rej != nil {
		t.Errorf("a reward from after the return: %v", rej)
	}
}
