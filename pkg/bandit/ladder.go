package bandit

import (
	"cmp"
	"math"
	"slices"
)

// ladder chooses among prices of one product (Thompson sampling). The demand at a price is the probability
// of a sale, with a Beta posterior, and no higher at a higher price. A draw from the posterior under that constraint is one
// from the posteriors of the prices, projected to the closest falling demand (Lin and Dunson 2014,
// https://arxiv.org/abs/1306.4041). A price has the probability that price less cost, times demand, is the largest.
// So what is sold at one price also tells of the others.
//
// The draws are the same for all decisions: the probabilities are a function of the state.
func (s *counts) ladder(eligible []bool, p []float64) {
	rungs := s.rungs()
	posteriors, pools := make([]beta, len(rungs)), make([]pool, 0, len(rungs))
	for i, a := range rungs {
		posteriors[i] = s.demand(a)
	}
	seed := s.key.seed(nil)
	demand := make([]float64, len(p))
	winner := make([]uint16, s.cfg.Draws)
	for m := range winner {
		pools = pools[:0]
		for i, a := range rungs {
			b := posteriors[i]
			pools = falling(pools, pool{b.draw(seed, a, m), b.alpha + b.beta, 1})
		}
		i := 0
		for _, q := range pools {
			for range q.n {
				demand[rungs[i]] = q.mean
				i++
			}
		}
		best := math.Inf(-1)
		for a := range p {
			if !isEligible(eligible, a) {
				continue
			}
			if worth := float64(demand[a] * s.margin(a)); worth > best {
				best, winner[m] = worth, uint16(a)
			}
		}
	}
	tally(winner, p)
}

// rungs are the arms that are not removed, from the lowest price up.
func (s *counts) rungs() (rungs []int) {
	for a := range s.arms.list {
		if s.arms.list[a].Status != ArmRemoved {
			rungs = append(rungs, a)
		}
	}
	slices.SortStableFunc(rungs, func(a, b int) int { return cmp.Compare(s.arms.list[a].Price, s.arms.list[b].Price) })
	return rungs
}

// margin is what a sale of an arm earns.
func (s *counts) margin(arm int) float64 { return s.arms.list[arm].Price - s.cfg.Cost }

// demand returns the posterior of the probability of a sale at the price of an arm.
func (s *counts) demand(arm int) beta {
	const most = 1e12 // observations: beyond it draws do not differ, and differences of large numbers would
	a := &s.sums[arm]
	b := beta{s.cfg.PriorAlpha + a.w, s.cfg.PriorBeta + max(0, a.n-a.w)}
	if n := b.alpha + b.beta; n > most {
		b = beta{max(0.1, float64(b.alpha*(most/n))), max(0.1, float64(b.beta*(most/n)))}
	}
	return b
}

// pool is a run of neighbouring rungs with the weighted mean of their values.
type pool struct {
	mean, weight float64
	n            int
}

// falling adds a rung to pools of falling means, by pooling adjacent violators (Ayer et al. 1955,
// https://doi.org/10.1214/aoms/1177728423): they hold the closest numbers that never rise, by weighted squares.
func falling(pools []pool, next pool) []pool {
	for len(pools) > 0 && pools[len(pools)-1].mean < next.mean {
		last := pools[len(pools)-1]
		pools = pools[:len(pools)-1]
		weight := last.weight + next.weight
		next = pool{(float64(last.weight*last.mean) + float64(next.weight*next.mean)) / weight, weight, last.n + next.n}
	}
	return append(pools, next)
}
