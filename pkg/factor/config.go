package factor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/scale"
)

// The models.
const (
	FM  = "fm"
	FFM = "ffm"
	MF  = "mf"
)

// Config are the settings of a factorization model. Start from Default.
type Config struct {
	// Model is fm (default), ffm or mf; see the package comment.
	Model string `koanf:"model"`
	// Loss is logistic (default) for labels of two classes, or squared for numbers.
	Loss string `koanf:"loss"`
	// Factors is the length of a factor row, 1 to 64. Default 8. ffm keeps one
	// row for each pair of a feature and a field, so 4 is often enough there.
	Factors int `koanf:"factors"`
	// User and Item are the paths of the two fields that mf factorizes, both of
	// categories. Empty for the other models.
	User string `koanf:"user"`
	Item string `koanf:"item"`
	// Bits bounds the rows by 2^bits; 1 to 30, default 20. Features that share
	// the low bits of their hash share a row. A row is stored once it is
	// learned, and then takes 16 bytes a factor.
	Bits int `koanf:"bits"`
	// Optimizer of the intercept and the linear weights: adagrad (default) or
	// ftrl, whose l1 makes weights exactly 0. Factors are always learned by AdaGrad.
	Optimizer string `koanf:"optimizer"`
	// Rate is the learning rate of the linear weights, RateFactors that of the
	// factors. From 1e-9 to 100, default 0.1 both.
	Rate        float64 `koanf:"rate"`
	RateFactors float64 `koanf:"rate_factors"`
	// Beta lowers the rates of young parameters: a step is rate / (beta + root
	// of the sum of squared gradients). From 1e-6 to 1e6, default 0.1.
	Beta float64 `koanf:"beta"`
	// L1 is the penalty of linear weights with ftrl. Default 0.
	L1 float64 `koanf:"l1"`
	// L2 and L2Factors are the squared penalties of linear weights and factors.
	// They act on the features of an event only, when it is learned. Default 0 and 1e-5.
	L2        float64 `koanf:"l2"`
	L2Factors float64 `koanf:"l2_factors"`
	// Init bounds the initial values of factors, which are uniform in [-init,
	// init] and a function of seed, row and factor. From 1e-9 to 1, default 0.1.
	Init float64 `koanf:"init"`
	// Seed chooses the initial values. Default 1.
	Seed int `koanf:"seed"`
	// ClipGradient bounds the norm of an event's gradient at so many times its
	// running mean, once 100 events were learned. Default 10; 0 means no bound.
	ClipGradient float64 `koanf:"clip_gradient"`
	// Standardize is auto (default, means on), on or off: whether numeric fields
	// are centred and scaled online.
	Standardize string `koanf:"standardize"`
	// Clip bounds a standardised magnitude. Default 5; 0 means no bound.
	Clip float64 `koanf:"clip"`
	// ScaleLabel is auto (default, means on), on or off, for squared loss:
	// whether labels are centred and scaled online and predictions clipped to
	// the label range seen before.
	ScaleLabel string `koanf:"scale_label"`
	// Extreme refuses an event with a magnitude above extreme times the larger of
	// 1000 and the largest magnitude learned of that field (sparse features share
	// one, labels have their own), once 100 events were learned. Default 1000; 0 never refuses.
	Extreme float64 `koanf:"extreme"`
}

const (
	maxFactors = 64
	maxBits    = 30
)

// Default returns the settings that need no tuning on most streams.
func Default() Config {
	return Config{
		Model: FM, Loss: "logistic", Factors: 8, Bits: 20, Optimizer: "adagrad", Rate: 0.1, RateFactors: 0.1, Beta: 0.1,
		L2Factors: 1e-5, Init: 0.1, Seed: 1, ClipGradient: 10, Standardize: "auto", Clip: 5, ScaleLabel: "auto", Extreme: 1000,
	}
}

