package sim

import "math"

// RolloutScene serves requests by one of three versions of a model. A request ends well with a probability of its version:
// v1, which is in use, between 0.88 and 0.92; v2 is better by 0.04 to 0.06; v3 is worse by 0.1 to 0.16. The reward is 1
// for a request that ends well; of one that fails nothing is heard.
type RolloutScene struct {
	draws *draws
	round Round
	n     uint64
	u     float64 // decides how the request ends
}

// Rollout returns the scene of a seed.
func Rollout(seed uint64) *RolloutScene {
	s := &RolloutScene{draws: newDraws(seed)}
	s.draws.at(math.MaxUint64)
	used := 0.88 + 0.04*s.draws.Float64()
	s.round.Expected = []float64{used, used + 0.04 + 0.02*s.draws.Float64(), used - 0.1 - 0.06*s.draws.Float64()}
	return s
}

// Alike makes v3 as good as v1, so that there is no harm in it.
func (s *RolloutScene) Alike() *RolloutScene {
	s.round.Expected[2] = s.round.Expected[0]
	return s
}

// Arms implements Scene.
func (*RolloutScene) Arms() []string { return []string{"v1", "v2", "v3"} }

// Begin implements Scene.
func (s *RolloutScene) Begin(n uint64) *Round {
	s.n = n
	s.draws.at(n)
	s.u = s.draws.Float64()
	return &s.round
}

// End implements Scene. A request that ends well under a version would do so under every better one.
func (s *RolloutScene) End(arm int, pay func(n uint64, reward float64)) {
	if s.u < s.round.Expected[arm] {
		pay(s.n, 1)
		return
	}
	pay(s.n, 0)
}
