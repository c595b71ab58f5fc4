package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// The rule of conservative bandits (Wu, Shariff, Lattimore and Szepesvari 2016, https://arxiv.org/abs/1602.04282,
// section 3, baseline reward unknown): another arm than the baseline may be chosen only while, with high
// probability, the rewards of all decisions, the next included, are at least 1 - alpha times what the baseline would have earned.
// With n_a decisions for arm a, n in all, and confidence sequences of the means on [0, 1] that is
//
//	sum over a != 0 of n_a lower_a + (n_0 - (1 - alpha) (n + 1)) mu_0 >= 0
//
// for every mu_0 in the interval of the baseline. While the rule holds others back, the baseline earns the budget for them.

// conservativeDelta bounds the probability that a confidence sequence misses its mean at any time.
const conservativeDelta = 0.05

// radius is the half-width of a confidence sequence for a mean of n values in [0, 1], one of k:
// Howard, Ramdas, McAuliffe and Sekhon 2021, https://arxiv.org/abs/1810.08240, the bound of their introduction.
func radius(n float64, k int) float64 {
	loglog := portable.Log(portable.Log(2 * n))
	return float64(0.85 * math.Sqrt((loglog+float64(0.72*portable.Log(float64(10.4*float64(k))/conservativeDelta)))/n))
}

// holdsBack reports whether the rule leaves the baseline alone. It does before anything is known.
func (c *Config) holdsBack(t *arms) bool {
	if c.Conservative == 0 || t.baseline < 0 {
		return false
	}
	n, earned, low, high, own := 0.0, 0.0, 0.0, 1.0, 0.0
	for i := range t.list {
		events := float64(t.list[i].Events)
		n += events
		if events == 0 {
			continue
		}
		mean, r := c.scale(t.list[i].Reward/events), radius(events, t.len())
		if i == t.baseline {
			own, low, high = events, max(0, mean-r), min(1, mean+r)
		} else {
			earned += float64(events * max(0, mean-r))
		}
	}
	surplus := own - float64((1-c.Conservative)*(n+1))
	if surplus >= 0 {
		return earned+float64(surplus*low) < 0
	}
	return earned+float64(surplus*high) < 0
}
