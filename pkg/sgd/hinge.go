package sgd

// hinge returns the hinge loss max(0, 1-sz) and its derivative in z, for the
// linear score z and label y in {0, 1}, s = 2y-1 (Cortes, Vapnik 1995,
// https://doi.org/10.1007/BF00994018). At the hinge the derivative is 0.
func hinge(z, y float64) (loss, grad float64) {
	s := 2*y - 1
	if gap := 1 - float64(s*z); gap > 0 {
		return gap, -s
	}
	return 0, 0
}

// invariantHinge moves the score at constant speed, no further than to the margin.
func invariantHinge(z, y, h, ppu float64) float64 {
	s := 2*y - 1
	return float64(s * min(h, max(0, 1-float64(s*z))/ppu))
}
