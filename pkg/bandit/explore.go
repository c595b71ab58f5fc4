package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// The functions of this file turn scores, rewards that are expected, into probabilities, in place.
// They are the exploration library of Vowpal Wabbit
// (https://github.com/VowpalWabbit/vowpal_wabbit/tree/master/vowpalwabbit/explore) but for ties, which share.

// greedy gives all to the highest score; those that tie share.
func greedy(p []float64) {
	best, ties := math.Inf(-1), 0.0
	for _, v := range p {
		switch {
		case v > best:
			best, ties = v, 1
		case v == best:
			ties++
		}
	}
	for i, v := range p {
		p[i] = 0
		if v == best {
			p[i] = 1 / ties
		}
	}
}

// epsilonGreedy is greedy, mixed with the uniform distribution.
func epsilonGreedy(p []float64, epsilon float64) {
	greedy(p)
	mixUniform(p, epsilon)
}

// mixUniform takes the share epsilon of p away in proportion and deals it out
// evenly. p must add up to 1.
func mixUniform(p []float64, epsilon float64) {
	each := epsilon / float64(len(p))
	for i, v := range p {
		p[i] = float64((1-epsilon)*v) + each
	}
}

// softmax makes p proportional to exp(lambda score).
func softmax(p []float64, lambda float64) {
	top := p[0]
	for _, v := range p {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range p {
		p[i] = portable.Exp(float64(lambda * (v - top)))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
}

// squareCB is inverse gap weighting (Foster and Rakhlin 2020,
// https://arxiv.org/abs/2002.04926): p_a = 1 / (K + gamma (best - score_a)), and the
// rest for the best score, the first of those that tie.
func squareCB(p []float64, gamma float64) {
	best := 0
	for i, v := range p {
		if v > p[best] {
			best = i
		}
	}
	top, rest, k := p[best], 1.0, float64(len(p))
	for i, v := range p {
		if i != best {
			p[i] = 1 / (k + float64(gamma*(top-v)))
			rest -= p[i]
		}
	}
	p[best] = rest
}

// votes makes p, counts of votes, proportional to them; without any vote the first has all.
func votes(p []float64) { Normalize(p) }
