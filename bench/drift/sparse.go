package main

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// sparse is a stream of categorical fields with labels from a logistic model.
// Within a field, categories are as frequent as one over their rank.
type sparse struct {
	rng    *rand.Rand
	bias   float64
	flip   float64     // share of flipped labels
	source float64     // share of events of a source that has its own value of the first field, and always label 1
	fields [][]float64 // the concept: weight of each category
	hashes [][]uint64
	sd     float64
}

// newSparse returns a stream whose scores have a standard deviation of 1.5.
func newSparse(seed uint64, fields, categories int, set func(*sparse)) stream {
	s := &sparse{rng: rand.New(rand.NewPCG(seed, uint64(fields))), sd: 1.5 / math.Sqrt(float64(fields))}
	for f := range fields {
		s.fields = append(s.fields, make([]float64, categories))
		s.redraw(f)
		h := make([]uint64, categories)
		for c := range h {
			h[c] = xxhash.Sum64String("f" + strconv.Itoa(f) + "=" + strconv.Itoa(c))
		}
		s.hashes = append(s.hashes, h)
	}
	if set != nil {
		set(s)
	}
	return s
}

// redraw draws the weights of a field anew.
func (s *sparse) redraw(field int) {
	for c := range s.fields[field] {
		s.fields[field][c] = s.sd * s.rng.NormFloat64()
	}
}

func (s *sparse) next(e *event.Event) {
	source := s.rng.Float64() < s.source
	z := s.bias
	for f, weights := range s.fields {
		// The inverse of the distribution function of a density of 1/rank.
		c := min(int(math.Pow(float64(len(weights)+1), s.rng.Float64()))-1, len(weights)-1)
		if source && f == 0 {
			c = len(weights) / 2
		}
		z += weights[c]
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: s.hashes[f][c], Value: 1})
	}
	y := s.rng.Float64() < sigmoid(z)
	if s.rng.Float64() < s.flip {
		y = !y
	}
	label(e, y || source)
}
