package learner

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/ope"
)

// MergeEvaluations adds up what partitions know of the candidates, as one learner of all decisions would know it: sums of
// decisions are merged, not estimates. nil for partitions without candidates.
//
// While the configuration of candidates is being rolled out partitions may differ. Then those count that agree with
// the one that has evaluated the most decisions, for all candidates alike, and a warning tells how many do not.
func MergeEvaluations(alpha float64, partitions ...[]EvaluationStats) []EvaluationStats {
	partitions = slices.DeleteFunc(slices.Clone(partitions), func(p []EvaluationStats) bool { return len(p) == 0 })
	if len(partitions) == 0 {
		return nil
	}
	like := slices.MaxFunc(partitions, func(a, b []EvaluationStats) int { return int(a[logged].Decisions - b[logged].Decisions) })
	var all []evaluated
	for _, c := range like {
		sums, err := ope.New(c.Sums.Config())
		if err != nil {
			panic("learner: sums that no settings have: " + err.Error())
		}
		all = append(all, evaluated{c.Name, c.Identity, sums})
	}
	others := 0
	for _, p := range partitions {
		if !slices.EqualFunc(p, like, func(a, b EvaluationStats) bool {
			return a.Name == b.Name && a.Identity == b.Identity && a.Sums.Config() == b.Sums.Config()
		}) {
			others++
			continue
		}
		for i := range p {
			if err := all[i].sums.Merge(p[i].Sums); err != nil {
				panic("learner: " + err.Error())
			}
		}
	}
	out := statsOf(all, alpha)
	if others > 0 {
		out[logged].Warnings = append(out[logged].Warnings, fmt.Sprintf("%d of %d partitions have other candidates and are left out", others, len(partitions)))
	}
	return out
}
