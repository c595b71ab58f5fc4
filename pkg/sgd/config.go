package sgd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/internal/calibrate"
)

// Config holds the settings of a linear model. The zero value is not valid;
// start from Default.
type Config struct {
	// Loss is "logistic" (default) or "hinge" for labels of two classes, 0 and 1 or
	// -1 and 1; "squared", "huber" or "quantile" for any finite label; "poisson" for counts;
	// "ova" (one against all) or "softmax" for labels of several classes; "multilabel"
	// for sets of classes; "csoaa" for a cost of each class.
	Loss string `koanf:"loss"`

	// Classes is the number of classes of the losses of several classes, 2 to 1024.
	// Labels are their indices from 0 on. Default 0, for the other losses.
	Classes int `koanf:"classes"`

	// Tau is the quantile that the quantile loss predicts, between 0 and 1
	// exclusive. Default 0.5, the median.
	Tau float64 `koanf:"tau"`

	// Delta is the distance from the label, in its unit, up to which the huber
	// loss is squared and beyond which it is linear. Default 1.
	Delta float64 `koanf:"delta"`

	// Optimizer is "auto" (default), "nag", "sgd", "adagrad", "adam", "ftrl", "coin", "arow"
	// and "scw" (losses of two classes), or "rls" (squared loss, at most 200 features). auto lets three
	// members learn side by side and serves the one that was best of late; it
	// needs no tuning and costs about twice nag. With compat: vw it is nag, with river sgd.
	Optimizer string `koanf:"optimizer"`

	// Rate is the learning rate. 0 (default) means the optimizer's own: nag 1
	// (0.5 with compat: vw), adagrad 0.1, sgd 0.01, or 0.5 when it decays, adam
	// 0.01, ftrl 0.3 (its alpha), coin 4 (its alpha), arow 1 (its 1/r), scw 1 (its C); rls has none. For auto it multiplies the rates of all members; the default is 1.
	Rate float64 `koanf:"rate"`

	// Beta is the beta of ftrl, which lowers the rates of young weights, or of coin,
	// the least bound on gradients. Default 1.
	Beta float64 `koanf:"beta"`

	// ClipGradient bounds the Euclidean norm of the gradient of an event, for sgd,
	// adagrad, adam, ftrl and coin. 0 (default) means no bound. Labels that are scaled count in standard deviations.
	ClipGradient float64 `koanf:"clip_gradient"`

	// ClipCoordinate bounds the magnitude of every coordinate of the gradient, for
	// sgd, adagrad, adam and ftrl, after ClipGradient. 0 (default) means no bound.
	ClipCoordinate float64 `koanf:"clip_coordinate"`

	// Decay multiplies the sums of squared gradients of nag and adagrad with
	// every event that has the feature. Below 1 the rates do not go to 0, so that the model
	// follows a stream that changes. Default 1: the sums only grow.
	Decay float64 `koanf:"decay"`

	// Tracking makes the learner follow a stream that changes for ever, by rates
	// that do not go to 0: auto becomes nag alone, nag has the rate 3 and the decay
	// 0.995, adagrad the decay 0.995, unless they are given; sgd and adam have
	// constant rates anyway. The other optimizers cannot. Default false.
	Tracking bool `koanf:"tracking"`

	// Schedule is how the rate of nag, sgd, adagrad and adam changes with t, the
	// sum of the weights learned: "constant"; "power", rate / t^power; "inverse",
	// rate / (1 + rate_decay t) (Bottou); "exponential", rate exp(-rate_decay t).
	// "auto" (default) is power when power is above 0, and else constant.
	Schedule string `koanf:"schedule"`

	// Power is the exponent of the schedule power, at most 1; 0.5 is that of the
	// regret bounds. Default 0: the rate is constant, which follows a changing stream for ever.
	Power float64 `koanf:"power"`

	// RateDecay is the decay of the schedules inverse and exponential. Default 0.
	RateDecay float64 `koanf:"rate_decay"`

	// Warmup is the number of events over which the rate of auto, nag, sgd, adagrad
	// and adam rises in proportion to the events learned. Default 0.
	Warmup int `koanf:"warmup"`

	// InterceptRate is a constant learning rate of the intercept alone, for sgd and
	// adagrad. 0 (default) treats the intercept as every other weight. River uses 0.01.
	InterceptRate float64 `koanf:"intercept_rate"`

	// L1 and L2 are penalties on the weights, l1 |w| + l2 w^2/2 an event, for nag, sgd,
	// adagrad and ftrl. With l1 the weights of idle features are exactly 0. L2 is also the
	// ridge penalty of rls, where 0 means 1. Default 0.
	L1 float64 `koanf:"l1"`
	L2 float64 `koanf:"l2"`

	// Calibrate is how margins become probabilities, for the losses logistic, hinge,
	// ova and multilabel: "none" (default), by the logistic function; "platt", by one whose slope and
	// offset are fitted online; "isotonic", by a table that is fitted online and never
	// falls. See internal/calibrate. Loss and gradient stay those of the margin.
	Calibrate string `koanf:"calibrate"`

	// FalsePositiveCost and FalseNegativeCost are what a wrong decision costs, for
	// logistic loss and for hinge loss that is calibrated. The decision is positive from the
	// probability on at which both have the same expected cost (see Model.Threshold);
	// learning does not depend on them. Default 1 and 1, the threshold 0.5.
	FalsePositiveCost float64 `koanf:"false_positive_cost"`
	FalseNegativeCost float64 `koanf:"false_negative_cost"`

	// Bits sets the number of weights, 2^bits; 1 to 30, default 18. A weight takes
	// 32 bytes of memory, or 64 with the optimizers auto and coin, and with
	// penalties on nag, sgd and adagrad. Features that share a slot share a weight.
	// 0 means no hashing: every feature has a weight of its own, memory grows with the features
	// that appear, and an event costs a look-up more for each of its features.
	Bits int `koanf:"bits"`

	// Standardize is "auto" (default), "on" or "off": whether numeric fields are
	// centred and scaled online. auto means on, and off with compat: vw. Sparse
	// features are never standardised: centring would make all of them present.
	Standardize string `koanf:"standardize"`

	// Clip bounds the magnitude of a standardised value, in standard deviations.
	// Default 5, so that one outlier cannot move a weight far. 0 means no bound.
	Clip float64 `koanf:"clip"`

	// ScaleLabel is "auto" (default), "on" or "off", for squared, huber and quantile loss: whether
	// labels are centred and scaled online and predictions clipped to the label range seen
	// before. auto means on, and off with compat. Off takes labels as they are.
	ScaleLabel string `koanf:"scale_label"`

	// Extreme refuses an event with a magnitude above extreme times the larger of
	// 1000 and the largest magnitude learned of that field (sparse features share
	// one, labels have their own), once 100 events were learned. Default 1000; 0 never refuses.
	Extreme float64 `koanf:"extreme"`

	// Compat is "" (default), "vw" or "river". vw is Vowpal Wabbit's default update with all its
	// conventions; it uses features and labels as they are. river is River's scaler
	// followed by its logistic or linear regression, see river.go.
	Compat string `koanf:"compat"`
}

