package sgd

import "math"

// huber returns the loss of Huber (1964, https://doi.org/10.1214/aoms/1177703732)
// and its derivative, for prediction minus label d: d^2/2 up to delta, delta (|d| - delta/2) beyond.
func huber(d, delta float64) (loss, grad float64) {
	if a := math.Abs(d); a > delta {
		return float64(delta * (a - float64(delta/2))), math.Copysign(delta, d)
	}
	return float64(d/2) * d, d
}

// invariantHuber moves the score at constant speed delta while it is further
// than delta from the label, and from there on by exponential decay.
func invariantHuber(d, delta, h, ppu float64) float64 {
	a, s := math.Abs(d), float64(h*ppu)
	far := max(0, a-delta)
	if far >= float64(delta*s) {
		return -math.Copysign(float64(delta*h), d)
	}
	if far > 0 {
		s -= far / delta
	}
	return -math.Copysign((far-float64((a-far)*expm1(-s)))/ppu, d)
}
