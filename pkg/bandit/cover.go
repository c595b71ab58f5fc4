package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// cover is Online Cover (Agarwal, Hsu, Kale, Langford, Li and Schapire 2014,
// Taming the Monster, https://arxiv.org/abs/1402.0555, section 5) as Vowpal Wabbit has it
// (https://github.com/VowpalWabbit/vowpal_wabbit/blob/master/vowpalwabbit/core/src/reductions/cb/cb_explore.cc):
// Size policies, each of which regresses the doubly robust rewards of all arms on the context,
// the first as they are, each other with a bonus for arms that the ones before it neglect. An arm's probability is
// the share of policies that choose it, and at least min(1/K, 1/sqrt(K t)) for the arms of positive
// probability (nounif) or for all.
//
// A doubly robust reward is the expected one, and for the arm that was chosen a correction. Since the regression of a sum is the
// sum of the regressions, a policy is that of rewards, as it is now and not as it was when each
// event came, and theta, that of corrections and bonuses.
//
// Every event is an example for all arms of all policies, so that they share one matrix A.
type cover struct {
	linear *linear // regresses the rewards that were seen

	full     ldl
	diagonal diagonal
	theta    [][]float64 // of arm a of policy i: element i K + a
	bound    float64     // on the magnitude of theta

	// The event at hand.
	next     ldl
	gain     []float64 // A^-1 x
	errors   []float64 // of the elements of theta
	expected []float64 // reward of every arm
	p, q     []float64
	staged   float64 // bound after the event
}

func newCover(c *Config, t *arms) *cover {
	k := t.len()
	return &cover{
		linear: newLinear(c, t), theta: make([][]float64, c.Size*k),
		errors: make([]float64, c.Size*k), expected: make([]float64, k), p: make([]float64, k), q: make([]float64, k),
	}
}

func (s *cover) predict(e *event.Event) (z, norm float64, rej *event.Rejection) {
	return s.linear.predict(e)
}

func (s *cover) learn(e *event.Event, step *event.Step) *event.Rejection {
	f := s.linear.features
	known := f.len()
	rej := f.gather(e, true)
	if rej == nil {
		rej = s.stage(e)
	}
	if rej == nil {
		rej = s.linear.update(e, step, s.linear.of(e.Arm))
	}
	if rej != nil {
		f.index.truncate(known)
		return rej
	}
	s.commit(e.Weight)
	return nil
}

// leastProbability is that of an arm after t events.
func leastProbability(arms int, t uint64) float64 {
	k := float64(arms)
	return min(1/k, 1/math.Sqrt(k*float64(max(t, 1))))
}

// stage computes what the gathered event does to the policies.
func (s *cover) stage(e *event.Event) *event.Rejection {
	c, f := s.linear.cfg, s.linear.features
	correction := s.correction(e)
	clear(s.p)
	k, eligible := len(s.p), eligibleOf(e)
	n := 0 // arms that could be chosen
	for a := range k {
		if isEligible(eligible, a) {
			n++
		}
	}
	least := leastProbability(n, f.events)
	norm, each := float64(least*float64(n)), 1/float64(c.Size)
	largest := 0.0
	for i := range c.Size {
		for a := range k {
			z := s.margin(i*k+a, f.x, f.pairs)
			s.q[a] = s.expected[a] + z
			want := 0.0
			if a == e.Arm {
				want = correction
			}
			if i > 0 && isEligible(eligible, a) {
				want += float64(c.Psi*least) * norm / max(s.p[a], least)
			}
			s.errors[i*k+a] = want - z
			largest = max(largest, math.Abs(want-z))
		}
		greedy(compress(s.q, eligible))
		expand(s.q, n, eligible)
		for a, v := range s.q {
			add := float64(each * v)
			if s.p[a] < least {
				norm += max(0, add-(least-s.p[a]))
			} else {
				norm += add
			}
			s.p[a] += add
		}
	}
	gain := s.solve(e.Weight)
	s.staged = s.bound + float64(gain*largest)
	if !(s.staged <= maxWeight) {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v and features of norm %v would make a parameter larger than %v", e.Weight, normOf(f.pairs), float64(maxWeight))}
	}
	return nil
}

// correction computes the rewards that are expected, and returns what makes that of the chosen arm doubly robust.
func (s *cover) correction(e *event.Event) float64 {
	for a := range s.expected {
		s.expected[a] = s.linear.margin(a)
	}
	miss := s.linear.cfg.scale(e.Label) - s.expected[e.Arm]
	return float64(miss * min(1/e.Prob, s.linear.cfg.ImportanceClip))
}

