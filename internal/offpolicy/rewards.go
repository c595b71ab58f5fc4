package offpolicy

import (
	"cmp"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Rewards predicts the reward of every arm.
type Rewards interface {
	// predict returns the rewards of all arms in the context of a row.
	predict(r *row) ([]float64, error)
	// teach takes a row in the pass before the evaluation.
	teach(r *row)
	// learn takes a row after it was evaluated.
	learn(r *row)
}

// Regression predicts rewards by a bandit's regression, for instance a ridge regression of every arm.
type Regression struct {
	context
	models []*bandit.Model // of every fold: fitted to the others
	q      []float64
	lo, hi float64 // predictions are clipped to the possible rewards

	Untaught Refusals // rows that it could not learn
}

// NewRegression returns a model with the settings c for each of folds. One fold means progressive predictions, by
// what was learned from the rows before; of more, cross-fitted ones (Chernozhukov et al. 2018,
// https://arxiv.org/abs/1608.00060): rows are dealt to the folds in turn, and a row is predicted by a model that was
// fitted to those of the other folds.
func NewRegression(c bandit.Config, folds int, l event.Layout) (*Regression, error) {
	g := &Regression{q: make([]float64, len(c.Arms)), lo: c.RewardMin, hi: c.RewardMax}
	c.Optimism = 0 // which serves exploration, as the lambda that goes with it
	if c.Lambda == 0 {
		c.Lambda = 1
	}
	c.Extreme = 0 // a row must not be left out for its context: that would bias the estimate
	for range folds {
		m, err := bandit.New(c)
		if err != nil {
			return nil, err
		}
		g.models = append(g.models, m)
	}
	var err error
	g.context, err = newContext(l)
	return g, err
}

// CrossFitted reports whether the rows must be taught before they are evaluated.
func (g *Regression) CrossFitted() bool { return len(g.models) > 1 }

func (g *Regression) fold(r *row) int { return int(r.number % uint64(len(g.models))) }

func (g *Regression) predict(r *row) ([]float64, error) {
	if err := g.decode(r); err != nil {
		return nil, err
	}
	m := g.models[g.fold(r)]
	for a := range g.q {
		g.e.Arm = a
		s := m.Predict(&g.e)
		if s.Reject != nil {
			return nil, refusal{"the context is refused by the model of rewards", s.Reject.Error()}
		}
		g.q[a] = min(max(s.Prediction, g.lo), g.hi)
	}
	return g.q, nil
}

// teach fits the models of the other folds.
func (g *Regression) teach(r *row) {
	if !g.CrossFitted() || g.decode(r) != nil {
		return // what cannot be decoded is refused when it is evaluated
	}
	e := r.reward(&g.e, r.action)
	var rej *event.Rejection
	for f, m := range g.models {
		if f != g.fold(r) {
			rej = cmp.Or(rej, m.Learn(e).Reject)
		}
	}
	g.taught(r, rej)
}

// learn fits a progressive model to the row that predict has decoded.
func (g *Regression) learn(r *row) {
	if !g.CrossFitted() {
		g.taught(r, g.models[0].Learn(r.reward(&g.e, r.action)).Reject)
	}
}

func (g *Regression) taught(r *row, rej *event.Rejection) {
	if rej != nil {
		g.Untaught.add(r.number, r.place, refusal{rej.Reason.String(), rej.Detail})
	}
}
