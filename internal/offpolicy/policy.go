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

// Constant is a policy that looks at nothing: a probability for every arm.
type Constant struct {
	fixed
	p []float64
}

// Uniform chooses all arms alike.
func Uniform(a *Arms) (*Constant, error) {
	if len(a.names) == 0 {
		return nil, errors.New("the arms must be known")
	}
	c := &Constant{p: make([]float64, len(a.names))}
	for i := range c.p {
		c.p[i] = 1 / float64(len(c.p))
	}
	return c, nil
}

// Always chooses one arm.
func Always(a *Arms, arm string) (*Constant, error) {
	i, ok := a.index[arm]
	if !ok {
		return nil, fmt.Errorf("%q is none of the arms: %s", arm, some(a.names))
	}
	c := &Constant{p: make([]float64, len(a.names))}
	c.p[i] = 1
	return c, nil
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
	t.logged, t.all = c.p[r.action], c.p
	return nil
}
