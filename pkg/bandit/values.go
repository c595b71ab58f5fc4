package bandit

import (
	"fmt"
	"math"
	"strconv"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Continuous reports whether the policy chooses a number, and not an arm. The arms are then the bins of the interval
// from ValueMin to ValueMax, Event.Arm is the bin of Event.Value, and Event.Prob the density of the number, which may exceed 1.
func (c *Config) Continuous() bool { return c.Policy == Cats }

// ArmNames returns the names of the arms that the bandit begins with: Arms, or the middles of the bins.
func (c *Config) ArmNames() []string {
	if !c.Continuous() {
		return c.Arms
	}
	s := c.values()
	names := make([]string, s.bins)
	for i := range names {
		names[i] = strconv.FormatFloat(s.centre(i), 'g', -1, 64)
	}
	return names
}

// Interval returns the bounds of the number that policy cats chooses, and the bandwidth of its draws.
func (c *Config) Interval() (low, high, bandwidth float64) {
	return c.ValueMin, c.ValueMax, c.bandwidth()
}

// baselineBin returns the bin of the number that decisions fall back to; -1 for none.
func (c *Config) baselineBin() int {
	v, _, ok := event.FixedValue(c.Baseline, c.ValueMin, c.ValueMax, c.bandwidth())
	if !ok {
		return -1
	}
	return event.Bin(v, c.ValueMin, c.ValueMax, c.Bins)
}

// validateValues finds what policy cats cannot do.
func (c *Config) validateValues() error {
	s := c.values()
	switch {
	case len(c.Arms) > 0:
		return fmt.Errorf("learner.bandit.arms: %q: must be empty with policy cats, which chooses a number from learner.bandit.value_min to value_max", c.Arms)
	case !(c.ValueMin < c.ValueMax):
		return fmt.Errorf("learner.bandit.value_max: %v: must be above learner.bandit.value_min, which is %v", c.ValueMax, c.ValueMin)
	case !(s.bandwidth <= c.ValueMax-c.ValueMin):
		return fmt.Errorf("learner.bandit.bandwidth: %v: must be at most value_max - value_min, which is %v", c.Bandwidth, c.ValueMax-c.ValueMin)
	case !(s.bandwidth >= 1e-6*max(math.Abs(c.ValueMin), math.Abs(c.ValueMax))):
		return fmt.Errorf("learner.bandit.bandwidth: %v: must be at least a millionth of the larger of value_min and value_max", c.Bandwidth)
	case s.centre(1)-s.centre(0) < 1e-9*max(math.Abs(c.ValueMin), math.Abs(c.ValueMax)):
		return fmt.Errorf("learner.bandit.bins: %d: the bins of the interval from %v to %v would be too narrow to tell apart", c.Bins, c.ValueMin, c.ValueMax)
	case c.Baseline != "" && c.baselineBin() < 0:
		return fmt.Errorf("learner.bandit.baseline: %q: must be a number from %v to %v (learner.bandit.value_min and value_max) with policy cats", c.Baseline, c.ValueMin, c.ValueMax)
	case len(c.Limits) > 0 || c.BaselineFloor != 0 || c.PriceStep != 0 || c.PriceFloor != 0 || len(c.GuardRails) > 0:
		return fmt.Errorf("learner.bandit.policy: cats: has no limits, baseline_floor, price_step, price_floor and guard_rails: set value_min and value_max to the numbers that may be chosen")
	case c.Floor == 0:
		return fmt.Errorf("learner.bandit.floor: 0: must be above 0 with policy cats, which learns nothing of numbers that it never chooses")
	}
	return nil
}

// interval divides the interval of the numbers that may be chosen into bins of equal width.
type interval struct {
	low, high, bandwidth float64
	bins                 int
}

// bandwidth returns Bandwidth, or what 0 means.
func (c *Config) bandwidth() float64 {
	if c.Bandwidth == 0 && c.Continuous() {
		return (c.ValueMax - c.ValueMin) / 20
	}
	return c.Bandwidth
}

func (c *Config) values() interval {
	return interval{low: c.ValueMin, high: c.ValueMax, bandwidth: c.bandwidth(), bins: c.Bins}
}

// centre returns the middle of a bin.
func (s *interval) centre(bin int) float64 {
	return s.low + float64((s.high-s.low)*((float64(bin)+0.5)/float64(s.bins)))
}

// window returns the numbers within the bandwidth of the centre of a bin.
func (s *interval) window(bin int) (low, high float64) {
	return event.Window(s.centre(bin), s.low, s.high, s.bandwidth)
}

// density is that of the number v when the tree picks a bin, with the share explore of even draws from the interval.
func (s *interval) density(bin int, v, explore float64) float64 {
	d := explore / (s.high - s.low)
	if low, high := s.window(bin); low <= v && v <= high {
		d += (1 - explore) / (high - low)
	}
	return d
}

// draw returns the number that u and v, uniform in [0, 1), select: u whether to explore, v the place.
func (s *interval) draw(bin int, u, v, explore float64) float64 {
	low, high := s.low, s.high
	if u >= explore {
		low, high = s.window(bin)
	}
	return min(high, low+float64((high-low)*v))
}

// shares sets p to the probability that the number lies in each bin.
func (s *interval) shares(bin int, explore float64, p []float64) {
	low, high := s.window(bin)
	half := float64((s.high - s.low) / float64(2*s.bins))
	for i := range p {
		c := s.centre(i)
		inside := max(0, min(high, c+half)-max(low, c-half))
		p[i] = explore/float64(s.bins) + float64((1-explore)*inside)/(high-low)
	}
}

// weight is the importance weight of the number v, drawn with a density, in the window of a bin: that of the window over its own. It is 0 outside.
func (s *interval) weight(bin int, v, density float64) float64 {
	low, high := s.window(bin)
	if v < low || v > high {
		return 0
	}
	return 1 / float64(density*(high-low))
}

// checkValue says why the number of an event, or its density, is refused, if it is.
func (c *Config) checkValue(e *event.Event) *event.Rejection {
	switch {
	case !(e.Value >= c.ValueMin && e.Value <= c.ValueMax):
		return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("value %v: learner.bandit.value_min and value_max allow %v to %v", e.Value, c.ValueMin, c.ValueMax)}
	case e.Arm != event.Bin(e.Value, c.ValueMin, c.ValueMax, c.Bins):
		return &event.Rejection{Reason: event.ArmUnknown, Detail: fmt.Sprintf("arm %d: the value %v lies in bin %d", e.Arm, e.Value, event.Bin(e.Value, c.ValueMin, c.ValueMax, c.Bins))}
	case len(e.Actions) > 0:
		return &event.Rejection{Reason: event.ActionsInvalid, Detail: "actions have features, but a number was chosen"}
	case e.Labelled && !(e.Prob > 0 && e.Prob <= math.MaxFloat64):
		return &event.Rejection{Reason: event.PropensityInvalid, Detail: fmt.Sprintf("density %v: must be above 0 and finite", e.Prob)}
	}
	return nil
}

