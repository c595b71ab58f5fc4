package ope

// shrink is the weight of doubly robust with optimistic shrinkage: lambda w/(w^2 + lambda). Small weights stay, large
// ones fall towards 0. Su et al. 2020, https://arxiv.org/abs/1907.09623.
func (c *Config) shrink(w float64) float64 {
	return w / (float64(w/c.Shrinkage*w) + 1)
}
