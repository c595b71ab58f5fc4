package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// laplace is the step of Bayesian logistic regression with the Laplace
// approximation (Chapelle and Li 2011, algorithm 3,
// https://papers.nips.cc/paper/4321-an-empirical-evaluation-of-thompson-sampling): with the prior
// N(m, Q^-1), margin z = x'm and variance v = x'Q^-1 x, an event of reward y
// in [0, 1] and weight h moves the mode to m + tau Q^-1 x, where
//
//	tau = h (y - sigmoid(z + tau v)),
//
// and adds w x x' to the precision, w = h p (1-p) at the new mode. Newton's method, kept
// within the bracket between 0 and h (y - sigmoid(z)).
func laplace(z, v, y, h float64) (tau, w float64) {
	low := float64(h * (y - portable.Sigmoid(z)))
	low, high := min(low, 0), max(low, 0)
	for range 60 {
		p := portable.Sigmoid(z + float64(tau*v))
		g := tau - float64(h*(y-p)) // increasing in tau
		if g > 0 {
			high = tau
		} else {
			low = tau
		}
		next := tau - g/(1+float64(float64(float64(h*v)*p)*(1-p)))
		if !(next >= low && next <= high) {
			next = (low + high) / 2
		}
		if math.Abs(next-tau) <= 1e-15*math.Abs(tau) {
			break
		}
		tau = next
	}
	p := portable.Sigmoid(z + float64(tau*v))
	return tau, float64(float64(h*p) * (1 - p))
}
