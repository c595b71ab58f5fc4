package ope

// The direct method is the mean of dm: it has little variance and all the bias of the model.
//
// Doubly robust is the mean of dm + w e: it is unbiased when either the propensities or the model are right, and its
// variance shrinks with the residuals. Dudik, Langford, Li 2011, https://arxiv.org/abs/1103.4601.
//
// addModel adds the sums that SNDR needs.
func (e *Evaluation) addModel(g, w, dm, residual float64) {
	s := &e.sums
	d, we := float64(g*dm), float64(w*residual)
	s[sumG2] += float64(g * g)
	s[sumG2D] += float64(g * d)
	s[sumG2DW] += float64(d * w)
	s[sumG2DWE] += float64(d * we)
	s[sumG2W] += float64(g * w)
	s[sumG2WE] += float64(g * we)
	s[sumWE] += we
	s[sumW2E] += float64(w * we)
	s[sumW2E2] += float64(we * we)
}
