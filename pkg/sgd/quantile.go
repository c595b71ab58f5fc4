package sgd

// quantile returns the pinball loss of the quantile tau and its derivative,
// for prediction minus label d: -tau d below the label, (1-tau) d above it
// (Koenker, Bassett 1978, https://doi.org/10.2307/1913643). At the label the derivative is 0.
func quantile(d, tau float64) (loss, grad float64) {
	switch {
	case d < 0:
		return float64(-tau * d), -tau
	case d > 0:
		return float64((1 - tau) * d), 1 - tau
	}
	return 0, 0
}

// invariantQuantile moves the score at constant speed, no further than to the label.
func invariantQuantile(d, tau, h, ppu float64) float64 {
	if d < 0 {
		return min(float64(tau*h), -d/ppu)
	}
	return -min(float64((1-tau)*h), d/ppu)
}
