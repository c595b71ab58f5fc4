package event

import "strconv"

// Bin returns the bin of the number v when the interval from low to high is divided into bins of equal width.
func Bin(v, low, high float64, bins int) int {
	return max(0, min(bins-1, int(float64((v-low)/(high-low))*float64(bins))))
}

// Window returns the bounds of the numbers within a bandwidth of v and from low to high.
func Window(v, low, high, bandwidth float64) (from, to float64) {
	return max(low, v-bandwidth), min(high, v+bandwidth)
}

// FixedValue reads a number from low to high that is chosen without a draw, as a baseline is. Its density is that of an even draw
// from within the bandwidth of it: a single number tells about what such a draw does of its neighbourhood.
func FixedValue(text string, low, high, bandwidth float64) (v, density float64, ok bool) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= low && v <= high) {
		return 0, 0, false
	}
	from, to := Window(v, low, high, bandwidth)
	return v, 1 / (to - from), true
}

// value reads the number that was chosen.
func (f *filler) value(v value) {
	low, high, bins := f.schema.Continuous[0], f.schema.Continuous[1], len(f.schema.Arms)
	x, ok := v.number()
	if ok && x >= low && x <= high {
		f.e.Value, f.e.Arm = x, Bin(x, low, high, bins)
		return
	}
	if f.needLabel {
		f.fail(ArmUnknown, f.schema.Arm, "%s: must be a number from %v to %v", v.excerpt(), low, high)
	}
}
