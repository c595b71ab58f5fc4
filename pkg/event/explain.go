package event

import (
	"cmp"
	"math"
	"slices"
)

// Term is what one feature adds to the margin of an event.
type Term struct {
	Hash         uint64
	Value        float64 // as the event has it
	X            float64 // as the model sees it: a numeric field in standard deviations from its mean, unless they are used as they are
	Weight       float64 // of X, in units of the margin
	Contribution float64 // Weight times X, and for models of pairs half of the pairs that the feature is in
}

// Explanation divides the margin of an event among its features: Margin is
// Intercept plus the contributions. Margin is that of Step, before it is
// bounded; with several classes it is the linear score of the predicted class.
type Explanation struct {
	Margin    float64
	Intercept float64
	Class     int    // predicted class; 0 for other models
	Classes   int    // number of classes; 0 for other models
	Terms     []Term // largest contribution first; of equal ones the smaller hash
}

// Sort puts the terms in their order.
func (x *Explanation) Sort() {
	slices.SortFunc(x.Terms, func(a, b Term) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution)), cmp.Compare(a.Hash, b.Hash))
	})
}

// Weight is a weight of a model.
type Weight struct {
	// ID is the feature: its hash, or with hashing the low Bits of it.
	ID        uint64
	Intercept bool // then ID means nothing
	Class     int  // 0 for models of one score
	Value     float64
	// Impact is Value times the typical size of the feature's value: the standard
	// deviation of a numeric field that is used as it is, and else 1.
	Impact float64
}

// Weights are the weights of a model that are not 0, in units of the margin.
type Weights struct {
	Bits int // low bits of a hash that tell features apart; 64 without hashing
	List []Weight
}

// FieldStats are the statistics of a numeric field that a model has learned.
type FieldStats struct {
	Hash     uint64
	Mean, SD float64
	Events   uint64 // learned events that had the field
}
