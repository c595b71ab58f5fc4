package bandit

import "fmt"

// Opening is an arm that older parameters let decisions choose, and why those of now do not, or less.
type Opening struct{ Arm, Why string }

// Openings lists the arms that the model of then lets decisions choose although that of now does not, or with a larger
// probability than the cap of now.
func Openings(then, now *Model) []Opening {
	var out []Opening
	for i := range then.arms.list {
		name, most := then.arms.list[i].Name, then.ceiling(i)
		if j := now.arms.find(name); j < 0 && most > 0 {
			out = append(out, Opening{name, "is none of the arms of now"})
		} else if j >= 0 && most > now.ceiling(j) {
			out = append(out, Opening{name, now.whyBounded(j)})
		}
	}
	return out
}

// ceiling is the largest probability of an arm; 0 when it may not be chosen.
func (m *Model) ceiling(arm int) float64 {
	if m.rails.closed != nil && m.rails.closed[arm] {
		return 0
	}
	return m.arms.list[arm].Cap
}

// whyBounded says why an arm that is not free may not be chosen more often.
func (m *Model) whyBounded(arm int) string {
	a := &m.arms.list[arm]
	switch {
	case !a.open() && a.Out != "":
		return "was taken out by the guard rail on " + a.Out
	case !a.open():
		return "was removed"
	case m.ceiling(arm) == 0:
		return "is off in price"
	}
	return fmt.Sprintf("has a cap of %g now", a.Cap)
}
