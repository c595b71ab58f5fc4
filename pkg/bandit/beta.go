package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// beta is the posterior of the mean reward of an arm: Beta(alpha, beta). A
// reward r in [0, 1] with weight h counts as h r successes and h (1-r)
// failures, so rewards between 0 and 1 count in part.
type beta struct{ alpha, beta float64 }

func (b beta) mean() float64 { return b.alpha / (b.alpha + b.beta) }

// betas is the state of policy thompson.
type betas struct {
	rule   *rule
	hashes []uint64 // of the arms' names
	arms   []beta
}

func newBetas(c *Config) *betas {
	s := &betas{rule: newRule(), hashes: armHashes(c.Arms), arms: make([]beta, len(c.Arms))}
	for i := range s.arms {
		s.arms[i] = beta{c.PriorAlpha, c.PriorBeta}
	}
	return s
}

func (s *betas) reward(r float64) *event.Rejection {
	if r >= 0 && r <= 1 {
		return nil
	}
	return &event.Rejection{Reason: event.RewardInvalid, Detail: fmt.Sprintf("reward %v: policy thompson accepts rewards from 0 to 1; rescale them, or use policy linucb", r)}
}

// predict refuses features that are not finite, although it does not use them:
// the record that brought them is damaged.
func (s *betas) predict(e *event.Event) (expected, norm float64, rej *event.Rejection) {
	for _, part := range [...][]event.Feature{e.X.Dense, e.X.Sparse} {
		for i := range part {
			if !(math.Abs(part[i].Value) <= scale.Largest) {
				return 0, 0, scale.Refuse(&part[i], scale.Largest)
			}
		}
	}
	return s.arms[e.Arm].mean(), 1, nil
}

func (s *betas) learn(e *event.Event, step *event.Step) *event.Rejection {
	expected, norm, rej := s.predict(e)
	if rej != nil {
		return rej
	}
	evaluate(step, expected, norm, e.Label)
	a := s.arms[e.Arm]
	a.alpha += float64(e.Weight * e.Label)
	a.beta += float64(e.Weight * (1 - e.Label))
	if a.alpha+a.beta > math.MaxFloat64 {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v overflows the counts of the arm", e.Weight)}
	}
	s.arms[e.Arm] = a
	step.UpdateNorm = math.Abs(a.mean() - expected)
	return nil
}

// distribution ignores the event: the policy has no context.
func (s *betas) distribution(_ *event.Event, dst []float64) []float64 {
	return bestProbabilities(s.rule, s.arms, dst)
}

func (s *betas) read(e *event.Event, r *event.Reading) {
	evaluateReading(r, s.arms[e.Arm].mean(), e.Label)
	r.J, r.X = append(r.J[:0], 0), append(r.X[:0], 1)
	addSketch(r, armFeature(s.hashes[e.Arm], 0), 1)
}

// append writes alpha and beta of every arm.
func (s *betas) append(b []byte) []byte {
	for _, a := range s.arms {
		b = wire.AppendFloat64(wire.AppendFloat64(b, a.alpha), a.beta)
	}
	return b
}

func (s *betas) decode(r *wire.Reader) {
	for i := range s.arms {
		a := beta{r.Finite(), r.Finite()}
		if r.Err() == nil && !(a.alpha > 0 && a.beta > 0 && a.alpha+a.beta <= math.MaxFloat64) {
			r.Fail("arm %d has the posterior Beta(%v, %v)", i, a.alpha, a.beta)
		}
		s.arms[i] = a
	}
}
