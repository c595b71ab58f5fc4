package drift

// spreadFactor is how many times as large as in the reference the squared
// length of a whitened block may be. Inputs that vary more, as when they come from
// other customers, stay below it; a feature in another unit does not.
const spreadFactor = 2

// spread asks whether whitened blocks are farther from 0 than they were. A
// feature whose scale breaks throws them into its direction and the opposite one
// by turns, which alignment cannot tell from noise.
type spread struct{ rise }

// of returns the statistic of a whitened block with that squared length.
func (s *spread) of(square float64) float64 {
	return s.rise.of(square - float64((spreadFactor-1)*s.mean))
}
