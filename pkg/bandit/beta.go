package bandit

// beta is the posterior of the mean reward of an arm: Beta(alpha, beta). A
// reward r in [0, 1] with weight h counts as h r successes and h (1-r)
// failures, so rewards between 0 and 1 count in part (Thompson 1933; discounted: Raj and Kalyani 2017,
// https://arxiv.org/abs/1707.09727).
type beta struct{ alpha, beta float64 }

// posterior returns the posterior of an arm.
func (s *counts) posterior(arm int) beta {
	a := &s.sums[arm]
	return beta{s.cfg.PriorAlpha + a.s, s.cfg.PriorBeta + max(0, a.n-a.s)}
}

// thompson computes the exact probability of every eligible arm to be the best.
func (s *counts) thompson(eligible []bool, p []float64) {
	var posteriors []beta
	for a := range p {
		if isEligible(eligible, a) {
			posteriors = append(posteriors, s.posterior(a))
		}
	}
	bestProbabilities(s.rule, posteriors, p[:0])
	expand(p, len(posteriors), eligible)
}