// Validate returns an error that names the key, the value and what is allowed.
func (c *Config) Validate() error {
	for _, n := range []struct {
		key, value string
		allowed    []string
	}{
		{"model", c.Model, []string{FM, FFM, MF}},
		{"loss", c.Loss, []string{"logistic", "squared"}},
		{"optimizer", c.Optimizer, []string{"adagrad", "ftrl"}},
		{"standardize", c.Standardize, []string{"auto", "on", "off"}},
		{"scale_label", c.ScaleLabel, []string{"auto", "on", "off"}},
	} {
		if !slices.Contains(n.allowed, n.value) {
			return fmt.Errorf("learner.factor.%s: %q: must be one of %s", n.key, n.value, strings.Join(n.allowed, ", "))
		}
	}
	for _, n := range []struct {
		key         string
		v, low, top float64
	}{
		{"factors", float64(c.Factors), 1, maxFactors},
		{"bits", float64(c.Bits), 1, maxBits},
		{"rate", c.Rate, 1e-9, 100},
		{"rate_factors", c.RateFactors, 1e-9, 100},
		{"beta", c.Beta, 1e-6, 1e6},
		{"l1", c.L1, 0, 1e6},
		{"l2", c.L2, 0, 1},
		{"l2_factors", c.L2Factors, 0, 1},
		{"init", c.Init, 1e-9, 1},
		{"clip_gradient", c.ClipGradient, 0, 1e6},
		{"clip", c.Clip, 0, 1e6},
		{"extreme", c.Extreme, 0, 1e100},
	} {
		if !(n.v >= n.low && n.v <= n.top) {
			return fmt.Errorf("learner.factor.%s: %v: must be between %v and %v", n.key, n.v, n.low, n.top)
		}
	}
	return c.validateTogether()
}

// validateTogether checks keys that are allowed only with values of others.
func (c *Config) validateTogether() error {
	switch {
	case c.L1 > 0 && c.Optimizer != "ftrl":
		return fmt.Errorf("learner.factor.l1: %v: must be 0 unless learner.factor.optimizer is ftrl", c.L1)
	case c.Model != MF && c.User != "":
		return fmt.Errorf("learner.factor.user: %q: must be empty unless learner.factor.model is mf", c.User)
	case c.Model != MF && c.Item != "":
		return fmt.Errorf("learner.factor.item: %q: must be empty unless learner.factor.model is mf", c.Item)
	case c.Model == MF && c.User == "":
		return fmt.Errorf("learner.factor.user: %q: must name the field of the user with learner.factor.model mf", c.User)
	case c.Model == MF && (c.Item == "" || c.Item == c.User):
		return fmt.Errorf("learner.factor.item: %q: must name the field of the item, another than the user's, with learner.factor.model mf", c.Item)
	}
	return nil
}

// plan is a configuration made ready for the hot path.
type plan struct {
	model                   model
	logistic, ftrl          bool
	standardize, scaleLabel bool
	k, bits                 int
	mask                    uint64
	user, item              uint32 // mf: the fields, as event.Feature has them
	rate, rateFactors, beta float64
	l1, l2, l2Factors, init float64
	seed                    uint64
	clipGradient, extreme   float64
	clip                    float64
}

// model is which pairs of features interact, and how.
type model byte

const (
	modelFM model = iota
	modelFFM
	modelMF
)

func (c *Config) plan() plan {
	p := plan{
		logistic: c.Loss == "logistic", ftrl: c.Optimizer == "ftrl",
		standardize: c.Standardize != "off", scaleLabel: c.Loss == "squared" && c.ScaleLabel != "off",
		k: c.Factors, bits: c.Bits, mask: 1<<c.Bits - 1,
		rate: c.Rate, rateFactors: c.RateFactors, beta: c.Beta,
		l1: c.L1, l2: c.L2, l2Factors: c.L2Factors, init: c.Init, seed: uint64(c.Seed),
		clipGradient: c.ClipGradient, clip: c.Clip, extreme: c.Extreme,
	}
	switch c.Model {
	case FFM:
		p.model = modelFFM
	case MF:
		p.model = modelMF
		p.user, p.item = fieldOf(c.User), fieldOf(c.Item)
	}
	return p
}

// fieldOf returns what event.Feature.Field holds for a path.
func fieldOf(path string) uint32 { return uint32(xxhash.Sum64String(path)) }

func (p *plan) scaling() scale.Options {
	return scale.Options{Standardize: p.standardize, Clip: p.clip, Extreme: p.extreme}
}

// linearStride is how many numbers the optimizer keeps of a linear weight:
// weight, sum of squared gradients, and for ftrl its z.
func (p *plan) linearStride() int {
	if p.ftrl {
		return 3
	}
	return 2
}
