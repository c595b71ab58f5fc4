package picture

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Ticks are about so many labelled ticks, with the thousands apart.
type Ticks struct{ About int }

// Ticks returns the multiples of 1, 2 or 5 times a power of ten between lo and hi.
func (t Ticks) Ticks(lo, hi float64) []plot.Tick {
	if !(hi > lo) {
		return nil
	}
	power := math.Floor(math.Log10((hi - lo) / float64(t.About)))
	step := math.Pow(10, power)
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * math.Pow(10, power); (hi-lo)/step <= float64(t.About) {
			break
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var out []plot.Tick
	for k := math.Ceil(lo/step) + 0; k*step <= hi+step/1e6; k++ { // plus 0, since there is a -0
		label := strconv.FormatFloat(k*step, 'f', decimals, 64)
		if decimals == 0 {
			label = Group(k * step)
		}
		out = append(out, plot.Tick{Value: k * step, Label: label})
	}
	return out
}

// Group writes a whole number with its thousands apart.
func Group(x float64) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	if x < 0 {
		return "-" + s
	}
	return s
}
