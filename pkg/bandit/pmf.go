package bandit

// Choose returns the arm that u, uniform in [0, 1), selects from the
// probabilities p by inverting their cumulative distribution. The same u and p
// always give the same arm.
func Choose(p []float64, u float64) int {
	last, sum := 0, 0.0
	for i, v := range p {
		if v <= 0 {
			continue
		}
		last = i
		if sum += v; u < sum {
			return i
		}
	}
	return last // u lies above the sum by rounding
}

// enforceFloor replaces the probabilities p by the closest ones, in Euclidean
// distance, that are all at least floor / len(p). p must add up to 1.
//
// The result is max(least, p - t), with the t that makes it add up to 1. Since
// t only grows while arms fall to the least, at most len(p) rounds find it.
func enforceFloor(p []float64, floor float64) {
	least := floor / float64(len(p))
	t, raised := 0.0, -1
	for {
		sum, n := 0.0, 0
		for _, v := range p {
			if v-t > least {
				sum += v
				n++
			}
		}
		if n == 0 { // only by rounding: every arm stands at the least, floor is 1
			break
		}
		if r := len(p) - n; r != raised {
			raised = r
			t = (sum - (1 - float64(float64(r)*least))) / float64(n)
			continue
		}
		break
	}
	for i, v := range p {
		p[i] = max(least, v-t)
	}
}
