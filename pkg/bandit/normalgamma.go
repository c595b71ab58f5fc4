package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// student is the posterior of the mean reward of an arm under the normal-gamma
// prior: a Student t distribution (DeGroot 1970, Optimal Statistical Decisions, section 9.6).
type student struct{ location, scale, freedom float64 }

func (s *counts) studentOf(arm int) student {
	a, c := &s.sums[arm], s.cfg
	kappa := c.PriorWeight + a.n
	mean := 0.0
	if a.n > 0 {
		mean = a.s / a.n
	}
	spread := max(0, a.q-float64(mean*a.s)) // sum of squared deviations
	d := mean - c.PriorMean
	alpha := c.PriorAlpha + float64(a.n/2)
	rate := c.PriorBeta + float64((spread+float64(float64(c.PriorWeight*a.n)/kappa*float64(d*d)))/2)
	return student{s.mean(arm), math.Sqrt(rate / float64(alpha*kappa)), 2 * alpha}
}

// normalGamma gives every eligible arm the share of draws that it wins.
func (s *counts) normalGamma(e *event.Event, eligible []bool, p []float64) {
	var best [maxDraws]float64
	var winner [maxDraws]uint16
	draws := s.cfg.Draws
	for m := range draws {
		best[m] = math.Inf(-1)
	}
	seed := s.key.seed(e.ID)
	for a := range p {
		if !isEligible(eligible, a) {
			continue
		}
		t, st := s.studentOf(a), stream(seed, a)
		for m := range draws {
			if d := t.location + float64(t.scale*studentDraw(st, m, t.freedom)); d > best[m] {
				best[m], winner[m] = d, uint16(a)
			}
		}
	}
	tally(winner[:draws], p)
}

// studentDraw returns draw m of a stream from the standard t distribution, by the polar
// method (Bailey 1994, https://doi.org/10.2307/2153537).
func studentDraw(stream uint64, m int, freedom float64) float64 {
	own := mix64(stream + uint64(m+1)*weyl)
	for i := uint64(1); ; i++ {
		h := mix64(own + i*weyl)
		u, v := float64((float64(uint32(h))+0.5)/(1<<31))-1, float64((float64(h>>32)+0.5)/(1<<31))-1
		if w := float64(u*u) + float64(v*v); w < 1 {
			return float64(u * math.Sqrt(float64(freedom*portable.Expm1(float64(-2/freedom)*portable.Log(w)))/w))
		}
	}
}
