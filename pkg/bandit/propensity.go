package bandit

import (
	"github.com/streamlearner/streamlearner/internal/wire"
)

// Whether arms are chosen as often as their logged propensities say. A decision for arm A with propensity p has
// z_a = 1/p for a = A and 0 for the others, and the expectation of z_a is at most 1, whatever arms were eligible and
// however probabilities change from one decision to the next. So for every arm and stake lambda
//
//	M = max(M, 1) (1 + lambda (z_a - 1))
//
// is an e-detector (Shin, Ramdas and Rinaldo 2022, E-detectors, https://arxiv.org/abs/2203.03532, of CUSUM form), and
// so is the mean of all: while propensities are right it takes on average at least c decisions until the mean
// exceeds c. An arm that is chosen too rarely makes another one that is chosen too often. A test of
// counts (ope.SampleRatio) would need the probabilities of all arms at every decision. Records must have that of the chosen one alone; those
// of the version that decided could be computed again only while that version is kept.

// stakes suit arms of large, medium and small propensities.
var stakes = [...]float64{0.2, 0.02, 0.002}

const mostEvidence = 1e100

// evidence is that an arm is chosen more often than its propensities say, by stake.
type evidence [len(stakes)]float64

// weigh adds a decision for an arm to the shares and the evidence of all. eligible says which arms could be chosen; empty for
// all.
func (t *arms) weigh(arm int, propensity float64, eligible []bool) {
	for i := range t.list {
		z := 0.0
		if i == arm {
			z = 1 / propensity
		}
		if a := &t.list[i]; a.open() && (len(eligible) == 0 || eligible[i]) {
			a.Could++
			if i == arm {
				a.Chosen++
				a.Inverse = min(mostEvidence, a.Inverse+z)
			}
		}
		for j, stake := range stakes {
			m := &t.list[i].over[j]
			*m = min(mostEvidence, float64(max(*m, 1)*(1+float64(stake*(z-1)))))
		}
	}
}

// Evidence returns the evidence that arms are not chosen as often as their logged propensities say. While they are
// it takes on average at least c decisions until it exceeds c.
func (m *Model) Evidence() float64 {
	sum := 0.0
	for i := range m.arms.list {
		for _, v := range m.arms.list[i].over {
			sum += v
		}
	}
	return sum / float64(len(stakes)*m.arms.len())
}

func (e *evidence) append(b []byte) []byte {
	for _, v := range e {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

func readEvidence(r *wire.Reader) (e evidence) {
	for i := range e {
		if e[i] = r.Finite(); r.Err() == nil && !(e[i] >= 0 && e[i] <= mostEvidence) {
			r.Fail("evidence %v about propensities", e[i])
		}
	}
	return e
}
