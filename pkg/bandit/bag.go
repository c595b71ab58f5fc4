package bandit

// poisson returns how often member b of bag learns event number n: a draw from
// the Poisson distribution with mean 1, which stands for drawing events with
// replacement (Oza and Russell 2001, Online Bagging and Boosting,
// https://proceedings.mlr.press/r3/oza01a.html). It depends on n and b alone.
func poisson(n uint64, b int) float64 {
	u := float64(mix64(mix64(n+weyl)+uint64(b+1)*weyl)>>11) / (1 << 53)
	for k, p := range [...]float64{0.36787944117144233, 0.7357588823428847, 0.9196986029286058, 0.9810118431238462, 0.9963401531726563} {
		if u < p {
			return float64(k)
		}
	}
	return 5
}
