package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// distribute turns the margins of the eligible arms, and their standard deviations, into probabilities.
func (s *linear) distribute(e *event.Event, eligible []bool, p []float64) {
	c := s.cfg
	switch c.Policy {
	case LinUCB, RegCB, RegCBElim:
		s.bounded(e, eligible, p)
	case LinTS, Logistic:
		s.thompson(e, eligible, p)
	case Bag:
		s.bag(e, eligible, p)
	default:
		s.margins(e, eligible, 0, p, nil)
		q := compress(p, eligible)
		switch c.Policy {
		case Softmax:
			softmax(q, 1/c.Temperature)
		case SquareCB:
			squareCB(q, c.squareGamma(s.features.events))
		default:
			epsilonGreedy(q, c.Epsilon)
		}
		expand(p, len(q), eligible)
	}
}

// squareGamma returns the learning rate of SquareCB after t events.
func (c *Config) squareGamma(t uint64) float64 {
	if t == 0 {
		return 0
	}
	return float64(c.GammaScale * portable.Exp(float64(c.GammaExponent*portable.Log(float64(t)))))
}

// bounded serves the policies with confidence bounds.
func (s *linear) bounded(e *event.Event, eligible []bool, p []float64) {
	var memory [maxArms]float64
	sd := memory[:len(p)]
	s.margins(e, eligible, 0, p, sd)
	q, width := compress(p, eligible), compress(sd, eligible)
	switch s.cfg.Policy {
	case LinUCB:
		for i := range q {
			q[i] += float64(s.cfg.Alpha * width[i])
		}
		greedy(q)
	default:
		regCB(q, width, s.cfg.regWidth(len(q), s.features.events), s.cfg.Policy == RegCBElim)
	}
	expand(p, len(q), eligible)
}

// bag gives every arm the share of the members that think it is best.
func (s *linear) bag(e *event.Event, eligible []bool, p []float64) {
	var memory, counts [maxArms]float64
	votesFor := counts[:len(p)]
	for b := range s.members() {
		z := memory[:len(p)]
		s.margins(e, eligible, b, z, nil)
		q := compress(z, eligible)
		greedy(q)
		for i, v := range q {
			votesFor[i] += v
		}
	}
	n := len(compress(p, eligible))
	copy(p, votesFor[:n])
	votes(p[:n])
	expand(p, n, eligible)
}

// onStack is how many features an event may have without scoring it taking memory from the heap.
const onStack = 256

// margins computes the margin x'theta of every eligible arm by a member, and, unless sd is nil, its
// standard deviation sqrt(x'A^-1 x).
func (s *linear) margins(e *event.Event, eligible []bool, member int, z, sd []float64) {
	if s.full != nil && s.cfg.Features == Disjoint && len(e.Actions) == 0 {
		s.commonMargins(e, eligible, member, z, sd)
		return
	}
	var contextMemory [onStack]feature
	var pairMemory [onStack]pair
	var dense [maxFull]float64
	context := s.features.scored(e, contextMemory[:0])
	for a := range z {
		if !isEligible(eligible, a) {
			continue
		}
		pairs, unknown, _ := s.features.place(context, e, a, false, pairMemory[:0])
		i := s.regression(member, a)
		x := dense[:0]
		if s.full != nil {
			x = dense[:s.features.len()]
			scatter(x, pairs)
		}
		z[a] = s.expected(i, x, pairs)
		if sd == nil {
			continue
		}
		variance := unknown / s.cfg.Lambda
		if s.full != nil {
			variance += s.full[i].variance(x, s.cfg.Lambda)
		} else {
			variance += s.diagonal[i].variance(pairs, 1, s.cfg.Lambda)
		}
		sd[a] = math.Sqrt(variance)
	}
}

// commonMargins is margins where all arms see the same dense vector.
func (s *linear) commonMargins(e *event.Event, eligible []bool, member int, z, sd []float64) {
	var memory [maxFull]float64
	x, unknown := s.features.disjointContext(e, memory[:])
	for a := range z {
		if isEligible(eligible, a) {
			z[a] = s.expected(s.regression(member, a), x, nil)
		}
	}
	if sd == nil {
		return
	}
	var scratch [maxFull]float64
	for a := range sd {
		if isEligible(eligible, a) {
			v := scratch[:copy(scratch[:], x)]
			sd[a] = math.Sqrt(s.full[s.regression(member, a)].variance(v, s.cfg.Lambda) + unknown/s.cfg.Lambda)
		}
	}
}
