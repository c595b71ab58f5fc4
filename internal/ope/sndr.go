package ope

// sndr is self-normalised doubly robust: mean(dm) + sum(w e)/sum(w).
// Thomas, Brunskill 2016, https://arxiv.org/abs/1604.00923 (weighted doubly robust).
func (e *Evaluation) sndr() (float64, bool) {
	s := &e.sums
	if s[sumW] == 0 {
		return 0, false
	}
	dm, _ := e.mean(DM)
	return dm + s[sumWE]/s[sumW], true
}

// sndrInterval goes by the delta method: the influence of a decision is g (dm - mean dm)/n + W (e - c)/sum W with
// c = sum(W e)/sum(W), and the variance is the sum of its square.
func (e *Evaluation) sndrInterval(alpha float64) (lo, hi float64, ok bool) {
	s := &e.sums
	value, ok := e.sndr()
	if !ok || s[events] <= 1 {
		return 0, 0, false
	}
	dm, _ := e.mean(DM)
	c := s[sumWE] / s[sumW]
	squaresD := s[means+2*meanOf[DM]+1] - float64(2*dm*s[sumG2D]) + float64(dm*dm*s[sumG2])
	squaresW := s[sumW2E2] - float64(2*c*s[sumW2E]) + float64(c*c*s[sumW2])
	cross := s[sumG2DWE] - float64(c*s[sumG2DW]) - float64(dm*(s[sumG2WE]-float64(c*s[sumG2W])))
	n, w := s[events], s[sumW]
	half := normalHalfWidth(squaresD/n/n+squaresW/w/w+float64(2*cross)/n/w, alpha)
	return value - half, value + half, true
}
