package bandit

import "math"

// tree is a filter tree (Beygelzimer, Langford and Ravikumar 2009, Error-Correcting Tournaments,
// https://arxiv.org/abs/0902.3176) over bins in a row. A node splits a run of bins in half, and its regression says
// whether the winner of the lower half (below 0) or that of the upper half costs less. It is learned from the leaves up:
// the winners of the halves are an example of the cheaper side, weighed by the difference of their costs.
//
// An example teaches the nodes above the bins that it tells something about alone, so that its time grows with the logarithm of the bins: the others
// would only learn what costs are expected to be.
type tree struct {
	nodes  []diagonal // by the bin, less one, at which the upper half begins
	lambda float64
	cost   func(bin int) float64 // in the example at hand

	// The example at hand.
	first, last int // bins that it tells something about
	staged      []move
	gains       []float64 // of the nodes staged, one after the other
}

// move is what an example does to a node.
type move struct {
	node   int
	tau, w float64
}

// split returns where the upper half of the bins from low to before high begins.
func split(low, high int) int { return low + (high-low+1)/2 }

// pick returns the bin that wins for a vector; halves that tie leave it to the lower one. Below 0 means that x is not finite.
func (t *tree) pick(x []pair) int { return t.winner(x, 0, len(t.nodes)+1) }

// winner returns the bin that wins among those from low to before high.
func (t *tree) winner(x []pair, low, high int) int {
	for high-low > 1 {
		mid := split(low, high)
		switch z := t.nodes[mid-1].predict(x); {
		case math.IsNaN(z):
			return -1
		case z > 0:
			low = mid
		default:
			high = mid
		}
	}
	return low
}

// stage computes what an example of weight h, which tells something about the bins from first to last, does to the nodes. Not ok means that
// a number would leave its bounds.
func (t *tree) stage(x []pair, h float64, first, last int) (ok bool) {
	t.first, t.last = first, last
	t.staged, t.gains = t.staged[:0], t.gains[:0]
	_, ok = t.play(x, h, 0, len(t.nodes)+1)
	return ok
}

// play returns the cost of the winner of a run of bins, as its nodes decide once they have learned the example.
func (t *tree) play(x []pair, h float64, low, high int) (cost float64, ok bool) {
	if high-low == 1 {
		return t.cost(low), true
	}
	if high <= t.first || t.last < low {
		bin := t.winner(x, low, high)
		if bin < 0 {
			return 0, false
		}
		return t.cost(bin), true
	}
	mid := split(low, high)
	lower, ok := t.play(x, h, low, mid)
	if !ok {
		return 0, false
	}
	upper, ok := t.play(x, h, mid, high)
	if !ok || lower == upper {
		return lower, ok
	}
	side, w := 1.0, float64(h*(lower-upper))
	if w < 0 {
		side, w = -1, -w
	}
	g := &t.nodes[mid-1]
	from, z := len(t.gains), g.predict(x)
	var v float64
	t.gains, v = g.gain(x, 1, t.lambda, t.gains)
	tau := float64(w*(side-z)) / (1 + float64(w*v))
	if _, ok := g.moves(x, t.gains[from:], tau, w, 1, t.lambda); !ok {
		return 0, false
	}
	t.staged = append(t.staged, move{mid - 1, tau, w})
	if z+float64(tau*v) > 0 {
		return upper, true
	}
	return lower, true
}

// commit learns what was staged, with as many features.
func (t *tree) commit(x []pair, features int) {
	for k, m := range t.staged {
		g := &t.nodes[m.node]
		g.grow(features, t.lambda)
		g.learn(x, t.gains[k*len(x):], m.tau, m.w)
	}
}
