package ope

// subGaussian is the weight w/(1 - lambda + lambda w), which makes the estimate's tail sub-Gaussian.
// Metelli, Russo, Restelli: Subgaussian and differentiable importance sampling for off-policy evaluation and
// learning, NeurIPS 2021, https://proceedings.neurips.cc/paper/2021.
func (c *Config) subGaussian(w float64) float64 {
	if w == 0 {
		return 0
	}
	return w / (1 - c.SubGaussian + float64(c.SubGaussian*w))
}
