package bandit

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// The draws follow the distribution function of gonum, by the statistic of Kolmogorov and Smirnov, which is
// above 1.95 / sqrt(n) once in a thousand samples.
func TestBetaDraws(t *testing.T) {
	const n = 5000
	for _, b := range []beta{{1, 1}, {0.3, 2}, {0.1, 0.1}, {4, 7}, {300, 20}, {1e6, 1e5}} {
		reference := distuv.Beta{Alpha: b.alpha, Beta: b.beta}
		var u []float64
		for m := range n {
			x := b.draw(17, 3, m)
			if !(x >= 0 && x <= 1) {
				t.Fatalf("%v: draw %v", b, x)
			}
			u = append(u, reference.CDF(x))
		}
		slices.Sort(u)
		distance := 0.0
		for i, v := range u {
			distance = max(distance, v-float64(i)/n, float64(i+1)/n-v)
		}
		if distance > 1.95/math.Sqrt(n) {
			t.Errorf("%v: distance %.4f", b, distance)
		}
	}
}

// The closest falling numbers are means of pools in which every beginning lies below the mean (the conditions of Karush, Kuhn and Tucker).
func TestFalling(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		var x []pool
		var pools []pool
		for range 1 + r.IntN(12) {
			x = append(x, pool{float64(r.IntN(20)) / 20, 1 + r.ExpFloat64(), 1})
			pools = falling(pools, x[len(x)-1])
		}
		i := 0
		for k, p := range pools {
			if k > 0 && p.mean > pools[k-1].mean {
				t.Fatalf("%v rises: %v", x, pools)
			}
			sum := 0.0
			for j := range p.n {
				if sum += x[i].weight * (x[i].mean - p.mean); sum > 1e-9 || j == p.n-1 && sum < -1e-9 {
					t.Fatalf("%v: %v, sum %v at %d of pool %d", x, pools, sum, j, k)
				}
				i++
			}
		}
		if i != len(x) {
			t.Fatalf("%d of %d numbers", i, len(x))
		}
	}
}

// ladderOf is a bandit of the prices 1, 2 and 3.
func ladderOf(t *testing.T, policy string) *Model {
	c := config(policy, 3)
	c.RewardMax, c.Floor, c.Limits = 3, 0, []Limit{{Arm: "a0", Price: 1}, {Arm: "a1", Price: 2}, {Arm: "a2", Price: 3}}
	return newModel(t, c)
}

// offer learns n offers of an arm, of which some are sold.
func offer(t *testing.T, m *Model, arm, sold, n int, margin float64) {
	t.Helper()
	for i := range n {
		e := event.Event{Arm: arm, Prob: 0.5, Weight: 1, Labelled: true}
		if i < sold {
			e.Label = margin
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
}

// What is sold at lower prices bounds what a higher one can sell: a price that was never offered need not be tried.
func TestLadderLearnsOfNeighbours(t *testing.T) {
	for policy, want := range map[string]struct{ low, high float64 }{Ladder: {0.97, 1}, Thompson: {0, 0.6}} {
		m := ladderOf(t, policy)
		offer(t, m, 0, 500, 1000, 1) // 0.5 a visitor
		offer(t, m, 1, 100, 1000, 2) // 0.2 a visitor; at 3 at most 0.3
		if p := m.Distribution(&event.Event{}, nil, nil); p[0] < want.low || p[0] > want.high {
			t.Errorf("%s: %v", policy, p)
		}
	}
}

func TestLadderKeepsSalesWhenPricesChange(t *testing.T) {
	m := ladderOf(t, Ladder)
	offer(t, m, 1, 100, 200, 2)
	if err := m.ChangeArm(event.ArmChange{Kind: event.ArmPrice, Arm: "a1", Price: 2.5}); err != nil {
		t.Fatal(err)
	}
	e := event.Event{Arm: 1, Weight: 1}
	if want, got := 2.5*101/202, m.Predict(&e).Prediction; math.Abs(got-want) > 1e-12 {
		t.Errorf("predicted %v, want %v", got, want)
	}
	for _, c := range []event.ArmChange{
		{Kind: event.ArmAdd, Arm: "free"},
		{Kind: event.ArmPrice, Arm: "a1"},
		{Kind: event.ArmAdd, Arm: "dear", Price: 3.5},
	} {
		if err := m.ChangeArm(c); err == nil || !strings.Contains(err.Error(), "price") && !strings.Contains(err.Error(), "reward_max") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
