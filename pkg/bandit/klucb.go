package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// klUCB returns the largest mean m with n kl(mean, m) <= ln total, kl the
// divergence of Bernoulli distributions (Garivier and Cappe 2011, The KL-UCB
// Algorithm for Bounded Stochastic Bandits and Beyond, https://arxiv.org/abs/1102.2490, with c = 0). An arm without
// events comes first.
func klUCB(a *armSums, total float64) float64 {
	if a.n == 0 {
		return math.Inf(1)
	}
	mean, most := min(1, a.s/a.n), max(0, portable.Log(total))/a.n
	low, high := mean, 1.0
	for range 52 {
		m := (low + high) / 2
		if bernoulliKL(mean, m) > most {
			high = m
		} else {
			low = m
		}
	}
	return low
}

// bernoulliKL returns p ln(p/q) + (1-p) ln((1-p)/(1-q)) for q in (0, 1).
func bernoulliKL(p, q float64) float64 {
	kl := 0.0
	if p > 0 {
		kl += float64(p * portable.Log(p/q))
	}
	if p < 1 {
		kl += float64((1 - p) * portable.Log((1-p)/(1-q)))
	}
	return kl
}
