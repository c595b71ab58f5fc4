package bandit

import "github.com/streamlearner/streamlearner/pkg/event"

// A set of eligible arms is a slice with an element for each arm; nil means all.

// eligibleOf returns the arms that could be chosen when an event was decided.
func eligibleOf(e *event.Event) []bool {
	if len(e.Eligible) == 0 {
		return nil
	}
	return e.Eligible
}

func isEligible(eligible []bool, arm int) bool { return eligible == nil || eligible[arm] }

// compress moves the values of the eligible arms to the front of p and returns them.
func compress(p []float64, eligible []bool) []float64 {
	if eligible == nil {
		return p
	}
	n := 0
	for i, ok := range eligible {
		if ok {
			p[n] = p[i]
			n++
		}
	}
	return p[:n]
}

// expand puts the first n values of p back to the n eligible arms and 0 to the others.
func expand(p []float64, n int, eligible []bool) {
	if eligible == nil {
		return
	}
	for i := len(p) - 1; i >= 0; i-- {
		if eligible[i] {
			n--
			p[i] = p[n]
		} else {
			p[i] = 0
		}
	}
}
