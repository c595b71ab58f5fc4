package event

// Bin returns the bin of the number v when the interval from low to high is divided into bins of equal width.
func Bin(v, low, high float64, bins int) int {
	return max(0, min(bins-1, int(float64((v-low)/(high-low))*float64(bins))))
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