// Value returns the number that policy cats chooses for an event with an id, the bin that it lies in, and its density. The density is
// NaN when values of the event are not finite. Two hashes of the id make the draw: one says whether to
// explore, the other one the place.
func (p *Policy) Value(e *event.Event) (v float64, bin int, density float64) {
	c, ok := p.core.(*cats)
	if !ok {
		return 0, 0, math.NaN()
	}
	picked := c.pick(e)
	if picked < 0 {
		return 0, 0, math.NaN()
	}
	explore := c.explore()
	v = c.values.draw(picked, p.key.Uniform(e.ID), p.key.place(e.ID), explore)
	return v, event.Bin(v, p.cfg.ValueMin, p.cfg.ValueMax, p.cfg.Bins), c.values.density(picked, v, explore)
}

// BaselineValue returns the number that decisions fall back to, the bin that it lies in, and the density that it is logged with, see
// event.FixedValue. number names another one than the settings do; not ok when there is none, or none from ValueMin to ValueMax.
func (p *Policy) BaselineValue(number string) (v float64, bin int, density float64, ok bool) {
	if number == "" {
		number = p.cfg.Baseline
	}
	low, high, bandwidth := p.cfg.Interval()
	v, density, ok = event.FixedValue(number, low, high, bandwidth)
	return v, event.Bin(v, low, high, p.cfg.Bins), density, ok && p.cfg.Continuous()
}

// Density returns the density with which policy cats, as it is, would choose the number of an event in its context; NaN when values of the event are not finite.
func (m *Model) Density(e *event.Event) float64 { return densityOf(m.live, e) }

// Density is Model.Density.
func (p *Policy) Density(e *event.Event) float64 { return densityOf(p.core, e) }

func densityOf(live core, e *event.Event) float64 {
	c, ok := live.(*cats)
	if !ok {
		return math.NaN()
	}
	picked := c.pick(e)
	switch {
	case picked < 0:
		return math.NaN()
	case !(e.Value >= c.values.low && e.Value <= c.values.high):
		return 0
	}
	return c.values.density(picked, e.Value, c.explore())
}
