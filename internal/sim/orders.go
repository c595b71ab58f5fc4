package sim

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// orders are what an operator has ordered up to some record, as the commands say it. No learner
// is asked for it, so that a learner that forgets an order, or lets automation overrule one, is noticed
// though it does the same in every run.
type orders struct {
	frozen bool               // until an operator unfreezes
	held   *state.Version     // what readers are held at; nil for the newest proven version
	policy string             // what readers do with a bandit
	out    []string           // arms that were removed, by an operator or by the guard rail, and not added again
	caps   map[string]float64 // of arms whose cap was changed
}

// take notes a command that was accepted; about is the version that it names.
func (o orders) take(c *state.Command, about *state.Version) orders {
	switch c.Kind {
	case learner.CommandFreeze:
		o.frozen = true
	case learner.CommandUnfreeze:
		o.frozen = false
	case learner.CommandRollback:
		o.held = about
	case learner.CommandPromote:
		o.held = nil
	case learner.CommandPolicy:
		o.policy = c.Args.Policy
	case event.ArmRemove:
		o.out = append(slices.Clone(o.out), c.Args.Arm)
	case event.ArmAdd:
		o.out = slices.DeleteFunc(slices.Clone(o.out), func(name string) bool { return name == c.Args.Arm })
		o = o.cap(c)
	case event.ArmCap:
		o = o.cap(c)
	}
	return o
}

func (o orders) cap(c *state.Command) orders {
	caps := map[string]float64{c.Args.Arm: c.Args.Cap}
	for name, v := range o.caps {
		if name != c.Args.Arm {
			caps[name] = v
		}
	}
	o.caps = caps
	return o
}

// checkMode fails when automation has ended what an operator began.
func (o *orders) checkMode(m learner.Mode) error {
	if o.frozen && m != learner.Frozen {
		return fmt.Errorf("the learner is %s: an operator froze it, and none has unfrozen it", m)
	}
	return nil
}

// checkPointer fails when readers are told anything else than was ordered.
func (o *orders) checkPointer(p *state.Pointer) error {
	if want := (&state.Pointer{Policy: o.policy}).ReaderPolicy(); p.ReaderPolicy() != want {
		return fmt.Errorf("readers are told to follow the policy %s: %s was ordered", p.ReaderPolicy(), want)
	}
	if o.held == nil {
		if p.Mode == state.ModeHeld {
			return fmt.Errorf("readers are held at version %d: no operator holds them", p.Number)
		}
		if o.frozen && p.Mode != learner.Frozen.String() {
			return fmt.Errorf("readers are told that the learner is %s: an operator froze it", p.Mode)
		}
		return nil
	}
	// A change of the arms makes another version of the same learned parameters.
	if p.Mode != state.ModeHeld || p.Next != o.held.Next || p.Learned != o.held.Learned {
		return fmt.Errorf("readers are served version %d, %s; an operator holds them at %d", p.Number, p.Mode, o.held.Number)
	}
	return nil
}
