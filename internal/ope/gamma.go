package ope

import "github.com/streamlearner/streamlearner/internal/portable"

const asymptotic = 10 // from here on the series are exact to the last digits

// logGamma is log Gamma(x) for x > 0, by Stirling's series (https://dlmf.nist.gov/5.11.E1).
func logGamma(x float64) float64 {
	product := 1.0
	for x < asymptotic {
		product *= x
		x++
	}
	const halfLog2Pi = 0.91893853320467274178
	y := 1 / x
	y2 := float64(y * y)
	series := 1. / 156
	for _, c := range [...]float64{-691. / 360360, 1. / 1188, -1. / 1680, 1. / 1260, -1. / 360, 1. / 12} {
		series = float64(series*y2) + c
	}
	return float64((x-0.5)*portable.Log(x)) - x + halfLog2Pi + float64(series*y) - portable.Log(product)
}

// trigamma is the second derivative of log Gamma(x), x > 0 (https://dlmf.nist.gov/5.15.E8).
func trigamma(x float64) float64 {
	sum := 0.0
	for x < asymptotic {
		sum += 1 / float64(x*x)
		x++
	}
	y := 1 / x
	y2 := float64(y * y)
	series := 7. / 6
	for _, c := range [...]float64{-691. / 2730, 5. / 66, -1. / 30, 1. / 42, -1. / 30, 1. / 6} {
		series = float64(series*y2) + c
	}
	return sum + y + float64(y2/2) + float64(series*y2*y)
}
