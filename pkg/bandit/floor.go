package bandit

// enforceFloor replaces the probabilities p by the closest ones, in Euclidean
// distance, that are all at least floor / n, with n their number. p must add up to 1.
// It is Vowpal Wabbit's enforce_minimum_probability; as there, probabilities that are all 0 become equal.
//
// The result is max(least, p - t), with the t that makes it add up to 1. Since
// t only grows while arms fall to the least, at most len(p) rounds find it.
//
// With supported set, the arms of probability 0 stay there and do not count.
func enforceFloor(p []float64, floor float64, supported bool) {
	arms, total := 0, 0.0
	for _, v := range p {
		if v > 0 || !supported {
			arms++
		}
		total += v
	}
	if arms == 0 || floor == 0 {
		return
	}
	if total == 0 {
		floor = 1
	}
	least := floor / float64(arms)
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
		if r := arms - n; r > raised { // by rounding an arm may come back; it stays at the least
			raised = r
			t = (sum - (1 - float64(float64(r)*least))) / float64(n)
			continue
		}
		break
	}
	for i, v := range p {
		if v > 0 || !supported {
			p[i] = max(least, v-t)
		}
	}
}
