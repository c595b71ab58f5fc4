package bandit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The policies.
const (
	Thompson  = "thompson"
	Normal    = "normal"
	UCB1      = "ucb1"
	KLUCB     = "klucb"
	EXP3      = "exp3"
	EXP3IX    = "exp3ix"
	Gradient  = "gradient"
	LinUCB    = "linucb"
	LinTS     = "lints"
	Logistic  = "logistic"
	Greedy    = "epsilon"
	Softmax   = "softmax"
	SquareCB  = "squarecb"
	RegCB     = "regcb"
	RegCBElim = "regcb_elimination"
	Bag       = "bag"
	Cover     = "cover"
	Reinforce = "reinforce"
	Ladder    = "ladder"
	Cats      = "cats"
)

// Policies are the names that Config.Policy may have.
func Policies() []string {
	return []string{LinUCB, LinTS, Logistic, Greedy, Softmax, SquareCB, RegCB, RegCBElim, Bag, Cover, Reinforce, Cats,
		Thompson, Ladder, Normal, UCB1, KLUCB, EXP3, EXP3IX, Gradient}
}

// The values of Config.Features.
const (
	Disjoint = "disjoint"
	Shared   = "shared"
	Hybrid   = "hybrid"
)

// Config are the settings of a bandit. Start from Default and set Arms. A key
// that the policy has no use for is checked and otherwise ignored.
type Config struct {
	// Policy is linucb (default) or another of Policies; see the package comment.
	Policy string `koanf:"policy"`
	// Arms are the names of the arms that the bandit begins with, in the order of their
	// indices; 2 to 1000, and none with policy cats. Model.ChangeArm and a change of this list at a restart change them later.
	Arms []string `koanf:"arms"`
	// Limits are caps and prices of single arms. Default none.
	Limits []Limit `koanf:"limits"`
	// Baseline is the arm that decisions fall back to: when the policy is switched off, and
	// for BaselineFloor and PriceStep; with policy cats the number. Default empty, none.
	Baseline string `koanf:"baseline"`
	// BaselineFloor is the least probability of the baseline, wherever it is eligible. Default 0.
	BaselineFloor float64 `koanf:"baseline_floor"`
	// Conservative is the share of what the baseline would have earned that may be lost at most: other arms are
	// chosen only while that is certain enough. For policies without context. Default 0, no such rule.
	Conservative float64 `koanf:"conservative"`
	// GuardRails take out arms that are proven to be worse than the baseline, in the reward or in another metric. For
	// policies without context. Default none.
	GuardRails []GuardRail `koanf:"guard_rails"`
	// PriceStep is how far the price of an arm may be from that of the baseline, as a share of the
	// latter: arms further off are not chosen. Default 0, any price.
	PriceStep float64 `koanf:"price_step"`
	// PriceFloor is the lowest price that is chosen: costs and least margin. Default 0.
	PriceFloor float64 `koanf:"price_floor"`
	// Cost is what a sale costs: with policy ladder the reward of a sale is the price less Cost. Default 0.
	Cost float64 `koanf:"cost"`
	// ValueMin and ValueMax bound the number that policy cats chooses, of which Bins are told apart. A number is drawn
	// from within Bandwidth of the middle of a bin. Default 0, 1, 32 and 0, which means a twentieth of the interval.
	ValueMin  float64 `koanf:"value_min"`
	ValueMax  float64 `koanf:"value_max"`
	Bins      int     `koanf:"bins"`
	Bandwidth float64 `koanf:"bandwidth"`
	// NewShare is the least probability of an arm that was added to a running
	// bandit, until NewEvents events of it were learned. Default 0.05 and 200.
	NewShare  float64 `koanf:"new_share"`
	NewEvents int     `koanf:"new_events"`
	// NewPrior is what an added arm begins with: so much of what the arms nearest to it have
	// learned, so that its mean is theirs and its variance 1/new_prior of theirs. Default 0.1; 0 for nothing.
	NewPrior float64 `koanf:"new_prior"`
	// Drain is for how long, in event time, rewards of a removed arm are still learned. Default 24h.
	Drain time.Duration `koanf:"drain"`

	// RewardMin and RewardMax bound the rewards; one outside is refused.
	// Default 0 and 1. All policies learn (r - min) / (max - min), so that their
	// other settings do not depend on the unit of rewards; predictions are in the unit.
	RewardMin float64 `koanf:"reward_min"`
	RewardMax float64 `koanf:"reward_max"`
	// Floor is the share of decisions that explores: every eligible arm has at least
	// probability floor / number of eligible arms. Default 0.05. In [0, 1]: at 0 some
	// arms may never be tried again, and off-policy estimates are undefined.
	Floor float64 `koanf:"floor"`
	// Salt keys the hash of decision ids: one id gives unrelated draws under two salts. Default empty.
	Salt string `koanf:"salt"`

	// HalfLife discounts what was learned by event time, in steps of 1/32 of it; 0 (default) never.
	HalfLife time.Duration `koanf:"half_life"`
	// Window forgets what was learned longer ago, in blocks of 1/8 of it, by event time; 0 (default) never.
	Window time.Duration `koanf:"window"`

	// Draws is the number of posterior draws behind the probabilities of Thompson policies. Default
	// 128; 0 means exact integrals, which need independent arms: thompson, and
	// lints or logistic with disjoint features. thompson is always exact.
	Draws int `koanf:"draws"`
	// PriorAlpha and PriorBeta are the Beta prior of every arm of thompson and ladder, and the
	// Gamma prior (shape, rate) of the precision of rewards of normal. Default 1 and 1. From 0.1 to 1e6.
	PriorAlpha float64 `koanf:"prior_alpha"`
	PriorBeta  float64 `koanf:"prior_beta"`
	// PriorMean is the prior mean of rewards on the scale [0, 1], and PriorWeight
	// the number of observations it counts as; normal only. Default 0.5 and 1.
	PriorMean   float64 `koanf:"prior_mean"`
	PriorWeight float64 `koanf:"prior_weight"`

	// Alpha is the width of the confidence bounds of linucb and ucb1 in standard errors. Default 0.5; 0 is greedy.
	Alpha float64 `koanf:"alpha"`
	// Spread multiplies the standard deviations of the posterior of lints and logistic. Default 0.25.
	Spread float64 `koanf:"spread"`
	// Optimism is the reward, on the scale [0, 1], that ridge regressions expect where they have learned nothing, and
	// shrink to: an arm that is not known looks as good as the best, and is tried. logistic and cats have no use for
	// it. Default -1: 0 with linucb and lints, whose bounds and draws have arms tried, else 1. At most 10, which tries for longer.
	Optimism float64 `koanf:"optimism"`
	// Epsilon is the share of uniform choices of epsilon. Default 0.02; 0 is greedy.
	Epsilon float64 `koanf:"epsilon"`
	// Temperature of softmax: probabilities are proportional to exp(reward / temperature). Default 0.02.
	Temperature float64 `koanf:"temperature"`
	// GammaScale and GammaExponent make the learning rate of squarecb after t events: scale t^exponent.
	// Default 40 and 0.5.
	GammaScale    float64 `koanf:"gamma_scale"`
	GammaExponent float64 `koanf:"gamma_exponent"`
	// Mellowness is the factor c of the confidence set of regcb and regcb_elimination. Default -1:
	// 0.01 with regcb, and 0.003 with regcb_elimination, which explores all that the set leaves.
	Mellowness float64 `koanf:"mellowness"`
	// Size is the number of policies of bag and cover. Default 4.
	Size int `koanf:"size"`
	// Psi is how strongly policies of cover avoid what others choose, as a share of the range of rewards. Default 0.1.
	Psi float64 `koanf:"psi"`
	// NoUnif keeps the probability of arms that no policy of cover chooses at 0, but for Floor. Default true.
	NoUnif bool `koanf:"nounif"`
	// Gamma is the mixing of exp3 with the uniform distribution. Default 0.1.
	Gamma float64 `koanf:"gamma"`
	// Rate is the step of gradient and reinforce. Default 0.5.
	Rate float64 `koanf:"rate"`
	// Entropy is the weight of the entropy bonus of gradient and reinforce. Default 0.
	Entropy float64 `koanf:"entropy"`
	// ImportanceClip bounds the importance weights of gradient and reinforce, and
	// those in the doubly robust rewards of cover and cats. Default 10.
	ImportanceClip float64 `koanf:"importance_clip"`

	// Features says what a regression learns: disjoint (default), the context with
	// weights of its own for every arm; shared, the features of the action with common weights;
	// hybrid, both.
	Features string `koanf:"features"`
	// Interactions multiplies every feature of the context with every feature of
	// the action, shared and hybrid only. Default true.
	Interactions bool `koanf:"interactions"`
	// Matrix is auto (default), full or diagonal: the second-order statistics of a regression. auto is full
	// up to 256 max_features.
	Matrix string `koanf:"matrix"`
	// Lambda is the ridge penalty: the events that the prior counts as, where features are of magnitude 1. Default 0: 10 with epsilon, softmax,
	// squarecb, bag and cover, whose exploration is in the prior (Optimism), and 1 with the others. Else at least 1e-9.
	Lambda float64 `koanf:"lambda"`
	// MaxFeatures bounds the distinct features of a regression, the intercept
	// included. Default 64; with a full matrix at most 256, since an event costs time and an
	// arm costs memory in proportion to the square; else at most 65536. An event that brings a
	// feature beyond it is refused.
	MaxFeatures int `koanf:"max_features"`
	// Intercept adds a feature that is always 1. Default true.
	Intercept bool `koanf:"intercept"`
	// Standardize is "auto" (default, means on), "on" or "off": whether numeric
	// fields of the context are centred and scaled online. Features of actions are used as they are.
	Standardize string `koanf:"standardize"`
	// Clip bounds a standardised magnitude. Default 5; 0 means no bound.
	Clip float64 `koanf:"clip"`
	// Extreme refuses an event with a magnitude above extreme times the larger
	// of 1000 and the largest magnitude learned of that field (sparse features
	// share one), once 100 events were learned. Default 1000; 0 never refuses.
	Extreme float64 `koanf:"extreme"`
}

