package ope

import (
	"fmt"
	"math"
)

// Config says how weights are tamed and what rewards are possible.
type Config struct {
	RewardMin, RewardMax float64 // possible rewards; intervals need them, and rewards outside are refused
	Clip                 float64 // ClippedIPS: largest weight, > 0
	Switch               float64 // SwitchDR: above this weight the model alone is trusted, >= 0
	Shrinkage            float64 // DROS: lambda of the optimistic shrinkage, > 0; larger shrinks less
	SubGaussian          float64 // SubGaussianIPS and SubGaussianDR: lambda in [0, 1]; 0 leaves the weights alone
}

// Default is for rewards in [0, 1].
func Default() Config {
	return Config{RewardMax: 1, Clip: 10, Switch: 10, Shrinkage: 10, SubGaussian: 0.1}
}

// Validate names the first impossible setting.
func (c Config) Validate() error {
	for _, f := range []struct {
		name     string
		value    float64
		possible bool
		want     string
	}{
		{"reward-min", c.RewardMin, math.Abs(c.RewardMin) <= largestReward, "a number between -1e60 and 1e60"},
		{"reward-max", c.RewardMax, c.RewardMax > c.RewardMin && c.RewardMax <= largestReward, "a number above reward-min, at most 1e60"},
		{"clip", c.Clip, c.Clip > 0 && c.Clip <= largestWeight, "a weight above 0, at most 1e12"},
		{"switch", c.Switch, c.Switch >= 0 && c.Switch <= largestWeight, "a weight from 0 to 1e12"},
		{"shrinkage", c.Shrinkage, c.Shrinkage > 0 && c.Shrinkage <= largestReward, "a number above 0, at most 1e60"},
		{"sub-gaussian", c.SubGaussian, c.SubGaussian >= 0 && c.SubGaussian <= 1, "a number from 0 to 1"},
	} {
		if !f.possible {
			return fmt.Errorf("ope: %s is %v: give %s", f.name, f.value, f.want)
		}
	}
	return nil
}
