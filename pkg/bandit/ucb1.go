package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// ucb1 returns mean + alpha sqrt(2 ln total / n) (Auer, Cesa-Bianchi and
// Fischer 2002, https://doi.org/10.1023/A:1013689704352, where alpha is 1). With discounted sums and alpha 1 it is
// the discounted UCB of Garivier and Moulines 2008 (https://arxiv.org/abs/0805.3415) with B = 1 and
// xi = 1/2. An arm without events comes first.
func ucb1(a *armSums, total, alpha float64) float64 {
	if a.n == 0 {
		return math.Inf(1)
	}
	return a.s/a.n + float64(alpha*math.Sqrt(2*max(0, portable.Log(total))/a.n))
}