// maxBits bounds the table of weights at 32 GiB.
const maxBits = 30

// ova is a loss of several classes, see severals.
const ova = "ova"

// Default returns the settings that need no tuning on most streams.
func Default() Config {
	return Config{Loss: "logistic", Tau: 0.5, Delta: 1, Optimizer: "auto", Beta: 1, Decay: 1, Schedule: "auto", Calibrate: "none", FalsePositiveCost: 1, FalseNegativeCost: 1, Bits: 18, Standardize: "auto", Clip: 5, ScaleLabel: "auto", Extreme: 1000}
}

// Names that a configuration may use.
var (
	optimizers = [...]string{
		optNAG: "nag", optSGD: "sgd", optAdaGrad: "adagrad", optAdam: "adam", optFTRL: "ftrl",
		optCoin: "coin", optAROW: "arow", optSCW: "scw", optRLS: "rls", optAuto: "auto",
	}
	switches = [...]string{"auto", "on", "off"}
)

// Validate reports the first key that has a value which is not allowed.
func (c Config) Validate() error {
	if err := oneOf("loss", c.Loss, append(losses[:], severals[:]...)); err != nil {
		return err
	}
	if err := oneOf("calibrate", c.Calibrate, calibrate.Methods[:]); err != nil {
		return err
	}
	if err := oneOf("schedule", c.Schedule, append([]string{"auto"}, schedules[:]...)); err != nil {
		return err
	}
	if err := oneOf("optimizer", c.Optimizer, append([]string{"auto"}, optimizers[:optAuto]...)); err != nil {
		return err
	}
	for _, s := range []struct{ key, value string }{{"standardize", c.Standardize}, {"scale_label", c.ScaleLabel}} {
		if err := oneOf(s.key, s.value, switches[:]); err != nil {
			return err
		}
	}
	if c.Compat != "" && c.Compat != "vw" && c.Compat != "river" {
		return fmt.Errorf("learner.compat: %q: must be empty, vw or river", c.Compat)
	}
	for _, n := range []struct {
		key           string
		value, lo, hi float64
		allowed       string
	}{
		{"tau", c.Tau, 1e-6, 1 - 1e-6, "between 0 and 1: the quantile to predict"},
		{"delta", c.Delta, 1e-100, 1e100, "above 0: a distance from the label, in its unit"},
		{"rate", c.Rate, 0, maxRate, "0 for the optimizer's default, or a number up to 1e6"},
		{"decay", c.Decay, 1e-6, 1, "above 0 and at most 1; 1 for none"},
		{"beta", c.Beta, 0, 1e6, "between 0 and 1e6"},
		{"clip_gradient", c.ClipGradient, 0, 1e100, "0 for no bound, or a norm"},
		{"clip_coordinate", c.ClipCoordinate, 0, 1e100, "0 for no bound, or a magnitude"},
		{"power", c.Power, 0, 1, "between 0 and 1"},
		{"rate_decay", c.RateDecay, 0, 1e6, "between 0 and 1e6"},
		{"warmup", float64(c.Warmup), 0, 1e12, "0 for none, or a number of events up to 1e12"},
		{"intercept_rate", c.InterceptRate, 0, 1e6, "0 for the rate of the other weights, or a number up to 1e6"},
		{"l1", c.L1, 0, 1e6, "between 0 and 1e6"},
		{"l2", c.L2, 0, 1e6, "between 0 and 1e6"},
		{"false_positive_cost", c.FalsePositiveCost, 1e-9, 1e9, "between 1e-9 and 1e9, in any unit"},
		{"false_negative_cost", c.FalseNegativeCost, 1e-9, 1e9, "between 1e-9 and 1e9, in any unit"},
		{"clip", c.Clip, 0, 1e6, "0 for no bound, or a number of standard deviations up to 1e6"},
		{"extreme", c.Extreme, 0, 1e100, "0 for no screen, or a factor up to 1e100"},
	} {
		if !(n.value >= n.lo && n.value <= n.hi) {
			return fmt.Errorf("learner.%s: %v: must be %s", n.key, n.value, n.allowed)
		}
	}
	if c.Bits < 0 || c.Bits > maxBits {
		return fmt.Errorf("learner.bits: %d: must be between 1 and %d, or 0 for no hashing", c.Bits, maxBits)
	}
	return c.validateTogether()
}