const (
	maxArms     = 1000
	maxFull     = 256     // features with a full matrix
	maxDiagonal = 1 << 16 // features with a diagonal one
	maxDraws    = 1024
)

// Default returns the settings that need no tuning on most streams. Arms is empty.
func Default() Config {
	return Config{
		Policy: LinUCB, RewardMax: 1, Floor: 0.05, Draws: 128,
		PriorAlpha: 1, PriorBeta: 1, PriorMean: 0.5, PriorWeight: 1,
		Alpha: 0.5, Spread: 0.25, Optimism: -1, Epsilon: 0.02, Temperature: 0.02, GammaScale: 40, GammaExponent: 0.5, Mellowness: -1,
		Size: 4, Psi: 0.1, NoUnif: true, Gamma: 0.1, Rate: 0.5, ImportanceClip: 10,
		Features: Disjoint, Interactions: true, Matrix: "auto", MaxFeatures: 64, Intercept: true,
		Standardize: "auto", Clip: 5, Extreme: 1000,
		ValueMax: 1, Bins: 32,
		NewShare: 0.05, NewEvents: 200, NewPrior: 0.1, Drain: 24 * time.Hour,
	}
}

const (
	minSpan = time.Second
	maxSpan = 1e5 * time.Hour
)

// Validate returns an error that names the key, the value and what is allowed.
func (c *Config) Validate() error {
	for _, s := range c.choices() {
		if s.allowed != nil && !slices.Contains(s.allowed, *s.at) {
			return fmt.Errorf("learner.bandit.%s: %q: must be one of %s", s.key, *s.at, strings.Join(s.allowed, ", "))
		}
	}
	if !c.Continuous() {
		if err := c.validateArms(); err != nil {
			return err
		}
	}
	for _, n := range c.numbers() {
		if !(*n.at >= n.low && *n.at <= n.high) {
			return fmt.Errorf("learner.bandit.%s: %v: must be between %v and %v", n.key, *n.at, n.low, n.high)
		}
	}
	for _, n := range c.wholes() {
		if *n.at < n.low || *n.at > n.high {
			return fmt.Errorf("learner.bandit.%s: %v: must be between %v and %v", n.key, *n.at, n.low, n.high)
		}
	}
	for _, d := range c.spans() {
		if v := *d.at; v != 0 && (v < minSpan || v > maxSpan || v%time.Millisecond != 0) {
			return fmt.Errorf("learner.bandit.%s: %v: must be 0, or between %v and %v in whole milliseconds", d.key, v, minSpan, time.Duration(maxSpan))
		}
	}
	if err := c.validateTogether(); err != nil {
		return err
	}
	if c.Continuous() {
		return c.validateValues()
	}
	if err := c.validateGuardRails(); err != nil {
		return err
	}
	return c.validateLimits()
}

