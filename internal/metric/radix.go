package metric

import (
	"math"
	"slices"
)

const (
	digitBits = 11
	digits    = (64 + digitBits - 1) / digitBits
	buckets   = 1 << digitBits
)

// key maps numbers to whole numbers of the same order; NaN is not expected.
func key(v float64) uint64 {
	b := math.Float64bits(v)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// digit returns digit d of a key, the lowest first.
func digit(k uint64, d int) int { return int(k >> (d * digitBits) & (buckets - 1)) }

// sort orders the scores, and with them the weights, by a radix sort. Its upper
// digits nearly put scores in order; where they do not, the lower ones are needed, too.
func (c *class) sort() {
	if len(c.score) < 2*buckets {
		c.sortFew()
		return
	}
	c.radix(digits / 2)
	if !c.insert() {
		c.radix(0)
	}
}

// radix sorts by the digits from low on, the lowest first.
func (c *class) radix(low int) {
	n := len(c.score)
	var all [digits][buckets]int
	counts := all[low:]
	for _, v := range c.score {
		k := key(v)
		for d := range counts {
			counts[d][digit(k, low+d)]++
		}
	}
	score, weight := make([]float64, n), []float64(nil)
	if c.weight != nil {
		weight = make([]float64, n)
	}
	for d := range counts {
		next := &counts[d]
		if next[digit(key(c.score[0]), low+d)] == n {
			continue // all have the same digit
		}
		at := 0
		for i, count := range next {
			next[i] = at
			at += count
		}
		for i, v := range c.score {
			to := &next[digit(key(v), low+d)]
			score[*to] = v
			if weight != nil {
				weight[*to] = c.weight[i]
			}
			*to++
		}
		c.score, score = score, c.score
		c.weight, weight = weight, c.weight
	}
}

// insert moves each score before those that are greater. It gives up, and
// returns false, when there are many.
func (c *class) insert() bool {
	moves := 8 * len(c.score)
	for i := 1; i < len(c.score); i++ {
		v, to := c.score[i], i
		for to > 0 && c.score[to-1] > v {
			to--
		}
		if to == i {
			continue
		}
		if moves -= i - to; moves < 0 {
			return false
		}
		copy(c.score[to+1:i+1], c.score[to:i])
		c.score[to] = v
		if c.weight != nil {
			w := c.weight[i]
			copy(c.weight[to+1:i+1], c.weight[to:i])
			c.weight[to] = w
		}
	}
	return true
}

// sortFew is sort for a class so small that its digits are not worth counting.
func (c *class) sortFew() {
	if c.weight == nil {
		slices.Sort(c.score)
		return
	}
	order := make([]int, len(c.score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case c.score[i] < c.score[j]:
			return -1
		case c.score[i] > c.score[j]:
			return 1
		}
		return 0
	})
	score, weight := make([]float64, len(order)), make([]float64, len(order))
	for to, from := range order {
		score[to], weight[to] = c.score[from], c.weight[from]
	}
	c.score, c.weight = score, weight
}