// validateTogether checks keys that are allowed only with values of others.
func (c Config) validateTogether() error {
	standard := Default()
	if c.Tau != standard.Tau && c.Loss != "quantile" {
		return fmt.Errorf("learner.tau: %v: must be %v unless learner.loss is quantile", c.Tau, standard.Tau)
	}
	if c.Delta != standard.Delta && c.Loss != "huber" {
		return fmt.Errorf("learner.delta: %v: must be %v unless learner.loss is huber", c.Delta, standard.Delta)
	}
	if margins := []string{"logistic", "hinge", ova, SetLoss}; c.Calibrate != standard.Calibrate && !slices.Contains(margins, c.Loss) {
		return fmt.Errorf("learner.calibrate: %q: must be none unless learner.loss is %s", c.Calibrate, strings.Join(margins, ", "))
	}
	if err := c.validateCosts(); err != nil {
		return err
	}
	if err := c.validateClasses(); err != nil {
		return err
	}
	if err := c.validateRate(); err != nil {
		return err
	}
	opt := c.optimizer()
	for _, k := range []struct {
		key            string
		value, neutral float64
		of             []optimizer
	}{
		{"beta", c.Beta, standard.Beta, []optimizer{optFTRL, optCoin}},
		{"decay", c.Decay, standard.Decay, []optimizer{optNAG, optAdaGrad}},
		{"clip_gradient", c.ClipGradient, 0, []optimizer{optSGD, optAdaGrad, optAdam, optFTRL, optCoin}},
		{"clip_coordinate", c.ClipCoordinate, 0, []optimizer{optSGD, optAdaGrad, optAdam, optFTRL}},
		{"warmup", float64(c.Warmup), 0, []optimizer{optAuto, optNAG, optSGD, optAdaGrad, optAdam}},
		{"intercept_rate", c.InterceptRate, 0, []optimizer{optSGD, optAdaGrad}},
		{"l1", c.L1, 0, []optimizer{optNAG, optSGD, optAdaGrad, optFTRL}},
		{"l2", c.L2, 0, []optimizer{optNAG, optSGD, optAdaGrad, optFTRL, optRLS}},
		{"rate", c.Rate, 0, []optimizer{optAuto, optNAG, optSGD, optAdaGrad, optAdam, optFTRL, optCoin, optAROW, optSCW}},
	} {
		if k.value != k.neutral && !slices.Contains(k.of, opt) {
			return fmt.Errorf("learner.%s: %v: must be %v unless learner.optimizer is %s", k.key, k.value, k.neutral, names(k.of))
		}
	}
	switch {
	case (opt == optAROW || opt == optSCW) && c.Loss != "logistic" && c.Loss != "hinge" && c.Loss != ova && c.Loss != SetLoss:
		return fmt.Errorf("learner.optimizer: %q: needs labels that are classes: set learner.loss to logistic, hinge, ova or multilabel", c.Optimizer)
	case opt == optRLS && c.Loss != "squared":
		return fmt.Errorf("learner.optimizer: %q: needs learner.loss squared", c.Optimizer)
	case c.Compat == "vw":
		return c.validateVW()
	case c.Compat == "river":
		return c.validateRiver()
	}
	return nil
}

