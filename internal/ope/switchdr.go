package ope

// keep is the weight of Switch-DR: w up to lambda, and 0, that is the model alone, above.
// Wang, Agarwal, Dudik 2017, https://arxiv.org/abs/1612.01205.
func (c *Config) keep(w float64) float64 {
	if w > c.Switch {
		return 0
	}
	return w
}
