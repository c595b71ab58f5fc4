package offpolicy

import (
	"errors"
	"fmt"
)

// Policy is what a candidate would have done.
type Policy interface {
	// target fills t for a row. An error refuses the row.
	target(r *row, t *target) error
	// learn takes the row after all candidates were asked about it.
	learn(r *row)
}

// target is what a policy does in a row's context.
type target struct {
	logged float64   // probability of the logged action
	all    []float64 // of every arm; nil when it is not known
}

// fixed learns nothing.
type fixed struct{}

func (fixed) learn(*row) {}

// Logged is the policy that wrote the log. What it would have done with other actions is not known.
type Logged struct{ fixed }

//nolint:unparam // the signature is that of Policy
func (Logged) target(r *row, t *target) error {
	t.logged, t.all = r.decision.Propensity, nil
	return nil
}

// Constant is a policy that looks at nothing but what can be taken.
type Constant struct {
	fixed
	arm int // that it takes; -1 for any
	all []float64
}

// Uniform takes all eligible arms alike.
func Uniform(a *Arms) (*Constant, error) {
	if len(a.names) == 0 {
		return nil, errors.New("the arms must be known")
	}
	return &Constant{arm: -1, all: make([]float64, len(a.names))}, nil
}

// Always takes one arm where it is eligible, and otherwise all that are alike.
func Always(a *Arms, arm string) (*Constant, error) {
	i, ok := a.index[arm]
	if !ok {
		return nil, fmt.Errorf("%q is none of the arms: %s", arm, some(a.names))
	}
	return &Constant{arm: i, all: make([]float64, len(a.names))}, nil
}

// some shows the beginning of a list.
func some(names []string) string {
	const most = 20
	if len(names) > most {
		return fmt.Sprintf("%v and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprint(names)
}

func (c *Constant) target(r *row, t *target) error {
	if r.action < 0 {
		return refusal{"the action is unknown", "a policy over arms needs the field of the action"}
	}
	clear(c.all)
	switch {
	case c.arm >= 0 && (r.eligible == nil || r.eligible[c.arm]):
		c.all[c.arm] = 1
	case r.eligible == nil:
		for i := range c.all {
			c.all[i] = 1 / float64(len(c.all))
		}
	default:
		n := 0
		for _, ok := range r.eligible {
			if ok {
				n++
			}
		}
		for i, ok := range r.eligible {
			if ok {
				c.all[i] = 1 / float64(n)
			}
		}
	}
	t.logged, t.all = c.all[r.action], c.all
	return nil
}
