package metric

import "github.com/streamlearner/streamlearner/internal/portable"

// logSum is a sum of weighted -log q. A product of the q of weight 1 takes the
// place of most logarithms; its rounding is that of as many additions.
type logSum struct {
	sum     float64
	product float64 // of the q that are not in sum; 0 for none
}

// smallProduct is below what the product is taken into the sum: no q is below
// clip, so that the product stays far from the smallest numbers.
const smallProduct = 1e-200

// add adds -weight log q, for clip <= q <= 1.
func (s *logSum) add(q, weight float64) {
	if weight != 1 {
		s.sum -= float64(weight * portable.Log(q))
		return
	}
	if s.product == 0 {
		s.product = 1
	}
	if s.product *= q; s.product < smallProduct {
		s.sum, s.product = s.value(), 1
	}
}

func (s *logSum) value() float64 {
	if s.product == 0 {
		return s.sum
	}
	return s.sum - portable.Log(s.product)
}
