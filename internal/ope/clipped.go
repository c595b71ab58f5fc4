package ope

// clip is the weight of clipped IPS: min(w, lambda). It bounds the variance, and is biased towards 0 by what it cuts
// off. Ionides 2008, https://doi.org/10.1198/106186008X320456.
func (c *Config) clip(w float64) float64 { return min(w, c.Clip) }
