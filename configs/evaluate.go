package configs

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// evaluation returns what the learner of one partition needs to evaluate the candidates. Like a decoder it has memory
// of its own.
func (m Model) evaluation() (learner.Evaluation, error) {
	if m.Learner.Kind != "bandit" || len(m.Evaluate.Candidates) == 0 {
		return learner.Evaluation{}, nil
	}
	asked, err := bandit.NewCandidates(m.Learner.Bandit, m.Evaluate.Candidates)
	if err != nil {
		return learner.Evaluation{}, err
	}
	out := learner.Evaluation{
		Names: []string{bandit.Logged}, Identities: []string{bandit.Logged}, Sums: m.sums(), Every: m.Evaluate.Every, Alpha: m.Evaluate.Alpha,
		Ask: func(l learner.Model, e *event.Event, d []ope.Decision) bool {
			b, ok := l.(*bandit.Model)
			return ok && asked.Ask(b, e, d)
		},
	}
	for _, c := range m.Evaluate.Candidates {
		out.Names, out.Identities = append(out.Names, c.Name), append(out.Identities, c.Identity())
	}
	return out, nil
}

// sums says how the weights of candidates are tamed, and what rewards are possible.
func (m Model) sums() ope.Config {
	c := ope.Default()
	c.RewardMin, c.RewardMax, c.Clip = m.Learner.Bandit.RewardMin, m.Learner.Bandit.RewardMax, m.Evaluate.Clip
	return c
}

// checkEvaluate finds the faults of the candidates.
func (m *Model) checkEvaluate(v *checker, keys keys) {
	e := &m.Evaluate
	if e.Every == 0 {
		v.fail("evaluate.every", e.Every, "must be at least 1, which evaluates every decision")
	}
	if !(e.Alpha > 0 && e.Alpha < 1) {
		v.fail("evaluate.alpha", e.Alpha, "must be above 0 and below 1")
	}
	if !(e.Clip > 0 && e.Clip <= 1e12) {
		v.fail("evaluate.clip", e.Clip, "must be above 0, at most 1e12")
	}
	if len(e.Candidates) == 0 {
		return
	}
	if m.Learner.Kind != "bandit" {
		v.fail("evaluate.candidates", e.Candidates, "must be empty with learner.kind "+m.Learner.Kind+"; only the choices of a bandit are evaluated")
		return
	}
	if m.Source.Probability == "" {
		v.fail("evaluate.candidates", e.Candidates, "source.probability must name the field of the propensity: without it nothing can be estimated")
	}
	if m.Learner.Validate() != nil {
		return
	}
	_, err := bandit.NewCandidates(m.Learner.Bandit, e.Candidates)
	if err != nil {
		v.foreign(keys, fmt.Errorf("evaluate.candidates: %w", err))
		return
	}
	if err := m.sums().Validate(); err != nil {
		v.fail("evaluate.candidates", e.Candidates, err.Error())
	}
}
