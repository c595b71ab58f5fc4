package sgd

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// schedule is how the rate changes with t, the sum of the weights learned, the
// event at hand included (with compat: vw, Vowpal Wabbit's t, which is 1 at first):
//
//	constant     rate
//	power        rate / t^power (Robbins, Monro 1951, https://doi.org/10.1214/aoms/1177729586)
//	inverse      rate / (1 + rate_decay t) (Bottou 2012, https://doi.org/10.1007/978-3-642-35289-8_25)
//	exponential  rate exp(-rate_decay t)
type schedule byte

const (
	scheduleConstant schedule = iota
	schedulePower
	scheduleInverse
	scheduleExponential
)

var schedules = [...]string{
	scheduleConstant: "constant", schedulePower: "power", scheduleInverse: "inverse", scheduleExponential: "exponential",
}

func (c Config) schedule() schedule {
	if c.Schedule == "auto" && c.Power > 0 {
		return schedulePower
	}
	return schedule(max(0, slices.Index(schedules[:], c.Schedule)))
}

// varies reports whether the rate is not the same for all events.
func (p *plan) varies() bool { return p.schedule != scheduleConstant || p.warmup > 0 }

// rateOfEvent returns the rate with which an event of weight h is learned.
func (m *Model) rateOfEvent(h float64) float64 {
	p := &m.p
	rate, t := p.rate, m.weight+h
	if p.vw {
		t = m.weight + 1
	}
	switch p.schedule {
	case schedulePower:
		rate = float64(rate * portable.Exp(-float64(p.power*portable.Log(t))))
	case scheduleInverse:
		rate /= 1 + float64(p.rateDecay*t)
	case scheduleExponential:
		rate = float64(rate * portable.Exp(-min(maxMargin, float64(p.rateDecay*t))))
	case scheduleConstant:
	}
	if n := float64(m.events + 1); n < p.warmup {
		rate = float64(rate * n / p.warmup)
	}
	return rate
}

// The settings of learner.tracking, those of member 1 of the race.
const (
	trackingRate  = raceRate1
	trackingDecay = raceDecay
)

// maxRate bounds a learning rate.
const maxRate = 1e6

// validateRate checks the keys that say how the rate changes.
func (c Config) validateRate() error {
	s, opt := c.schedule(), c.optimizer()
	scheduled := []optimizer{optNAG, optSGD, optAdaGrad, optAdam}
	switch {
	case c.Power > 0 && s != schedulePower:
		return fmt.Errorf("learner.power: %v: must be 0 unless learner.schedule is power or auto", c.Power)
	case c.Power == 0 && s == schedulePower:
		return fmt.Errorf("learner.power: %v: must be above 0 with learner.schedule power; 0.5 is a good choice", c.Power)
	case c.RateDecay > 0 && s != scheduleInverse && s != scheduleExponential:
		return fmt.Errorf("learner.rate_decay: %v: must be 0 unless learner.schedule is inverse or exponential", c.RateDecay)
	case c.RateDecay == 0 && (s == scheduleInverse || s == scheduleExponential):
		return fmt.Errorf("learner.rate_decay: %v: must be above 0 with learner.schedule %s", c.RateDecay, c.Schedule)
	case s != scheduleConstant && !slices.Contains(scheduled, opt):
		key, value := "schedule", any(fmt.Sprintf("%q", c.Schedule))
		if c.Schedule == "auto" {
			key, value = "power", c.Power
		}
		return fmt.Errorf("learner.%s: %v: the rate can change only if learner.optimizer is %s", key, value, names(scheduled))
	}
	return c.validateTracking(s, opt)
}

// validateTracking checks what learner.tracking goes with.
func (c Config) validateTracking(s schedule, opt optimizer) error {
	able := []optimizer{optAuto, optNAG, optSGD, optAdaGrad, optAdam}
	switch {
	case !c.Tracking:
	case !slices.Contains(able, opt):
		return fmt.Errorf("learner.tracking: true: needs an optimizer whose rates can stay above 0: set learner.optimizer to %s", names(able))
	case s != scheduleConstant:
		return fmt.Errorf("learner.tracking: true: must be false with learner.schedule %s, by which the rate goes to 0", schedules[s])
	case c.Compat == "vw":
		return fmt.Errorf("learner.tracking: true: must be false with learner.compat vw; use learner.optimizer sgd with learner.power 0")
	}
	return nil
}

// track resolves learner.tracking.
func (p *plan) track(c *Config) {
	if p.optimizer == optNAG && c.Rate == 0 {
		p.rate = trackingRate
	} else if c.Optimizer == "auto" {
		p.rate = min(maxRate, float64(c.Rate*trackingRate))
	}
	if c.Decay == 1 && (p.optimizer == optNAG || p.optimizer == optAdaGrad) {
		p.decay = trackingDecay
	}
}
