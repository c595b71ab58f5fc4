package sgd

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Config)
		want string // part of the error; empty when valid
	}{
		{"default", func(*Config) {}, ""},
		{"no hashing", func(c *Config) { c.Bits = 0 }, ""},
		{"river", func(c *Config) { c.Optimizer, c.Rate, c.InterceptRate, c.Clip = "sgd", .005, .01, 0 }, ""},
		{"vw", func(c *Config) { c.Loss, c.Compat = "squared", "vw" }, ""},
		{"rate", func(c *Config) { c.Rate = -1 }, "learner.rate: -1: must be 0 for the optimizer's default"},
		{"rate NaN", func(c *Config) { c.Rate = nan() }, "learner.rate: NaN: must be"},
		{"loss", func(c *Config) { c.Loss = "log" }, `learner.loss: "log": must be one of logistic, squared, hinge, quantile, huber, poisson, ova, softmax, multilabel, csoaa`},
		{"softmax", func(c *Config) { c.Loss, c.Classes = "softmax", 3 }, ""},
		{"softmax arow", func(c *Config) { c.Loss, c.Classes, c.Optimizer = "softmax", 3, "arow" }, `learner.optimizer: "arow": needs labels that are classes: set learner.loss to logistic, hinge, ova or multilabel`},
		{"ova", func(c *Config) { c.Loss, c.Classes = "ova", 26 }, ""},
		{"ova classes", func(c *Config) { c.Loss = "ova" }, "learner.classes: 0: must be between 2 and 1024 with learner.loss ova"},
		{"classes", func(c *Config) { c.Classes = 3 }, "learner.classes: 3: must be 0 unless learner.loss is ova, softmax, multilabel, csoaa"},
		{"ova bits", func(c *Config) { c.Loss, c.Classes, c.Bits = "ova", 1000, 25 }, "learner.bits: 25: must be at most 19 with 1000 classes"},
		{"quantile", func(c *Config) { c.Loss, c.Tau = "quantile", .9 }, ""},
		{"tau range", func(c *Config) { c.Loss, c.Tau = "quantile", 1 }, "learner.tau: 1: must be between 0 and 1"},
		{"tau", func(c *Config) { c.Tau = .9 }, "learner.tau: 0.9: must be 0.5 unless learner.loss is quantile"},
		{"delta range", func(c *Config) { c.Loss, c.Delta = "huber", 0 }, "learner.delta: 0: must be above 0"},
		{"delta", func(c *Config) { c.Delta = 2 }, "learner.delta: 2: must be 1 unless learner.loss is huber"},
		{"decay range", func(c *Config) { c.Optimizer, c.Decay = "nag", 1.01 }, "learner.decay: 1.01: must be above 0 and at most 1"},
		{"decay", func(c *Config) { c.Decay = .99 }, "learner.decay: 0.99: must be 1 unless learner.optimizer is nag or adagrad"},
		{"vw loss", func(c *Config) { c.Loss, c.Compat = "hinge", "vw" }, `learner.loss: "hinge": must be squared or logistic with learner.compat vw`},
		{"optimizer", func(c *Config) { c.Optimizer = "" }, `learner.optimizer: "": must be one of auto, nag, sgd, adagrad`},
		{"ftrl", func(c *Config) { c.Optimizer, c.L1, c.L2, c.Beta = "ftrl", 1, 1, 0 }, ""},
		{"rls", func(c *Config) { c.Loss, c.Optimizer, c.L2 = "squared", "rls", 2 }, ""},
		{"rls loss", func(c *Config) { c.Optimizer = "rls" }, `learner.optimizer: "rls": needs learner.loss squared`},
		{"rls rate", func(c *Config) { c.Loss, c.Optimizer, c.Rate = "squared", "rls", 1 }, "learner.rate: 1: must be 0 unless learner.optimizer is auto, nag, sgd"},
		{"arow loss", func(c *Config) { c.Loss, c.Optimizer = "squared", "arow" }, `learner.optimizer: "arow": needs labels that are classes`},
		{"beta", func(c *Config) { c.Beta = 2 }, "learner.beta: 2: must be 1 unless learner.optimizer is ftrl or coin"},
		{"beta range", func(c *Config) { c.Optimizer, c.Beta = "coin", -1 }, "learner.beta: -1: must be between 0 and 1e6"},
		{"clip_gradient", func(c *Config) { c.ClipGradient = 1 }, "learner.clip_gradient: 1: must be 0 unless learner.optimizer is sgd, adagrad, adam, ftrl or coin"},
		{"power", func(c *Config) { c.Power = .5 }, "learner.power: 0.5: the rate can change only if learner.optimizer is nag, sgd, adagrad or adam"},
		{"power of nag", func(c *Config) { c.Optimizer, c.Power = "nag", .5 }, ""},
		{"schedule", func(c *Config) { c.Schedule = "cosine" }, `learner.schedule: "cosine": must be one of auto, constant, power, inverse, exponential`},
		{"schedule power", func(c *Config) { c.Optimizer, c.Schedule = "sgd", "power" }, "learner.power: 0: must be above 0 with learner.schedule power"},
		{"power inverse", func(c *Config) { c.Optimizer, c.Schedule, c.Power = "sgd", "inverse", .5 }, "learner.power: 0.5: must be 0 unless learner.schedule is power or auto"},
		{"inverse", func(c *Config) { c.Optimizer, c.Schedule, c.RateDecay = "adam", "inverse", 1e-4 }, ""},
		{"inverse decay", func(c *Config) { c.Optimizer, c.Schedule = "sgd", "inverse" }, "learner.rate_decay: 0: must be above 0 with learner.schedule inverse"},
		{"rate_decay", func(c *Config) { c.RateDecay = 1 }, "learner.rate_decay: 1: must be 0 unless learner.schedule is inverse or exponential"},
		{"rate_decay range", func(c *Config) { c.RateDecay = -1 }, "learner.rate_decay: -1: must be between 0 and 1e6"},
		{"schedule ftrl", func(c *Config) { c.Optimizer, c.Schedule, c.RateDecay = "ftrl", "exponential", 1 }, `learner.schedule: "exponential": the rate can change only if`},
		{"schedule auto", func(c *Config) { c.Schedule, c.RateDecay = "exponential", 1 }, `learner.schedule: "exponential": the rate can change only if`},
		{"warmup", func(c *Config) { c.Warmup = 1000 }, ""},
		{"warmup range", func(c *Config) { c.Warmup = -1 }, "learner.warmup: -1: must be 0 for none"},
		{"warmup coin", func(c *Config) { c.Optimizer, c.Warmup = "coin", 10 }, "learner.warmup: 10: must be 0 unless learner.optimizer is auto, nag, sgd, adagrad or adam"},
		{"clip_coordinate", func(c *Config) { c.Optimizer, c.ClipCoordinate = "ftrl", 1 }, ""},
		{"clip_coordinate nag", func(c *Config) { c.Optimizer, c.ClipCoordinate = "nag", 1 }, "learner.clip_coordinate: 1: must be 0 unless learner.optimizer is sgd, adagrad, adam or ftrl"},
		{"tracking", func(c *Config) { c.Tracking = true }, ""},
		{"tracking ftrl", func(c *Config) { c.Tracking, c.Optimizer = true, "ftrl" }, "learner.tracking: true: needs an optimizer whose rates can stay above 0"},
		{"tracking power", func(c *Config) { c.Tracking, c.Optimizer, c.Power = true, "sgd", .5 }, "learner.tracking: true: must be false with learner.schedule power"},
		{"tracking vw", func(c *Config) { c.Tracking, c.Compat = true, "vw" }, "learner.tracking: true: must be false with learner.compat vw"},
		{"calibrate", func(c *Config) { c.Calibrate = "isotonic" }, ""},
		{"calibrate name", func(c *Config) { c.Calibrate = "sigmoid" }, `learner.calibrate: "sigmoid": must be one of none, platt, isotonic`},
		{"calibrate softmax", func(c *Config) { c.Loss, c.Classes, c.Calibrate = "softmax", 3, "platt" }, `learner.calibrate: "platt": must be none unless learner.loss is logistic, hinge, ova, multilabel`},
		{"costs", func(c *Config) { c.FalsePositiveCost, c.FalseNegativeCost = 1, 20 }, ""},
		{"costs hinge", func(c *Config) { c.Loss, c.Calibrate, c.FalsePositiveCost = "hinge", "platt", 3 }, ""},
		{"costs hinge raw", func(c *Config) { c.Loss, c.FalsePositiveCost = "hinge", 3 }, "learner.false_positive_cost: 3: must be 1 with learner.loss hinge unless learner.calibrate"},
		{"costs squared", func(c *Config) { c.Loss, c.FalseNegativeCost = "squared", 3 }, "learner.false_negative_cost: 3: must be 1 unless learner.loss is logistic or hinge"},
		{"cost range", func(c *Config) { c.FalseNegativeCost = 0 }, "learner.false_negative_cost: 0: must be between 1e-9 and 1e9"},
		{"multilabel", func(c *Config) { c.Loss, c.Classes, c.Optimizer = "multilabel", 3, "arow" }, ""},
		{"csoaa", func(c *Config) { c.Loss, c.Classes = "csoaa", 3 }, ""},
		{"csoaa classes", func(c *Config) { c.Loss = "csoaa" }, "learner.classes: 0: must be between 2 and 1024 with learner.loss csoaa"},
		{"csoaa rls", func(c *Config) { c.Loss, c.Classes, c.Optimizer = "csoaa", 3, "rls" }, `learner.optimizer: "rls": needs learner.loss squared`},
		{"vw warmup", func(c *Config) { c.Compat, c.Warmup = "vw", 5 }, "learner.warmup, learner.clip_coordinate: 5, 0: must be 0 with learner.compat vw"},
		{"vw schedule", func(c *Config) { c.Compat, c.Optimizer, c.Power = "vw", "nag", .5 }, `learner.schedule: "auto": must be auto or constant with learner.compat vw`},
		{"power range", func(c *Config) { c.Optimizer, c.Power = "sgd", 2 }, "learner.power: 2: must be between 0 and 1"},
		{"intercept", func(c *Config) { c.InterceptRate = .1 }, "learner.intercept_rate: 0.1: must be 0 unless"},
		{"l1", func(c *Config) { c.L1 = 1 }, "learner.l1: 1: must be 0 unless learner.optimizer is nag, sgd, adagrad or ftrl"},
		{"l2", func(c *Config) { c.L2 = 1e-9 }, "learner.l2: 1e-09: must be 0 unless learner.optimizer is nag, sgd, adagrad, ftrl or rls"},
		{"bits", func(c *Config) { c.Bits = 31 }, "learner.bits: 31: must be between 1 and 30"},
		{"standardize", func(c *Config) { c.Standardize = "yes" }, `learner.standardize: "yes": must be one of auto, on, off`},
		{"scale_label", func(c *Config) { c.ScaleLabel = "no" }, `learner.scale_label: "no": must be one of auto, on, off`},
		{"clip", func(c *Config) { c.Clip = -5 }, "learner.clip: -5: must be 0 for no bound"},
		{"extreme", func(c *Config) { c.Extreme = -1 }, "learner.extreme: -1: must be 0 for no screen"},
		{"compat", func(c *Config) { c.Compat = "sklearn" }, `learner.compat: "sklearn": must be empty, vw or river`},
		{"river", func(c *Config) { c.Compat = "river" }, ""},
		{"river optimizer", func(c *Config) { c.Compat, c.Optimizer = "river", "nag" }, `learner.optimizer: "nag": must be auto or sgd with learner.compat river`},
		{"river loss", func(c *Config) { c.Compat, c.Loss = "river", "hinge" }, `learner.loss: "hinge": must be squared or logistic with learner.compat river`},
		{"river clip", func(c *Config) { c.Compat, c.Clip = "river", 3 }, "learner.clip: 3: must be 0 or left out with learner.compat river"},
		{"river scale_label", func(c *Config) { c.Compat, c.ScaleLabel = "river", "on" }, "learner.scale_label"},
		{"river tracking", func(c *Config) { c.Compat, c.Optimizer, c.Tracking = "river", "sgd", true }, "learner.tracking: true: must be false with learner.compat river"},
		{"vw optimizer", func(c *Config) { c.Compat, c.Optimizer = "vw", "adagrad" }, "with learner.compat vw"},
		{"vw l2", func(c *Config) { c.Compat, c.Optimizer, c.L2 = "vw", "nag", 1 }, "learner.l1, learner.l2: 0, 1: must be 0 with learner.compat vw"},
		{"vw standardize", func(c *Config) { c.Compat, c.Standardize = "vw", "on" }, "learner.standardize"},
		{"vw scale_label", func(c *Config) { c.Compat, c.ScaleLabel = "vw", "on" }, "learner.scale_label"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Default()
			c.edit(&cfg)
			err := cfg.Validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if m, newErr := New(cfg); (newErr == nil) != (err == nil) || (m == nil) != (err != nil) {
				t.Errorf("New: %v, %v", m, newErr)
			}
		})
	}
}

func TestDefaultRates(t *testing.T) {
	for _, c := range []struct {
		edit func(*Config)
		want float64
	}{
		{func(*Config) {}, 1},
		{func(c *Config) { c.Optimizer = "nag" }, 1},
		{func(c *Config) { c.Compat = "vw" }, 0.5},
		{func(c *Config) { c.Optimizer = "adagrad" }, 0.1},
		{func(c *Config) { c.Optimizer = "sgd" }, 0.01},
		{func(c *Config) { c.Optimizer, c.Power = "sgd", 0.5 }, 0.5},
		{func(c *Config) { c.Optimizer = "adam" }, 0.01},
		{func(c *Config) { c.Optimizer = "ftrl" }, 0.3},
		{func(c *Config) { c.Optimizer = "coin" }, 4},
		{func(c *Config) { c.Rate = 3 }, 3},
	} {
		cfg := Default()
		c.edit(&cfg)
		if p := cfg.plan(); p.rate != c.want {
			t.Errorf("%+v: rate %v, want %v", cfg, p.rate, c.want)
		}
	}
}
