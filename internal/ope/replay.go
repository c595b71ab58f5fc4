package ope

// replay is the mean reward of the decisions that the target policy would have taken for certain. It is unbiased for
// a deterministic target policy and a uniformly random log. (Rejection sampling, which accepts a decision with
// probability w/max w, has SNIPS as its limit.)
// Li et al. 2011, https://arxiv.org/abs/1003.5956.
func (e *Evaluation) replay() (float64, bool) {
	if e.sums[matches] == 0 {
		return 0, false
	}
	return e.sums[matchedR] / e.sums[matches], true
}
