package sim

import (
	"math"
	"strconv"
)

// RolloutScene serves requests by one of three versions of a model. A request ends well with a probability of its version:
// v1, which is in use, between 0.88 and 0.92; v2 is better by 0.04 to 0.06; v3 is worse by 0.1 to 0.16. The reward is 1
// for a request that ends well, and latency_ms, how long the answer took, comes with it: of all versions a log-normal time with a mean
// between 90 and 110, and a standard deviation of two fifths of that. Of a request that fails nothing is heard.
type RolloutScene struct {
	draws *draws
	round Round
	n     uint64
	u     float64 // decides how the request ends
	mean  []float64
	noise float64 // of the latency, a factor with mean 1
	taken float64 // latency of the request that ended
}

// Rollout returns the scene of a seed.
func Rollout(seed uint64) *RolloutScene {
	s := &RolloutScene{draws: newDraws(seed)}
	s.draws.at(math.MaxUint64)
	used := 0.88 + 0.04*s.draws.Float64()
	s.round.Expected = []float64{used, used + 0.04 + 0.02*s.draws.Float64(), used - 0.1 - 0.06*s.draws.Float64()}
	mean := 90 + 20*s.draws.Float64()
	s.mean = []float64{mean, mean, mean}
	return s
}

// Alike makes v3 as good as v1, so that there is no harm in it.
func (s *RolloutScene) Alike() *RolloutScene {
	s.round.Expected[2] = s.round.Expected[0]
	return s
}

// Slow makes v3 as good as v1 by its rewards, and slower by a quarter to two fifths.
func (s *RolloutScene) Slow() *RolloutScene {
	s.draws.at(math.MaxUint64 - 1)
	s.mean[2] *= 1.25 + 0.15*s.draws.Float64()
	return s.Alike()
}

// Arms implements Scene.
func (*RolloutScene) Arms() []string { return []string{"v1", "v2", "v3"} }

// Begin implements Scene.
func (s *RolloutScene) Begin(n uint64) *Round {
	const sigma2 = 0.148 // log(1 + 0.4^2)
	s.n = n
	s.draws.at(n)
	s.u = s.draws.Float64()
	s.noise = math.Exp(math.Sqrt(sigma2)*s.draws.NormFloat64() - sigma2/2)
	return &s.round
}

// End implements Scene. A request that ends well under a version would do so under every better one.
func (s *RolloutScene) End(arm int, pay func(n uint64, reward float64)) {
	s.taken = s.mean[arm] * s.noise
	if s.u < s.round.Expected[arm] {
		pay(s.n, 1)
		return
	}
	pay(s.n, 0)
}

// AppendMetrics implements Measured.
func (s *RolloutScene) AppendMetrics(b []byte) []byte {
	return strconv.AppendFloat(append(b, `,"latency_ms":`...), s.taken, 'f', 1, 64)
}