// solve computes the gain h A^-1 x / (1 + h x'A^-1 x) of the gathered event and returns its largest magnitude.
func (s *cover) solve(h float64) float64 {
	f, lambda := s.linear.features, s.linear.cfg.Lambda
	variance := 0.0
	if s.linear.full != nil {
		s.gain = append(s.gain[:0], f.x...)
		s.next.copyFrom(&s.full)
		s.next.grow(len(f.x), lambda)
		s.next.forward(s.gain)
		for i, d := range s.next.d {
			variance += float64(s.gain[i]*s.gain[i]) / d
			s.gain[i] /= d
		}
		s.next.backward(s.gain)
	} else {
		s.gain = s.gain[:0]
		for _, p := range f.pairs {
			g := p.v / s.diagonal.precision(p.i, 1, lambda)
			variance += float64(g * p.v)
			s.gain = append(s.gain, g)
		}
	}
	largest := 0.0
	for i := range s.gain {
		s.gain[i] *= h / (1 + float64(h*variance))
		largest = max(largest, math.Abs(s.gain[i]))
	}
	return largest
}

// commit learns what was staged.
func (s *cover) commit(h float64) {
	f, lambda := s.linear.features, s.linear.cfg.Lambda
	for i := range s.theta {
		for len(s.theta[i]) < f.len() {
			s.theta[i] = append(s.theta[i], 0)
		}
		t, miss := s.theta[i], s.errors[i]
		if s.linear.full != nil {
			for j, g := range s.gain {
				t[j] += float64(g * miss)
			}
			continue
		}
		for j, p := range f.pairs {
			t[p.i] += float64(s.gain[j] * miss)
		}
	}
	if s.linear.full != nil {
		s.full.resize(s.next.n)
		s.full.update(&s.next, f.x, 0, h)
		clear(s.full.theta)
	} else {
		s.diagonal.grow(f.len(), lambda)
		s.diagonal.sharpen(f.pairs, h)
	}
	s.bound = s.staged
}

// margin returns theta_i'x.
func (s *cover) margin(i int, x []float64, pairs []pair) float64 {
	t := s.theta[i]
	if s.linear.full != nil {
		return dot(t, x)
	}
	z := 0.0
	for _, p := range pairs {
		if int(p.i) < len(t) {
			z += float64(t[p.i] * p.v)
		}
	}
	return z
}

func (s *cover) distribute(e *event.Event, eligible []bool, p []float64) {
	var contextMemory [onStack]feature
	var memory [onStack]pair
	var dense [maxFull]float64
	f := s.linear.features
	pairs, _, _ := f.place(f.scored(e, contextMemory[:0]), e, 0, false, memory[:0])
	x := dense[:0]
	if s.linear.full != nil {
		x = dense[:f.len()]
		scatter(x, pairs)
	}
	var expected, scores, chosen [maxArms]float64
	for a := range p {
		expected[a] = s.linear.expected(a, x, pairs)
	}
	for i := range s.linear.cfg.Size {
		for a := range p {
			scores[a] = expected[a] + s.margin(i*len(p)+a, x, pairs)
		}
		q := compress(scores[:len(p)], eligible)
		greedy(q)
		for a, v := range q {
			chosen[a] += v
		}
	}
	n := len(compress(p, eligible))
	copy(p, chosen[:n])
	votes(p[:n])
	least := leastProbability(n, f.events)
	enforceFloor(p[:n], float64(least*float64(n)), s.linear.cfg.NoUnif)
	expand(p, n, eligible)
}

func (s *cover) read(e *event.Event, r *event.Reading) { s.linear.read(e, r) }

func (s *cover) merge(core) error { return ErrNotMergeable }

// append writes the regressions of rewards, the bound, the matrix, and theta of every arm of every policy.
func (s *cover) append(b []byte) []byte {
	b = wire.AppendFloat64(s.linear.append(b), s.bound)
	if s.linear.full != nil {
		b = s.full.append(b, true)
	} else {
		b = s.diagonal.append(b)
	}
	for _, t := range s.theta {
		b = wire.AppendFloats(b, t)
	}
	return b
}

func (s *cover) decode(r *wire.Reader) {
	s.linear.decode(r)
	limit := s.linear.features.len()
	if s.bound = r.Finite(); r.Err() == nil && !(s.bound >= 0 && s.bound <= maxWeight) {
		r.Fail("bound %v on weights", s.bound)
	}
	if s.linear.full != nil {
		s.full.decode(r, limit, true)
	} else {
		s.diagonal.decode(r, limit)
	}
	for i := range s.theta {
		s.theta[i] = readTheta(r, limit)
	}
}
