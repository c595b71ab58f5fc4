package main

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/pkg/bandit"
)

// findNumbers finds out whether the log is one of numbers, by the configuration or else by a candidate.
func (l *opeLog) findNumbers(m *configs.Model, specs []candidateSpec) error {
	if l.in.file != "" {
		l.numbers = offpolicy.IntervalOf(&m.Learner.Bandit)
	}
	for i := range specs {
		c := specs[i].settings()
		if c == nil {
			continue
		}
		if l.in.file == "" && l.numbers == nil {
			if l.numbers = offpolicy.IntervalOf(c); l.numbers != nil {
				m.Learner.Bandit = *c
			}
		}
		if c.Continuous() != (l.numbers != nil) {
			return fmt.Errorf("--policy %s: its policy is %s, and numbers do not compare with arms: candidates of a log must all choose numbers (%s), or all arms", specs[i].name, c.Policy, bandit.Cats)
		}
	}
	switch {
	case l.numbers == nil:
		return nil
	case l.in.rewards != "":
		return errors.New("--reward-model: predicts the rewards of arms, and this log has numbers; leave it out")
	case len(l.in.arms) > 0:
		return errors.New("--arms: this log has numbers and no arms; leave it out")
	case l.in.fields.Eligible != "":
		return errors.New("--eligible: this log has numbers and no arms; leave it out")
	}
	return nil
}

// settings are those of a candidate that is a bandit; nil for others.
func (c *candidateSpec) settings() *bandit.Config {
	switch {
	case c.published != nil:
		s := c.published.Config()
		return &s
	case c.config != nil:
		return &c.config.Learner.Bandit
	}
	return nil
}

// asPolicy makes the candidate, which chooses what the log does: numbers or arms.
func (c *candidateSpec) asPolicy(l *opeLog) (offpolicy.Policy, error) {
	if l.numbers == nil {
		return c.policy(l)
	}
	switch c.kind {
	case "uniform":
		return l.numbers.Even(), nil
	case "always":
		return l.numbers.Near(c.arg)
	case "config":
		m, err := bandit.New(c.config.Learner.Bandit)
		if err != nil {
			return nil, err
		}
		return offpolicy.LearningNumbers(m, l.layout(c.config.Schema()))
	case "model", "file":
		return offpolicy.PublishedNumbers(c.published, l.layout(c.schema))
	default: // logged and column
		return c.policy(l)
	}
}
