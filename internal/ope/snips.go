package ope

// snips is self-normalised IPS: sum(w r)/sum(w). It stays inside of the range of the rewards and does not change
// when all propensities are off by a factor; its bias is of order 1/n.
// Swaminathan, Joachims 2015, https://papers.nips.cc/paper/5748.
func (e *Evaluation) snips() (float64, bool) {
	s := &e.sums
	if s[sumW] == 0 {
		return 0, false
	}
	return e.unscale(s[sumWX] / s[sumW]), true
}

// snipsInterval goes by the delta method: the variance is sum W^2 (x - value)^2 / (sum W)^2.
func (e *Evaluation) snipsInterval(alpha float64) (lo, hi float64, ok bool) {
	s := &e.sums
	if s[sumW] == 0 || s[events] <= 1 {
		return 0, 0, false
	}
	v := s[sumWX] / s[sumW]
	squares := s[sumW2X2] - float64(2*v*s[sumW2X]) + float64(v*v*s[sumW2])
	half := normalHalfWidth(squares/s[sumW]/s[sumW], alpha)
	return e.unscale(v - half), e.unscale(v + half), true
}

// unscale maps [0, 1] to the range of the rewards.
func (e *Evaluation) unscale(x float64) float64 {
	return e.config.RewardMin + float64(x*(e.config.RewardMax-e.config.RewardMin))
}
