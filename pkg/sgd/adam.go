package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// The constants of the paper, and their logarithms.
const (
	adamBeta1    = 0.9
	adamBeta2    = 0.999
	adamLogBeta1 = -0.10536051565782630
	adamLogBeta2 = -0.0010005003335835335
	adamEpsilon  = 1e-8
)

// adam is Adam (Kingma, Ba 2015, https://arxiv.org/abs/1412.6980), lazy: the
// moments of a weight move only with events that have its feature. N is the
// first moment m, G the second, v:
//
//	m = 0.9 m + 0.1 g, v = 0.999 v + 0.001 g^2, g = h dl/dz x
//	w -= rate (m / (1-0.9^t)) / (sqrt(v / (1-0.999^t)) + 1e-8), t the number of events
func (m *Model) adam(u *update) tally {
	n := float64(m.events + 1)
	correct1 := -portable.Expm1(float64(n * adamLogBeta1))
	correct2 := -portable.Expm1(float64(n * adamLogBeta2))
	rate := float64(u.rate * math.Sqrt(correct2) / correct1)
	epsilon := float64(adamEpsilon * math.Sqrt(correct2))
	g := float64(u.h * u.grad)
	var t tally
	slots, act, limit := m.slots, m.act, m.p.coordinateLimit()
	for i := range act {
		a := &act[i]
		s := &slots[a.idx]
		a.save(s)
		if a.x == 0 {
			continue
		}
		gx := bound(float64(g*a.x), limit)
		s.N = float64(adamBeta1*s.N) + float64((1-adamBeta1)*gx)
		s.G = float64(adamBeta2*s.G) + float64((1-adamBeta2)*float64(gx*gx))
		d := float64(rate*s.N) / (math.Sqrt(s.G) + epsilon)
		s.W -= d
		t.change += float64(d * d)
		t.mass += math.Abs(s.W)
		t.sums += s.G + math.Abs(s.N)
	}
	return t
}
