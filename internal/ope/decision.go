package ope

import "math"

// Decision is one row of the log, as the target policy sees it.
type Decision struct {
	Reward     float64 // inside of the reward range of Config
	Propensity float64 // the logging policy's probability of the logged action, in (0, 1]
	Target     float64 // the target policy's probability of the logged action, in [0, 1]
	Density    bool    // Propensity and Target are densities of a number that was chosen, which may be above 1
	Dropped    float64 // probability that such a decision was left out of the log, in [0, 1)

	// A model of the rewards, for DM and the DR family; without one both are 0.
	Expected float64 // sum over the actions of the target policy's probability times the predicted reward
	Logged   float64 // predicted reward of the logged action
}

// Problem is the reason why a decision was refused.
type Problem uint8

// The reasons. With a wrong propensity every estimate is silently biased, so that such rows are refused, not repaired.
const (
	None Problem = iota
	BadPropensity
	ZeroPropensity
	LargePropensity
	BadTarget
	BadReward
	RewardOutOfRange
	BadDropped
	BadModel
	LargeWeight
	BadDensity
	BadTargetDensity
	problemCount
)

var problemText = [problemCount]string{
	None:             "none",
	BadPropensity:    "the propensity is not a number",
	ZeroPropensity:   "the propensity is 0 or less: the logged action was impossible",
	LargePropensity:  "the propensity is above 1",
	BadTarget:        "the target probability is outside of [0, 1]",
	BadReward:        "the reward is not a number",
	RewardOutOfRange: "the reward is outside of the reward range",
	BadDropped:       "the drop probability is outside of [0, 1)",
	BadModel:         "the predicted reward is not finite, or larger than 1e60",
	LargeWeight:      "the importance weight is above 1e12",
	BadDensity:       "the density is not finite",
	BadTargetDensity: "the target density is below 0 or not finite",
}

// String says the reason in words.
func (p Problem) String() string {
	if p < problemCount {
		return problemText[p]
	}
	return "unknown"
}

// Bounds that keep every sum finite: the square of a weight times a reward, summed over any log, stays below 1e308.
const (
	largestWeight = 1e12
	largestReward = 1e60
)

// Check returns why Add would refuse the decision, or None.
func (c *Config) Check(d Decision) Problem {
	switch {
	case math.IsNaN(d.Propensity):
		return BadPropensity
	case d.Propensity <= 0:
		return ZeroPropensity
	case d.Density && d.Propensity > math.MaxFloat64:
		return BadDensity
	case d.Density && !(d.Target >= 0 && d.Target <= math.MaxFloat64):
		return BadTargetDensity
	case d.Density:
	case d.Propensity > 1:
		return LargePropensity
	case !(d.Target >= 0 && d.Target <= 1):
		return BadTarget
	}
	switch {
	case math.IsNaN(d.Reward):
		return BadReward
	case d.Reward < c.RewardMin || d.Reward > c.RewardMax:
		return RewardOutOfRange
	case !(d.Dropped >= 0 && d.Dropped < 1):
		return BadDropped
	case !(math.Abs(d.Expected) <= largestReward && math.Abs(d.Logged) <= largestReward):
		return BadModel
	case d.Target/d.Propensity/(1-d.Dropped) > largestWeight || 1/(1-d.Dropped) > largestWeight:
		return LargeWeight
	}
	return None
}
