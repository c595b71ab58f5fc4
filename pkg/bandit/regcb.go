package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// regCB is RegCB (Foster, Agarwal, Dudik, Luo and Schapire 2018, Practical Contextual
// Bandits with Regression Oracles, https://arxiv.org/abs/1803.01088) with ridge regression, whose
// confidence set {theta: excess loss <= width^2} gives an arm the rewards z +- width sd in closed
// form; they are cut to [0, 1].
//
// Optimistic, it chooses the arms with the highest upper end. By elimination, it chooses evenly
// among all arms that may be the best: whose upper end is not below the highest lower end.
func regCB(z, sd []float64, width float64, elimination bool) {
	lowest := math.Inf(-1)
	for i := range z {
		w := float64(width * sd[i])
		lowest = max(lowest, min(1, max(0, z[i]-w)))
		z[i] = min(1, max(0, z[i]+w))
	}
	if elimination {
		for i, high := range z {
			z[i] = 0
			if high >= lowest {
				z[i] = 1
			}
		}
	}
	greedy(z)
}

// mellowness returns the factor of the confidence set.
func (c *Config) mellowness() float64 {
	switch {
	case c.Mellowness != -1:
		return c.Mellowness
	case c.Policy == RegCBElim:
		return 0.003
	}
	return 0.01
}

// regWidth returns the square root of the excess loss that the confidence set allows after t
// events with K arms: mellowness log(K t), as in Vowpal Wabbit.
func (c *Config) regWidth(arms int, t uint64) float64 {
	return math.Sqrt(float64(c.mellowness() * portable.Log(float64(arms)*float64(max(t, 1)))))
}