// validateTogether finds settings that exclude each other.
func (c *Config) validateTogether() error {
	sums := !slices.Contains([]string{Logistic, Gradient, Reinforce}, c.Policy)
	switch {
	case c.Continuous() && c.HalfLife+c.Window != 0:
		return fmt.Errorf("learner.bandit.policy: cats: has no half_life and no window, since its tree is no sum over events")
	case c.Features != Disjoint && c.Continuous():
		return fmt.Errorf("learner.bandit.features: %q: must be disjoint with policy cats, whose numbers have no features", c.Features)
	case !(c.RewardMin < c.RewardMax):
		return fmt.Errorf("learner.bandit.reward_max: %v: must be above learner.bandit.reward_min, which is %v", c.RewardMax, c.RewardMin)
	case c.Optimism < 0 && c.Optimism != -1:
		return fmt.Errorf("learner.bandit.optimism: %v: must be between 0 and 10, or -1 for what suits the policy", c.Optimism)
	case c.Mellowness < 0 && c.Mellowness != -1:
		return fmt.Errorf("learner.bandit.mellowness: %v: must be at least 0, or -1 for what suits the policy", c.Mellowness)
	case c.Lambda > 0 && c.Lambda < 1e-9:
		return fmt.Errorf("learner.bandit.lambda: %v: must be at least 1e-9, or 0 for what suits the policy", c.Lambda)
	case c.Policy == Ladder && c.RewardMin != 0:
		return fmt.Errorf("learner.bandit.reward_min: %v: must be 0 with policy ladder: a visitor who does not buy earns nothing", c.RewardMin)
	case c.Matrix == "full" && c.MaxFeatures > maxFull:
		return fmt.Errorf("learner.bandit.max_features: %d: must be at most %d with learner.bandit.matrix full; use diagonal", c.MaxFeatures, maxFull)
	case c.HalfLife != 0 && c.Window != 0:
		return fmt.Errorf("learner.bandit.window: %v: must be 0 with learner.bandit.half_life; use one of the two", c.Window)
	case c.HalfLife != 0 && !sums:
		return fmt.Errorf("learner.bandit.half_life: %v: must be 0 with policy %s, whose state is no sum over events; use lints or softmax", c.HalfLife, c.Policy)
	case c.Window != 0 && !sums:
		return fmt.Errorf("learner.bandit.window: %v: must be 0 with policy %s, whose state is no sum over events; use lints or softmax", c.Window, c.Policy)
	case c.Window != 0 && c.contextual() && !c.full():
		return fmt.Errorf("learner.bandit.window: %v: needs a full matrix, which is a sum over events: lower learner.bandit.max_features to %d, or use half_life", c.Window, maxFull)
	case c.Window != 0 && (c.Policy == Bag || c.Policy == Cover), c.HalfLife != 0 && c.Policy == Cover:
		return fmt.Errorf("learner.bandit.policy: %s: has no half_life (cover) and no window (bag, cover); use linucb, lints or squarecb", c.Policy)
	case c.Features != Disjoint && (c.Policy == Bag || c.Policy == Cover || c.Policy == Reinforce):
		return fmt.Errorf("learner.bandit.features: %q: must be disjoint with policy %s; use linucb, lints, logistic, epsilon, softmax, squarecb or regcb", c.Features, c.Policy)
	case c.Conservative > 0 && c.contextual():
		return fmt.Errorf("learner.bandit.conservative: %v: must be 0 with policy %s: what the baseline earns in the contexts where it is chosen says little of the others; use thompson, ucb1 or klucb, or baseline_floor", c.Conservative, c.Policy)
	case c.Draws == 0 && (c.Policy == Normal || c.Policy == Ladder || c.Features != Disjoint && (c.Policy == LinTS || c.Policy == Logistic)):
		return fmt.Errorf("learner.bandit.draws: 0: integrals need independent normal posteriors; set learner.bandit.draws to 128, or features to disjoint with policy lints or logistic")
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

// full reports whether regressions have a full matrix.
func (c *Config) full() bool {
	return c.Matrix == "full" || c.Matrix == "auto" && c.MaxFeatures <= maxFull
}

// resolve puts what they mean in place of the values auto, of a bandwidth of 0, and of what suits the policy.
func (c *Config) resolve() {
	c.resolvePrior()
	if c.Standardize == "auto" {
		c.Standardize = "on"
	}
	c.Bandwidth, c.Mellowness = c.bandwidth(), c.mellowness()
	if c.Matrix == "auto" {
		c.Matrix = "diagonal"
		if c.MaxFeatures <= maxFull {
			c.Matrix = "full"
		}
	}
}

// resolvePrior puts what suits the policy in place of optimism -1 and lambda 0. That depends on where the
// policy has its exploration from: from the uncertainty of its regressions, or from their prior.
func (c *Config) resolvePrior() {
	optimism, lambda := 1.0, 1.0
	switch c.Policy {
	case LinUCB, LinTS, Logistic, Cats:
		optimism = 0
	case Greedy, Softmax, SquareCB, Bag, Cover:
		lambda = 10
	}
	if c.Optimism == -1 {
		c.Optimism = optimism
	}
	if c.Lambda == 0 {
		c.Lambda = lambda
	}
}

// contextual reports whether the policy uses features.
func (c *Config) contextual() bool {
	return !slices.Contains([]string{Thompson, Ladder, Normal, UCB1, KLUCB, EXP3, EXP3IX, Gradient}, c.Policy)
}

// scale returns a reward on [0, 1], and unscale the reverse.
func (c *Config) scale(r float64) float64 { return (r - c.RewardMin) / (c.RewardMax - c.RewardMin) }
func (c *Config) unscale(v float64) float64 {
	return c.RewardMin + float64(v*(c.RewardMax-c.RewardMin))
}
