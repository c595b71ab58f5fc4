package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// armSums are the sums over an arm's events of weight h, reward r in [0, 1] and propensity p.
type armSums struct {
	n float64 // sum h
	s float64 // sum h r
	q float64 // sum h r^2
	w float64 // exp3: sum h r/p; exp3ix: sum h (1-r)/(p+gamma); ladder: sum h sales
}

func (a *armSums) add(b *armSums) { a.n, a.s, a.q, a.w = a.n+b.n, a.s+b.s, a.q+b.q, a.w+b.w }

func (a *armSums) scale(by float64) {
	a.n, a.s, a.q, a.w = float64(by*a.n), float64(by*a.s), float64(by*a.q), float64(by*a.w)
}

// counts is the state of the policies without context.
type counts struct {
	cfg    *Config
	arms   *arms
	key    Key
	rule   *rule
	aging  aging
	events uint64
	sums   []armSums
	blocks [][]armSums // with a window: of every block
}

func newCounts(c *Config, t *arms) *counts {
	s := &counts{cfg: c, arms: t, key: NewKey(c.Salt), rule: newRule(), aging: newAging(c), sums: make([]armSums, t.len())}
	if s.aging.window {
		s.blocks = make([][]armSums, windowBlocks)
		for i := range s.blocks {
			s.blocks[i] = make([]armSums, t.len())
		}
	}
	return s
}

// mean returns the expected reward of an arm on the scale [0, 1]: that of the posterior.
func (s *counts) mean(arm int) float64 {
	a, c := &s.sums[arm], s.cfg
	switch c.Policy {
	case Ladder:
		d := s.demand(arm)
		return float64(d.alpha/(d.alpha+d.beta)*s.margin(arm)) / c.RewardMax
	case Thompson:
		return (c.PriorAlpha + a.s) / (c.PriorAlpha + c.PriorBeta + a.n)
	}
	return (float64(c.PriorWeight*c.PriorMean) + a.s) / (c.PriorWeight + a.n)
}

// predict refuses features that are not finite, although it does not use them:
// the record that brought them is damaged.
func (s *counts) predict(e *event.Event) (z, norm float64, rej *event.Rejection) {
	return s.mean(e.Arm), 1, finiteFeatures(e)
}

func finiteFeatures(e *event.Event) *event.Rejection {
	for _, part := range [...][]event.Feature{e.X.Dense, e.X.Sparse} {
		for i := range part {
			if !(math.Abs(part[i].Value) <= scale.Largest) {
				return scale.Refuse(&part[i], scale.Largest)
			}
		}
	}
	return nil
}

// mostCounts bounds the sums of an arm.
const mostCounts = 1e300

func (s *counts) learn(e *event.Event, step *event.Step) *event.Rejection {
	z, norm, rej := s.predict(e)
	if rej == nil {
		rej = s.aging.check(e)
	}
	if rej != nil {
		return rej
	}
	s.cfg.evaluate(step, z, norm, e.Label)
	now, counts, before := s.aging.step(e)
	if counts == 0 {
		return tooOld(e)
	}
	h, r := float64(e.Weight*counts), s.cfg.scale(e.Label)
	add := armSums{n: h, s: float64(h * r), q: float64(float64(h*r) * r)}
	switch s.cfg.Policy {
	case Ladder:
		add.w = float64(h*e.Label) / s.margin(e.Arm)
	case EXP3:
		add.w = float64(h*r) / e.Prob
	case EXP3IX:
		_, gamma := ixRates(s.arms.len(), s.events+1)
		add.w = float64(h*(1-r)) / (e.Prob + gamma)
	}
	a := &s.sums[e.Arm]
	if !(a.n+add.n <= mostCounts && a.w+add.w <= mostCounts) {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v with propensity %v overflows the counts of the arm", e.Weight, e.Prob)}
	}
	s.age(now, before)
	a.add(&add)
	if s.blocks != nil {
		s.blocks[block(now)][e.Arm].add(&add)
	}
	s.events++
	step.UpdateNorm = math.Abs(s.mean(e.Arm) - z)
	return nil
}

// age moves the sums to step now, if it is newer.
func (s *counts) age(now int64, before float64) {
	if s.aging.unit == 0 || now <= s.aging.now {
		return
	}
	if s.blocks == nil {
		for i := range s.sums {
			s.sums[i].scale(before)
		}
	} else {
		s.aging.expire(now, func(k int) { clear(s.blocks[k]) })
		clear(s.sums)
		for k := range s.blocks {
			for i := range s.sums {
				s.sums[i].add(&s.blocks[k][i])
			}
		}
	}
	s.aging.now = now
}

func (s *counts) distribute(e *event.Event, eligible []bool, p []float64) {
	switch s.cfg.Policy {
	case Thompson:
		s.thompson(eligible, p)
	case Ladder:
		s.ladder(eligible, p)
	case Normal:
		s.normalGamma(e, eligible, p)
	default:
		s.index(p, eligible)
		q := compress(p, eligible)
		switch s.cfg.Policy {
		case EXP3:
			exp3(q, s.cfg.Gamma)
		case EXP3IX:
			eta, _ := ixRates(len(q), s.events+1)
			softmax(q, eta)
		default:
			greedy(q)
		}
		expand(p, len(q), eligible)
	}
}

// index fills p with what the policy ranks arms by.
func (s *counts) index(p []float64, eligible []bool) {
	total := 0.0
	for a := range s.sums {
		if isEligible(eligible, a) {
			total += s.sums[a].n
		}
	}
	for a := range p {
		m := &s.sums[a]
		switch s.cfg.Policy {
		case UCB1:
			p[a] = ucb1(m, total, s.cfg.Alpha)
		case KLUCB:
			p[a] = klUCB(m, total)
		case EXP3IX:
			p[a] = -m.w
		default:
			p[a] = m.w
		}
	}
}

func (s *counts) read(e *event.Event, r *event.Reading) {
	s.cfg.read(r, s.mean(e.Arm), e.Label)
	r.J, r.X = append(r.J[:0], 0), append(r.X[:0], 1)
	addSketch(r, cross(s.arms.hashes[e.Arm], interceptHash), 1)
}

// append writes the events learned, the newest step, of every arm n, s, q and
// w, and with a window the same of every block.
func (s *counts) append(b []byte) []byte {
	b = s.aging.append(wire.AppendUvarint(b, s.events))
	b = appendSums(b, s.sums)
	for _, k := range s.blocks {
		b = appendSums(b, k)
	}
	return b
}

func appendSums(b []byte, v []armSums) []byte {
	for _, a := range v {
		for _, x := range [...]float64{a.n, a.s, a.q, a.w} {
			b = wire.AppendFloat64(b, x)
		}
	}
	return b
}

func (s *counts) decode(r *wire.Reader) {
	s.events = r.Uvarint()
	s.aging.decode(r)
	readSums(r, s.sums)
	for _, k := range s.blocks {
		readSums(r, k)
	}
}

func readSums(r *wire.Reader, v []armSums) {
	for i := range v {
		a := armSums{r.Finite(), r.Finite(), r.Finite(), r.Finite()}
		if r.Err() == nil && !(a.n >= 0 && a.n <= 2*mostCounts && a.s >= 0 && a.s <= float64(a.n*(1+1e-9)) && a.q >= 0 && a.w >= 0) {
			r.Fail("arm %d has the sums %v", i, a)
		}
		v[i] = a
	}
}
