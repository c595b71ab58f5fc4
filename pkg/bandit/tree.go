package bandit

import "math"

// tree is a filter tree (Beygelzimer, Langford and Ravikumar 2009, Error-Correcting Tournaments,
// https://arxiv.org/abs/0902.3176) over bins in a row. A node splits a run of bins in half, and its regression says
// whether the winner of the lower half (below 0) or that of the upper half costs less. It is learned from the leaves up:
// the winners of the halves are an example of the cheaper side, weighed by the difference of their costs.
type tree struct {
	nodes  []diagonal // by the bin, less one, at which the upper half begins
	lambda float64

	staged []move // of the example at hand
}

// move is what an example does to a node.
type move struct {
	node   int
	tau, w float64
}

// split returns where the upper half of the bins from low to before high begins.
func split(low, high int) int { return low + (high-low+1)/2 }

// pick returns the bin that wins for a vector; halves that tie leave it to the lower one. Below 0 means that x is not finite.
func (t *tree) pick(x []pair) int {
	low, high := 0, len(t.nodes)+1
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

// stage computes what an example of weight h, with a cost for every bin, does to the nodes. Not ok means that a number would leave its bounds.
func (t *tree) stage(x []pair, h float64, costs []float64) (ok bool) {
	t.staged = t.staged[:0]
	_, ok = t.play(x, h, costs, 0, len(costs))
	return ok
}

// play returns the cost of the winner of a run of bins, as its nodes decide once they have learned the example.
func (t *tree) play(x []pair, h float64, costs []float64, low, high int) (winner float64, ok bool) {
	if high-low == 1 {
		return costs[low], true
	}
	mid := split(low, high)
	lower, ok := t.play(x, h, costs, low, mid)
	if !ok {
		return 0, false
	}
	upper, ok := t.play(x, h, costs, mid, high)
	if !ok || lower == upper {
		return lower, ok
	}
	side, w := 1.0, float64(h*(lower-upper))
	if w < 0 {
		side, w = -1, -w
	}
	g := &t.nodes[mid-1]
	z, v := g.predict(x), g.variance(x, 1, t.lambda)
	tau := float64(w*(side-z)) / (1 + float64(w*v))
	if _, ok := g.moves(x, tau, w, 1, t.lambda); !ok {
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
	for _, m := range t.staged {
		g := &t.nodes[m.node]
		g.grow(features, t.lambda)
		g.learn(x, m.tau, m.w)
	}
}
