package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"

	"github.com/valyala/fastjson"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
)

// takeDecisions names the fields of decisions that other programs have logged, which hold their rewards.
func takeDecisions(m *configs.Model, f *dataset.File) {
	s := &m.Source
	s.Label, s.Arm, s.Probability, s.Context = dataset.DecisionReward, dataset.DecisionArm, dataset.DecisionP, dataset.DecisionContext
	s.ID, s.Time, s.Key, s.Eligible = dataset.DecisionID, dataset.DecisionTime, "", dataset.DecisionEligible
	if s.Actions = dataset.DecisionActions; f.Decisions == dataset.VWCB {
		s.Actions = ""
	}
	s.Join = configs.DefaultModel().Source.Join
}

// banditFor makes a model without a configuration a bandit for the decisions of files, with as many arms as they have and
// the range of their rewards.
func banditFor(m *configs.Model, files []*dataset.File, o dataset.Options, log *slog.Logger) error {
	var seen decisionRange
	for _, f := range files {
		if f.Name == "-" {
			return errors.New("-: how many actions there are is not known of standard input: give -c FILE, or the name of the file")
		}
		again, err := dataset.Open(f.Name, nil, o)
		if err != nil {
			return err
		}
		err = seen.scan(again)
		_ = again.Close() // only read
		if err != nil {
			return err
		}
	}
	if seen.arms < 2 {
		return fmt.Errorf("%s: no decision among two actions or more", files[0].Name)
	}
	b := &m.Learner.Bandit
	m.Learner.Kind, b.Arms = "bandit", nil
	for i := range seen.arms {
		b.Arms = append(b.Arms, strconv.Itoa(i))
	}
	if seen.actions {
		b.Features = "shared"
	}
	b.MaxFeatures = mostFeatures
	b.RewardMin, b.RewardMax = seen.bounds()
	if log != nil {
		log.Info("chose the arms and the range of rewards by the decisions; -c FILE or --set overrides it",
			"arms", seen.arms, "features", b.Features, "reward_min", b.RewardMin, "reward_max", b.RewardMax)
	}
	return nil
}

// mostFeatures is enough for any log of text, with a diagonal matrix: no decision is refused for a feature too many.
const mostFeatures = 1 << 16

// decisionRange is what decisions range over.
type decisionRange struct {
	arms        int // actions, as far as they are named
	actions     bool
	any         bool
	least, most float64 // rewards
}

func (r *decisionRange) scan(f *dataset.File) error {
	var p fastjson.Parser
	for {
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := p.ParseBytes(record)
		if err != nil {
			continue // malformed
		}
		r.arms = max(r.arms, v.GetInt(dataset.DecisionArm)+1)
		for _, arm := range v.GetArray(dataset.DecisionEligible) {
			r.arms = max(r.arms, arm.GetInt()+1)
		}
		for _, a := range v.GetArray(dataset.DecisionActions) {
			r.actions = r.actions || a.GetObject().Len() > 0
		}
		if y, err := v.Get(dataset.DecisionReward).Float64(); err == nil && !math.IsInf(y, 0) {
			if !r.any {
				r.any, r.least, r.most = true, y, y
			}
			r.least, r.most = min(r.least, y), max(r.most, y)
		}
	}
}

// bounds are those that the rewards lie in: the usual ones where they do.
func (r *decisionRange) bounds() (lo, hi float64) {
	switch {
	case r.least >= 0 && r.most <= 1:
		return 0, 1
	case r.least >= -1 && r.most <= 0:
		return -1, 0
	case r.least >= -1 && r.most <= 1:
		return -1, 1
	}
	return r.least, r.most
}
