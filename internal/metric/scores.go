package metric

import (
	"math"
	"slices"
)

// calibrationBins is the number of bins of the calibration error.
const calibrationBins = 15

// scores keeps every prediction, by class.
type scores struct{ pos, neg class }

// class is the predictions of the events of one class.
type class struct {
	score  []float64
	weight []float64 // nil while every weight is 1
}

func (c *class) add(score, weight float64) {
	if c.weight == nil && weight != 1 {
		c.weight = slices.Repeat([]float64{1}, len(c.score))
	}
	if len(c.score) == cap(c.score) {
		c.score = slices.Grow(c.score, max(1<<10, len(c.score))) // append would copy each score five times
	}
	c.score = append(c.score, score)
	if c.weight != nil {
		c.weight = append(c.weight, weight)
	}
}

// takeTies returns the weight of the scores equal to v from index i on, and
// the index after them.
func (c *class) takeTies(i int, v float64) (weight float64, next int) {
	for ; i < len(c.score) && c.score[i] == v; i++ {
		if c.weight == nil {
			weight++
		} else {
			weight += c.weight[i]
		}
	}
	return weight, i
}

func (s *scores) add(score float64, positive bool, weight float64) {
	if math.IsNaN(score) { // models promise finite predictions; a NaN equals nothing and would never leave groups
		score = 0
	}
	c := &s.neg
	if positive {
		c = &s.pos
	}
	c.add(score, weight)
}

func (s *scores) sort() {
	s.pos.sort()
	s.neg.sort()
}

// groups calls fn for each distinct score in ascending order with the weight
// of the positive and of the negative events that have it. Both classes must
// be sorted.
func (s *scores) groups(fn func(score, pos, neg float64)) {
	i, j := 0, 0
	for i < len(s.pos.score) || j < len(s.neg.score) {
		v := math.Inf(1)
		if i < len(s.pos.score) {
			v = s.pos.score[i]
		}
		if j < len(s.neg.score) {
			v = min(v, s.neg.score[j])
		}
		var wp, wn float64
		wp, i = s.pos.takeTies(i, v)
		wn, j = s.neg.takeTies(j, v)
		fn(v, wp, wn)
	}
}

// auc returns the probability that a positive event scores above a negative
// one, ties counted half (Mann and Whitney 1947).
func (s *scores) auc(positive, negative float64) float64 {
	var wins, below float64
	s.groups(func(_, pos, neg float64) {
		wins += float64(pos * (below + float64(neg/2)))
		below += neg
	})
	return wins / positive / negative
}

// calibration returns the calibration error over bins of equal weight, or nil
// when there is no event. An event, or a group of events with the same score,
// that straddles a border is divided between the bins in proportion, so the
// result does not depend on the order of ties.
func calibration(total float64, groups func(fn func(score, pos, neg float64))) *float64 {
	if total == 0 {
		return nil
	}
	size := total / calibrationBins
	var sum, filled, gap float64 // gap: sum of weight * (prediction - label) in the open bin
	groups(func(score, pos, neg float64) {
		rest := pos + neg
		perWeight := score - pos/rest
		for filled+rest >= size {
			part := size - filled
			sum += math.Abs(gap + float64(part*perWeight))
			rest -= part
			filled, gap = 0, 0
		}
		filled += rest
		gap += float64(rest * perWeight)
	})
	return ptr((sum + math.Abs(gap)) / total)
}
