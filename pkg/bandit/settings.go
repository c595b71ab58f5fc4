package bandit

import (
	"fmt"
	"time"
)

// The settings but the arms, as tables: for validation, for the bytes of a model, and to compare two configurations.

// number is a setting with its bounds.
type number struct {
	key       string
	at        *float64
	low, high float64
}

func (c *Config) numbers() []number {
	return []number{
		{"reward_min", &c.RewardMin, -1e50, 1e50},
		{"reward_max", &c.RewardMax, -1e50, 1e50},
		{"floor", &c.Floor, 0, 1},
		{"prior_alpha", &c.PriorAlpha, 0.1, 1e6},
		{"prior_beta", &c.PriorBeta, 0.1, 1e6},
		{"prior_mean", &c.PriorMean, 0, 1},
		{"prior_weight", &c.PriorWeight, 1e-3, 1e6},
		{"alpha", &c.Alpha, 0, 1e6},
		{"spread", &c.Spread, 0, 1e6},
		{"optimism", &c.Optimism, -1, 10},
		{"epsilon", &c.Epsilon, 0, 1},
		{"temperature", &c.Temperature, 1e-6, 1e6},
		{"gamma_scale", &c.GammaScale, 0, 1e9},
		{"gamma_exponent", &c.GammaExponent, 0, 1},
		{"mellowness", &c.Mellowness, -1, 1e6},
		{"psi", &c.Psi, 0, 1e6},
		{"gamma", &c.Gamma, 1e-6, 1},
		{"rate", &c.Rate, 0, 1e3},
		{"entropy", &c.Entropy, 0, 1e3},
		{"importance_clip", &c.ImportanceClip, 1, 1e6},
		{"lambda", &c.Lambda, 0, 1e9},
		{"clip", &c.Clip, 0, 1e6},
		{"extreme", &c.Extreme, 0, 1e50},
		{"baseline_floor", &c.BaselineFloor, 0, 1},
		{"price_step", &c.PriceStep, 0, 1e6},
		{"price_floor", &c.PriceFloor, 0, 1e50},
		{"new_share", &c.NewShare, 0, 1},
		{"new_prior", &c.NewPrior, 0, 1},
		{"conservative", &c.Conservative, 0, 1},
		{"cost", &c.Cost, 0, 1e50},
		{"value_min", &c.ValueMin, -1e50, 1e50},
		{"value_max", &c.ValueMax, -1e50, 1e50},
		{"bandwidth", &c.Bandwidth, 0, 1e50},
	}
}

// whole is a setting that is a whole number.
type whole struct {
	key       string
	at        *int
	low, high int
}

func (c *Config) wholes() []whole {
	return []whole{{"draws", &c.Draws, 0, maxDraws}, {"size", &c.Size, 1, 64}, {"max_features", &c.MaxFeatures, 1, maxDiagonal}, {"new_events", &c.NewEvents, 0, 1e9}, {"bins", &c.Bins, 2, maxArms}}
}

// choice is a setting that is one of a few words; without words it is any text.
type choice struct {
	key     string
	at      *string
	allowed []string
}

func (c *Config) choices() []choice {
	return []choice{
		{"policy", &c.Policy, Policies()},
		{"features", &c.Features, []string{Disjoint, Shared, Hybrid}},
		{"matrix", &c.Matrix, []string{"auto", "full", "diagonal"}},
		{"standardize", &c.Standardize, []string{"auto", "on", "off"}},
		{"salt", &c.Salt, nil},
		{"baseline", &c.Baseline, nil},
	}
}

// toggle is a setting that is true or false.
type toggle struct {
	key string
	at  *bool
}

func (c *Config) flags() []toggle {
	return []toggle{{"nounif", &c.NoUnif}, {"interactions", &c.Interactions}, {"intercept", &c.Intercept}}
}

// span is a setting that is a duration, in whole milliseconds.
type span struct {
	key string
	at  *time.Duration
}

func (c *Config) spans() []span {
	return []span{{"half_life", &c.HalfLife}, {"window", &c.Window}, {"drain", &c.Drain}}
}

// AboutArms reports whether a setting is about arms. Such settings shape no statistics, so
// that a stored bandit goes on under other values.
func AboutArms(key string) bool {
	switch key {
	case "arms", "limits", "baseline", "baseline_floor", "price_step", "price_floor", "new_share", "new_events", "new_prior", "drain", "conservative", "guard_rails":
		return true
	}
	return false
}

// Set changes a setting that is a number.
func (c *Config) Set(key string, v float64) error {
	for _, n := range c.numbers() {
		if n.key == key {
			*n.at = v
			return nil
		}
	}
	for _, n := range c.wholes() {
		if n.key == key {
			*n.at = int(v)
			return nil
		}
	}
	return fmt.Errorf("learner.bandit.%s: no setting that is a number", key)
}
