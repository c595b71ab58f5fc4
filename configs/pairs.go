package configs

import (
	"slices"

	"github.com/streamlearner/streamlearner/pkg/factor"
)

// checkPairs returns what would keep the two fields of a matrix factorization
// from being categories.
func (m *Model) checkPairs(v *checker) {
	c := m.Learner.Factor
	if m.Learner.Kind != "factor" || c.Model != factor.MF {
		return
	}
	if m.Source.Format == "libsvm" {
		v.fail("source.format", m.Source.Format, "has no fields, of which learner.factor.model mf needs two; use fm")
	}
	s := m.Source
	for _, side := range []struct{ key, field string }{{"learner.factor.user", c.User}, {"learner.factor.item", c.Item}} {
		if side.field == "" {
			continue // refused already
		}
		for _, role := range []struct{ key, field string }{
			{"label", s.Label}, {"weight", s.Weight}, {"time", s.Time}, {"id", s.ID},
		} {
			if side.field == role.field {
				v.fail(side.key, side.field, "is named by source."+role.key+", and so is no feature; send the value twice")
			}
		}
		for _, besides := range []struct{ key, field string }{{"source.key", s.Key}, {"guard.source.field", m.Guard.Source.Field}} {
			if side.field == besides.field && !slices.Contains(m.Features.Categorical, besides.field) {
				v.fail(side.key, side.field, "is named by "+besides.key+", and so is no feature by itself; list it in features.categorical")
			}
		}
		if slices.Contains(m.Features.Exclude, side.field) {
			v.fail(side.key, side.field, "is in features.exclude; remove it there")
		}
		if slices.Contains(m.Features.Numeric, side.field) {
			v.fail(side.key, side.field, "is in features.numeric, but must be a category; list it in features.categorical")
		}
	}
}