// validateClasses checks the number of classes and what they take of memory.
func (c Config) validateClasses() error {
	several := slices.Contains(severals[:], c.Loss)
	switch {
	case !several && c.Classes != 0:
		return fmt.Errorf("learner.classes: %d: must be 0 unless learner.loss is %s", c.Classes, strings.Join(severals[:], ", "))
	case !several:
		return nil
	case c.Classes < 2 || c.Classes > maxClasses:
		return fmt.Errorf("learner.classes: %d: must be between 2 and %d with learner.loss %s: the number of classes", c.Classes, maxClasses, c.Loss)
	}
	if p := c.plan(); p.bits+int(p.shift()) > maxBits {
		return fmt.Errorf("learner.bits: %d: must be at most %d with %d classes, which multiply the weights", c.Bits, maxBits-p.shift(), c.Classes)
	}
	return nil
}

// names joins the names of optimizers: "a, b or c".
func names(of []optimizer) string {
	s := optimizers[of[0]]
	for i, o := range of[1:] {
		if i == len(of)-2 {
			s += " or " + optimizers[o]
		} else {
			s += ", " + optimizers[o]
		}
	}
	return s
}

// validateVW checks what compat: vw allows.
func (c Config) validateVW() error {
	opt := c.optimizer()
	switch {
	case !slices.Contains([]optimizer{optNAG, optSGD, optFTRL, optCoin}, opt):
		return fmt.Errorf("learner.optimizer: %q: must be auto, nag, sgd, ftrl or coin with learner.compat vw", c.Optimizer)
	case c.Loss != "squared" && c.Loss != "logistic":
		return fmt.Errorf("learner.loss: %q: must be squared or logistic with learner.compat vw", c.Loss)
	case c.Optimizer != "ftrl" && (c.L1 > 0 || c.L2 > 0):
		return fmt.Errorf("learner.l1, learner.l2: %v, %v: must be 0 with learner.compat vw unless learner.optimizer is ftrl", c.L1, c.L2)
	case c.Warmup > 0 || c.ClipCoordinate > 0:
		return fmt.Errorf("learner.warmup, learner.clip_coordinate: %v, %v: must be 0 with learner.compat vw", c.Warmup, c.ClipCoordinate)
	case c.schedule() != scheduleConstant && (opt != optSGD || c.schedule() != schedulePower):
		return fmt.Errorf("learner.schedule: %q: must be auto or constant with learner.compat vw, or power with learner.optimizer sgd", c.Schedule)
	case c.Standardize == "on":
		return fmt.Errorf("learner.standardize: %q: must be auto or off with learner.compat vw", c.Standardize)
	case c.ScaleLabel == "on":
		return fmt.Errorf("learner.scale_label: %q: must be auto or off with learner.compat vw", c.ScaleLabel)
	}
	return nil
}

// oneOf checks that value is allowed.
func oneOf(key, value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("learner.%s: %q: must be one of %s", key, value, strings.Join(allowed, ", "))
}

// finite reports whether x is neither NaN nor infinite.
func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }
