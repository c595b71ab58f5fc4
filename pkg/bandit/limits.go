package bandit

import (
	"fmt"
	"slices"
	"strconv"
)

// Limit bounds what one arm may get.
type Limit struct {
	// Arm is the name of the arm.
	Arm string `koanf:"arm"`
	// Cap is the largest probability that the arm is chosen with, in (0, 1); 0 for no cap.
	Cap float64 `koanf:"cap"`
	// Price of the arm, above 0, for PriceStep and PriceFloor; 0 for an arm without a price.
	Price float64 `koanf:"price"`
}

// String renders the limit as it is configured.
func (l Limit) String() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return fmt.Sprintf("{arm: %q, cap: %s, price: %s}", l.Arm, number(l.Cap), number(l.Price))
}

// cap returns the largest probability.
func (l Limit) cap() float64 {
	if l.Cap == 0 {
		return 1
	}
	return l.Cap
}

func (l *Limit) validate() error {
	switch {
	case !(l.Cap >= 0 && l.Cap <= 1):
		return fmt.Errorf("cap %v: must be above 0 and at most 1, or 0 for none", l.Cap)
	case !(l.Price >= 0 && l.Price <= 1e50):
		return fmt.Errorf("price %v: must be above 0 and at most 1e50, or 0 for none", l.Price)
	}
	return nil
}

// limit returns what is configured of an arm.
func (c *Config) limit(arm string) Limit {
	for _, l := range c.Limits {
		if l.Arm == arm {
			return l
		}
	}
	return Limit{Arm: arm}
}

func (c *Config) validateLimits() error {
	for i, l := range c.Limits {
		if !slices.Contains(c.Arms, l.Arm) {
			return fmt.Errorf("learner.bandit.limits: %v: arm must be one of learner.bandit.arms %q", l, c.Arms)
		}
		if slices.ContainsFunc(c.Limits[:i], func(o Limit) bool { return o.Arm == l.Arm }) {
			return fmt.Errorf("learner.bandit.limits: %q is named twice", l.Arm)
		}
		if err := l.validate(); err != nil {
			return fmt.Errorf("learner.bandit.limits: %v: %w", l, err)
		}
	}
	if c.Baseline != "" && !slices.Contains(c.Arms, c.Baseline) {
		return fmt.Errorf("learner.bandit.baseline: %q: must be one of learner.bandit.arms %q", c.Baseline, c.Arms)
	}
	return c.feasible(newArms(c))
}

// feasible returns an error when the constraints cannot hold together for the
// arms of a table, all of them eligible.
func (c *Config) feasible(t *arms) error {
	caps, open, fresh := 0.0, 0, 0
	for i := range t.list {
		a := &t.list[i]
		if !a.open() || c.offPrice(t, i) {
			continue
		}
		open++
		caps += a.Cap
		if err := c.soldAt(a); err != nil {
			return err
		}
		if a.Status == ArmNew {
			fresh++
		}
	}
	base := t.baseline
	switch {
	case base < 0 && c.BaselineFloor > 0:
		return fmt.Errorf("learner.bandit.baseline_floor: %v: learner.bandit.baseline must name the arm that is to have it", c.BaselineFloor)
	case base < 0 && c.Conservative > 0:
		return fmt.Errorf("learner.bandit.conservative: %v: learner.bandit.baseline must name the arm to compare with", c.Conservative)
	case base < 0 && len(c.GuardRails) > 0:
		return fmt.Errorf("learner.bandit.guard_rails: %v: learner.bandit.baseline must name the arm to compare with", c.GuardRails)
	case len(c.GuardRails) > 0 && t.list[base].Cap < 1:
		return fmt.Errorf("learner.bandit.guard_rails: %v: all arms but the baseline %q may be taken out, so it must have no cap", c.GuardRails, t.list[base].Name)
	case c.PriceStep > 0 && (base < 0 || t.list[base].Price == 0):
		return fmt.Errorf("learner.bandit.price_step: %v: is counted from the price of learner.bandit.baseline: name that arm, and its price in learner.bandit.limits", c.PriceStep)
	case base >= 0 && !t.list[base].open():
		return fmt.Errorf("arm %q is the baseline: name another one as learner.bandit.baseline before it is removed", t.list[base].Name)
	case base >= 0 && c.offPrice(t, base):
		return fmt.Errorf("learner.bandit.price_floor: %v: is above the price %v of the baseline %q", c.PriceFloor, t.list[base].Price, t.list[base].Name)
	case open == 0:
		return fmt.Errorf("no arm is left to choose: learner.bandit.price_floor %v and price_step %v, and removals, leave none", c.PriceFloor, c.PriceStep)
	case caps < 1-1e-9: // but for rounding
		return fmt.Errorf("learner.bandit.limits: the caps of the arms that may be chosen add up to %.4g: must be at least 1; raise one, or leave one arm without", caps)
	case base >= 0 && t.list[base].Cap < c.BaselineFloor:
		return fmt.Errorf("learner.bandit.baseline_floor: %v: is above the cap %v of the baseline %q", c.BaselineFloor, t.list[base].Cap, t.list[base].Name)
	}
	if sum := c.Floor + c.BaselineFloor + float64(c.NewShare*float64(fresh)); sum > 1 {
		return fmt.Errorf("learner.bandit.floor %v, baseline_floor %v and new_share %v of %d new arms add up to %.4g: must be at most 1",
			c.Floor, c.BaselineFloor, c.NewShare, fresh, sum)
	}
	return nil
}

// soldAt returns an error when policy ladder cannot tell how much was sold at the price of an arm.
func (c *Config) soldAt(a *Arm) error {
	switch {
	case c.Policy != Ladder:
		return nil
	case !(a.Price > c.Cost):
		return fmt.Errorf("arm %q: price %v: must be above learner.bandit.cost, which is %v, with policy ladder; give every arm a price in learner.bandit.limits", a.Name, a.Price, c.Cost)
	case a.Price-c.Cost > c.RewardMax:
		return fmt.Errorf("learner.bandit.reward_max: %v: must be at least what a sale of arm %q earns, %v", c.RewardMax, a.Name, a.Price-c.Cost)
	}
	return nil
}

// offPrice reports whether the price of an arm keeps it from being chosen: it is
// below PriceFloor, or further from the price of the baseline than PriceStep.
func (c *Config) offPrice(t *arms, arm int) bool {
	price := t.list[arm].Price
	if price == 0 {
		return false
	}
	if price < c.PriceFloor {
		return true
	}
	if c.PriceStep == 0 || t.baseline < 0 {
		return false
	}
	now := t.list[t.baseline].Price
	return price < float64(now*(1-c.PriceStep)) || price > float64(now*(1+c.PriceStep))
}
