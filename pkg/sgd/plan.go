package sgd

import (
	"slices"

	"github.com/streamlearner/streamlearner/internal/calibrate"
)

// optimizer is an algorithm that moves the weights. Each has a file of its own.
type optimizer byte

const (
	optNAG optimizer = iota
	optSGD
	optAdaGrad
	optAdam
	optFTRL
	optCoin
	optAROW
	optSCW
	optRLS
	optAuto // the last
)

func (c Config) optimizer() optimizer {
	if c.Optimizer == "auto" && c.Compat == "river" {
		return optSGD
	}
	if c.Optimizer == "auto" && (c.Compat == "vw" || c.Tracking) {
		return optNAG
	}
	return optimizer(max(0, slices.Index(optimizers[:], c.Optimizer)))
}

// plan is a valid Config with every "auto" and every default resolved.
type plan struct {
	loss          loss
	optimizer     optimizer
	bits          int
	classes       int     // 0 for losses of one number
	several       several // what the classes are
	calibrate     calibrate.Method
	standardize   bool
	scaleLabel    bool
	vw, river     bool
	tau           float64
	delta         float64
	rate          float64
	decay         float64
	schedule      schedule
	power         float64
	rateDecay     float64
	warmup        float64 // events
	interceptRate float64
	falsePositive float64
	falseNegative float64
	beta          float64
	l1, l2        float64
	clipGradient  float64
	clipEach      float64 // of each coordinate
	clip          float64
	extreme       float64
}

func (c Config) plan() plan {
	p := plan{
		loss: loss(max(0, slices.Index(losses[:], c.Loss))), optimizer: c.optimizer(), bits: c.Bits, classes: c.Classes, several: severalOf(c.Loss), vw: c.Compat == "vw", river: c.Compat == "river",
		tau: c.Tau, delta: c.Delta, rate: c.Rate, decay: c.Decay, power: c.Power, interceptRate: c.InterceptRate,
		calibrate:     calibrate.Method(max(0, slices.Index(calibrate.Methods[:], c.Calibrate))),
		falsePositive: c.FalsePositiveCost, falseNegative: c.FalseNegativeCost,
		schedule: c.schedule(), rateDecay: c.RateDecay, warmup: float64(c.Warmup), clipEach: c.ClipCoordinate,
		beta: c.Beta, l1: c.L1, l2: c.L2, clipGradient: c.ClipGradient, clip: c.Clip, extreme: c.Extreme,
	}
	if p.several == severalCosts {
		p.loss = lossSquared
	}
	p.standardize = c.Standardize == "on" || c.Standardize == "auto" && !p.vw
	p.scaleLabel = !p.link() && (c.ScaleLabel == "on" || c.ScaleLabel == "auto" && c.Compat == "")
	if p.rate == 0 {
		p.rate = p.defaultRate()
	}
	if c.Tracking {
		p.track(&c)
	}
	if p.river {
		p.asRiver()
	}
	if !p.standardize {
		p.clip = 0
	}
	if p.optimizer == optRLS && p.l2 == 0 {
		p.l2 = 1
	}
	return p
}

// severalOf returns what the classes of a loss are, if it has classes.
func severalOf(loss string) several { return several(max(0, slices.Index(severals[:], loss))) }

func (p plan) defaultRate() float64 {
	switch p.optimizer {
	case optAdaGrad:
		return 0.1
	case optFTRL:
		return 0.3
	case optSGD:
		if p.schedule != scheduleConstant {
			return 0.5
		}
		return 0.01
	case optAdam:
		return 0.01
	case optCoin:
		return 4
	case optNAG:
		if p.vw {
			return 0.5
		}
	case optAuto, optAROW, optSCW, optRLS:
	}
	return 1
}

// floats returns how many numbers the optimizer keeps of a feature.
func (p *plan) floats() int {
	n := [...]int{
		optNAG: 3, optSGD: 1, optAdaGrad: 2, optAdam: 3, optFTRL: 3, optCoin: 6, optAROW: 2, optSCW: 2, optRLS: 3, optAuto: 7,
	}[p.optimizer]
	if p.penalised() {
		n = 6
	}
	return n
}

// wide reports whether a feature takes two slots.
func (p *plan) wide() bool { return p.floats() > 3 }
