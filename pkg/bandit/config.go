package bandit

import (
	"fmt"
	"math"
)

// The policies.
const (
	Thompson = "thompson"
	LinUCB   = "linucb"
)

// Config are the settings of a bandit. Start from Default and set Arms.
type Config struct {
	// Policy is linucb (default) or thompson; see the package comment.
	Policy string `koanf:"policy"`
	// Arms are the names of the arms in the order of their indices; 2 to 1000.
	Arms []string `koanf:"arms"`
	// Floor is the share of decisions that explores: every arm has at least
	// probability floor / number of arms. Default 0.05. In (0, 1]: at 0 some
	// arms would never be tried again, and off-policy estimates would be undefined.
	Floor float64 `koanf:"floor"`

	// PriorAlpha and PriorBeta are the Beta prior of every arm, thompson only.
	// Default 1 and 1, the uniform distribution. From 0.1 to 1e6.
	PriorAlpha float64 `koanf:"prior_alpha"`
	PriorBeta  float64 `koanf:"prior_beta"`

	// Alpha is the width of the confidence bound in standard errors, linucb
	// only. Default 0.5; 0 is greedy.
	Alpha float64 `koanf:"alpha"`
	// Lambda is the ridge penalty, linucb only. Default 1; above 0.
	Lambda float64 `koanf:"lambda"`
	// MaxFeatures bounds the distinct features of the context, the intercept
	// included, linucb only. Default 64, at most 256: an event costs time and an
	// arm costs memory in proportion to the square. An event that brings a
	// feature beyond it is refused.
	MaxFeatures int `koanf:"max_features"`
	// Intercept adds a feature that is always 1, linucb only. Default true.
	Intercept bool `koanf:"intercept"`
	// Standardize is "auto" (default, means on), "on" or "off": whether numeric
	// fields are centred and scaled online, linucb only.
	Standardize string `koanf:"standardize"`
	// Clip bounds a standardised magnitude. Default 5; 0 means no bound.
	Clip float64 `koanf:"clip"`
	// Extreme refuses an event with a magnitude above extreme times the larger
	// of 1000 and the largest magnitude learned of that field (sparse features
	// share one), once 100 events were learned, linucb only. Default 1000; 0 never refuses.
	Extreme float64 `koanf:"extreme"`
}

const (
	maxArms     = 1000
	maxFeatures = 256
)

// Default returns the settings that need no tuning on most streams. Arms is empty.
func Default() Config {
	return Config{
		Policy: LinUCB, Floor: 0.05, PriorAlpha: 1, PriorBeta: 1,
		Alpha: 0.5, Lambda: 1, MaxFeatures: 64, Intercept: true, Standardize: "auto", Clip: 5, Extreme: 1000,
	}
}

// Validate returns an error that names the key, the value and what is allowed.
func (c *Config) Validate() error {
	if c.Policy != Thompson && c.Policy != LinUCB {
		return fmt.Errorf("learner.bandit.policy: %q: must be %s or %s", c.Policy, LinUCB, Thompson)
	}
	if s := c.Standardize; s != "auto" && s != "on" && s != "off" {
		return fmt.Errorf("learner.bandit.standardize: %q: must be auto, on or off", s)
	}
	if err := c.validateArms(); err != nil {
		return err
	}
	for _, n := range []struct {
		key         string
		v, low, top float64
	}{
		{"floor", c.Floor, math.SmallestNonzeroFloat64, 1},
		{"prior_alpha", c.PriorAlpha, 0.1, 1e6},
		{"prior_beta", c.PriorBeta, 0.1, 1e6},
		{"alpha", c.Alpha, 0, 1e6},
		{"lambda", c.Lambda, 1e-9, 1e9},
		{"max_features", float64(c.MaxFeatures), 1, maxFeatures},
		{"clip", c.Clip, 0, 1e6},
		{"extreme", c.Extreme, 0, 1e50},
	} {
		if !(n.v >= n.low && n.v <= n.top) {
			return fmt.Errorf("learner.bandit.%s: %v: must be between %v and %v", n.key, n.v, n.low, n.top)
		}
	}
	return nil
}

func (c *Config) validateArms() error {
	if len(c.Arms) < 2 || len(c.Arms) > maxArms {
		return fmt.Errorf("learner.bandit.arms: %d arms: name between 2 and %d", len(c.Arms), maxArms)
	}
	seen := make(map[string]bool, len(c.Arms))
	for _, a := range c.Arms {
		if a == "" {
			return fmt.Errorf("learner.bandit.arms: %q: every arm needs a name", c.Arms)
		}
		if seen[a] {
			return fmt.Errorf("learner.bandit.arms: %q is named twice", a)
		}
		seen[a] = true
	}
	return nil
}

func (c *Config) standardize() bool { return c.Standardize != "off" }
