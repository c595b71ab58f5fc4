package bandit

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// logged learns n decisions with random propensities and returns the largest evidence. With override, a tenth of the
// decisions for arm 0 go to arm 1 after all.
func logged(t *testing.T, seed uint64, n int, override bool) (most float64, at int) {
	t.Helper()
	c := config(UCB1, 4)
	m := newModel(t, c)
	r := rand.New(rand.NewPCG(seed, 9))
	for i := range n {
		p := make([]float64, 4)
		for a := range p {
			p[a] = r.ExpFloat64()
		}
		Normalize(p)
		arm := Choose(p, r.Float64())
		prob := p[arm]
		if override && arm == 0 && r.IntN(10) == 0 {
			arm = 1 // the service shows another arm and logs that with the propensity of it
			prob = p[1]
		}
		m.arms.weigh(arm, prob, nil)
		if e := m.Evidence(); e > most {
			most, at = e, i
		}
	}
	return most, at
}

func TestEvidenceAgainstPropensities(t *testing.T) {
	var right []float64
	for seed := range uint64(20) {
		most, _ := logged(t, seed, 5_000, false)
		right = append(right, most)
		if most, at := logged(t, seed, 20_000, true); most < 1e6 {
			t.Errorf("seed %d: a tenth of the decisions for an arm were given to another: evidence %v, at decision %d", seed, most, at)
		}
	}
	// At most one run of length 5,000 in 20 exceeds 1e5 on average: none of these should.
	if worst := slices.Max(right); worst > 1e5 {
		t.Errorf("with right propensities the evidence reached %v", worst)
	}
}

// A policy that always chooses one arm is no evidence.
func TestEvidenceOfACertainChoice(t *testing.T) {
	m := newModel(t, config(UCB1, 2))
	for range 10_000 {
		m.arms.weigh(1, 1, nil)
	}
	if e := m.Evidence(); e > 1 {
		t.Errorf("evidence %v", e)
	}
}
