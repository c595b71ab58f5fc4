package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// gradient is the state of the policies that climb the gradient of the
// expected reward of pi = softmax(theta_a'x) (Williams 1992, REINFORCE,
// https://doi.org/10.1007/BF00992696): with x = 1 the gradient bandit (Sutton and Barto 2018,
// Reinforcement Learning, equation 2.12,
// http://incompleteideas.net/book/the-book-2nd.html), else with the context. For arm A with reward r
//
//	theta_a += rate w (r - baseline) (1[a = A] - pi_a) x + rate entropy dH/dz_a x
//
// with pi the softmax of the arms that could be chosen, w = min(pi_A / propensity, importance_clip), since the event may have been logged
// under an older policy, and the baseline the mean reward before the event. x is divided by max(1, |x|^2).
type gradient struct {
	cfg      *Config
	arms     *arms
	features *features // of reinforce
	theta    [][]float64
	n, s     float64 // sums of weights and of weighted rewards

	pairs [1]pair // of gradient
	pi    []float64
}

func newGradient(c *Config, t *arms) *gradient {
	s := &gradient{cfg: c, arms: t, theta: make([][]float64, t.len()), pi: make([]float64, t.len()), pairs: [1]pair{{0, 1}}}
	if c.Policy == Reinforce {
		s.features = newFeatures(c, t)
	}
	return s
}

func (s *gradient) baseline() float64 {
	if s.n == 0 {
		return 0
	}
	return s.s / s.n
}

// gather returns the features of an event.
func (s *gradient) gather(e *event.Event, learning bool) ([]pair, *event.Rejection) {
	if s.features == nil {
		return s.pairs[:], finiteFeatures(e)
	}
	rej := s.features.gather(e, learning)
	return s.features.pairs, rej
}

// predict expects the baseline whatever the arm.
func (s *gradient) predict(e *event.Event) (z, norm float64, rej *event.Rejection) {
	_, rej = s.gather(e, false)
	return s.baseline(), 1, rej
}

func (s *gradient) learn(e *event.Event, step *event.Step) *event.Rejection {
	known := 0
	if s.features != nil {
		known = s.features.len()
	}
	x, rej := s.gather(e, true)
	if rej == nil {
		rej = s.update(e, x, step)
	}
	if rej != nil && s.features != nil {
		s.features.index.truncate(known)
	}
	return rej
}

func (s *gradient) update(e *event.Event, x []pair, step *event.Step) *event.Rejection {
	s.cfg.evaluate(step, s.baseline(), 1, e.Label)
	for a := range s.pi {
		s.pi[a] = s.margin(a, x)
	}
	eligible := eligibleOf(e)
	q := compress(s.pi, eligible)
	softmax(q, 1)
	expand(s.pi, len(q), eligible)
	h, r := e.Weight, s.cfg.scale(e.Label)
	squares := 0.0
	for _, p := range x {
		squares += float64(p.v * p.v)
	}
	rate := s.cfg.Rate / max(1, squares)
	g := float64(float64(float64(rate*h)*min(s.pi[e.Arm]/e.Prob, s.cfg.ImportanceClip)) * (r - s.baseline()))
	entropy := 0.0
	for _, p := range s.pi {
		if p > 0 {
			entropy -= float64(p * portable.Log(p))
		}
	}
	moved := 0.0
	for a, p := range s.pi {
		d := -float64(g * p)
		if a == e.Arm {
			d += g
		}
		if s.cfg.Entropy > 0 && p > 0 {
			d -= float64(float64(float64(rate*s.cfg.Entropy)*p) * (portable.Log(p) + entropy))
		}
		s.pi[a] = d // now the step
		moved += float64(d * d)
	}
	moved = math.Sqrt(float64(moved * squares))
	if !(moved <= maxWeight && s.n+h <= mostCounts && s.fits(x)) {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v and features of norm %v would make a parameter larger than %v", e.Weight, math.Sqrt(squares), float64(maxWeight))}
	}
	for a, d := range s.pi {
		for _, p := range x {
			for int(p.i) >= len(s.theta[a]) {
				s.theta[a] = append(s.theta[a], 0)
			}
			s.theta[a][p.i] += float64(d * p.v)
		}
	}
	s.n, s.s = s.n+h, s.s+float64(h*r)
	step.UpdateNorm = moved
	if s.features != nil {
		s.features.commit()
	}
	return nil
}

// fits reports whether the steps in s.pi leave every weight within its bound.
func (s *gradient) fits(x []pair) bool {
	for a, d := range s.pi {
		for _, p := range x {
			theta := 0.0
			if int(p.i) < len(s.theta[a]) {
				theta = s.theta[a][p.i]
			}
			if !(math.Abs(theta)+float64(math.Abs(float64(d*p.v))*float64(len(x))) <= maxWeight) {
				return false
			}
		}
	}
	return true
}

// margin returns theta_a'x, bounded so that it is finite.
func (s *gradient) margin(arm int, x []pair) float64 {
	z := 0.0
	for _, p := range x {
		if int(p.i) < len(s.theta[arm]) {
			z += float64(s.theta[arm][p.i] * p.v)
		}
	}
	return max(-maxWeight, min(maxWeight, z))
}

func (s *gradient) distribute(e *event.Event, eligible []bool, p []float64) {
	var contextMemory [onStack]feature
	var memory [onStack]pair
	x := append(memory[:0], s.pairs[:]...)
	if s.features != nil {
		context := s.features.scored(e, contextMemory[:0])
		x, _, _ = s.features.place(context, e, 0, false, memory[:0])
	}
	for a := range p {
		if isEligible(eligible, a) {
			p[a] = s.margin(a, x)
		}
	}
	q := compress(p, eligible)
	softmax(q, 1)
	expand(p, len(q), eligible)
}

func (s *gradient) read(e *event.Event, r *event.Reading) {
	s.cfg.read(r, s.baseline(), e.Label)
	r.J, r.X = append(r.J[:0], 0), append(r.X[:0], 1)
	addSketch(r, cross(s.arms.hashes[e.Arm], interceptHash), 1)
}

func (s *gradient) merge(core) error { return ErrNotMergeable }

// append writes the sums of the baseline, of reinforce the features, and theta of every arm.
func (s *gradient) append(b []byte) []byte {
	b = wire.AppendFloat64(wire.AppendFloat64(b, s.n), s.s)
	if s.features != nil {
		b = s.features.append(b)
	}
	for _, t := range s.theta {
		b = wire.AppendFloats(b, t)
	}
	return b
}

func (s *gradient) decode(r *wire.Reader) {
	s.n, s.s = r.Finite(), r.Finite()
	if r.Err() == nil && !(s.n >= 0 && s.s >= 0 && s.s <= float64(s.n*(1+1e-9))) {
		r.Fail("sums of rewards %v of %v", s.s, s.n)
	}
	limit := 1
	if s.features != nil {
		s.features.decode(r)
		limit = s.features.len()
	}
	for a := range s.theta {
		s.theta[a] = readTheta(r, limit)
	}
}

// readTheta reads at most limit weights.
func readTheta(r *wire.Reader, limit int) []float64 {
	t := r.Floats(nil)
	if len(t) > limit {
		r.Fail("%d weights of %d features", len(t), limit)
	}
	for _, v := range t {
		if !(math.Abs(v) <= maxWeight) {
			r.Fail("weight %v", v)
		}
	}
	return t
}
