package scale

import "math"

// Moments are the running weight, mean and sum of squared deviations of one
// number, by the weighted form of Welford's recurrence (West 1979,
// https://doi.org/10.1145/359146.359153). A weight counts as a frequency.
type Moments struct {
	Weight float64 // sum of the weights
	Mean   float64
	M2     float64 // sum of weight times squared deviation from the mean
}

// Add returns the moments after one more value x with weight h > 0. The mean
// of a constant sequence is exactly that constant, and its M2 exactly 0.
func (m Moments) Add(x, h float64) Moments {
	w := m.Weight + h
	return m.add(x, h, w, h/w)
}

// add is Add with the new weight w and the share h/w of the value in it.
func (m Moments) add(x, h, w, share float64) Moments {
	d := x - m.Mean
	mean := m.Mean + float64(d*share)
	m2 := m.M2
	// The two factors have one sign, but for rounding when h/w rounds to 1.
	if v := float64(float64(h*d) * (x - mean)); !(v < 0) {
		m2 += v
	}
	return Moments{w, mean, m2}
}

// Merge returns the moments of both samples together (Chan, Golub and LeVeque
// 1979, http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf).
func (m Moments) Merge(o Moments) Moments {
	w := m.Weight + o.Weight
	if w == 0 {
		return m
	}
	d, share := o.Mean-m.Mean, o.Weight/w
	return Moments{w, m.Mean + float64(d*share), m.M2 + o.M2 + float64(float64(float64(d*d)*share)*m.Weight)}
}

// Inverse returns 1 over the population standard deviation, or 0 for a
// constant, so that (x-Mean)*Inverse() standardises and maps a constant to 0.
func (m Moments) Inverse() float64 {
	inv := math.Sqrt(m.Weight / m.M2)
	if !(inv <= math.MaxFloat64) { // M2 is 0, or so small that the quotient overflows
		return 0
	}
	return inv
}

// SD returns the population standard deviation.
func (m Moments) SD() float64 {
	if m.Weight == 0 {
		return 0
	}
	return math.Sqrt(m.M2 / m.Weight)
}

// Valid reports whether every part is finite and in its range.
func (m Moments) Valid() bool {
	return m.Weight >= 0 && m.Weight <= math.MaxFloat64 && math.Abs(m.Mean) <= math.MaxFloat64 &&
		m.M2 >= 0 && m.M2 <= math.MaxFloat64
}
