package bandit

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

func config(policy string, arms int) Config {
	c := Default()
	c.Policy = policy
	if policy == Cats {
		c.Bins, c.Bandwidth = arms, 0.15
		return c
	}
	for i := range arms {
		c.Arms = append(c.Arms, "a"+strconv.Itoa(i))
		if policy == Ladder {
			c.Limits = append(c.Limits, Limit{Arm: c.Arms[i], Price: float64(i+2) / float64(arms+2)})
		}
	}
	return c
}

func newModel(t testing.TB, c Config) *Model {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fill makes an event with some of 8 numeric and 8 sparse features.
func fill(r *rand.Rand, e *event.Event) {
	for i := range uint64(8) {
		if r.IntN(4) > 0 {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1 + i*0x123456789abcdef1, Value: 100 * r.NormFloat64()})
		}
	}
	for range r.IntN(4) {
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(r.IntN(8)) << 60, Value: 1})
	}
	e.Arm, e.Prob, e.Labelled = r.IntN(4), .25, true
	e.Value = (float64(e.Arm) + float64(len(e.X.Dense)+1)/10) / 4
	e.Label = float64(r.IntN(2))
	e.Weight = []float64{1, 1, 2, .5}[r.IntN(4)]
	e.Time = 1e12 + int64(r.IntN(1e7))
	e.ID = strconv.AppendUint(e.ID[:0], r.Uint64(), 10)
}

// fillActions is fill with features of the actions.
func fillActions(r *rand.Rand, e *event.Event) {
	fill(r, e)
	e.X.Dense, e.X.Sparse = e.X.Dense[:min(2, len(e.X.Dense))], e.X.Sparse[:0]
	e.Actions = make([]event.Vector, 4)
	for a := range e.Actions {
		e.Actions[a].Dense = append(e.Actions[a].Dense, event.Feature{Hash: 77, Value: float64(a) + r.Float64()})
		e.Actions[a].Sparse = append(e.Actions[a].Sparse, event.Feature{Hash: uint64(900 + r.IntN(3)), Value: 1})
	}
}

func wild(r *rand.Rand, e *event.Event) {
	fill(r, e)
	number := func() float64 { return r.NormFloat64() * math.Pow(10, float64(r.IntN(620)-310)) }
	for i := range e.X.Dense {
		e.X.Dense[i].Value = number()
	}
	for i := range e.X.Sparse {
		e.X.Sparse[i].Value = number()
	}
	e.Label, e.Weight = r.Float64(), math.Abs(number())
	e.Prob = math.Exp(-700 * r.Float64())
}

func TestConformance(t *testing.T) {
	set := func(name string, reason event.Reason, fn func(*event.Event)) conform.Refused {
		return conform.Refused{Name: name, Reason: reason, Spoil: fn}
	}
	refused := []conform.Refused{
		set("no reward", event.LabelMissing, func(e *event.Event) { e.Labelled = false }),
		set("negative arm", event.ArmUnknown, func(e *event.Event) { e.Arm = -1 }),
		set("arm beyond the last", event.ArmUnknown, func(e *event.Event) { e.Arm = 4 }),
		set("propensity 0", event.PropensityInvalid, func(e *event.Event) { e.Prob = 0 }),
		set("propensity NaN", event.PropensityInvalid, func(e *event.Event) { e.Prob = math.NaN() }),
		set("negative weight", event.WeightInvalid, func(e *event.Event) { e.Weight = -1 }),
		set("infinite weight", event.WeightInvalid, func(e *event.Event) { e.Weight = math.Inf(1) }),
		set("reward NaN", event.RewardInvalid, func(e *event.Event) { e.Label = math.NaN() }),
		set("reward infinite", event.RewardInvalid, func(e *event.Event) { e.Label = math.Inf(-1) }),
		set("reward above the range", event.RewardInvalid, func(e *event.Event) { e.Label = 1.5 }),
		set("reward below the range", event.RewardInvalid, func(e *event.Event) { e.Label = -.1 }),
		set("an arm that is not eligible", event.ArmUnknown, func(e *event.Event) { e.Eligible = []bool{false, false, false, false} }),
		set("eligibility of some arms", event.ArmUnknown, func(e *event.Event) { e.Eligible = []bool{true, true, true} }),
		set("features of some actions", event.ActionsInvalid, func(e *event.Event) { e.Actions = make([]event.Vector, 3) }),
		set("feature NaN", event.NonFinite, func(e *event.Event) {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: 5, Value: math.NaN()})
		}),
		set("sparse feature infinite", event.NonFinite, func(e *event.Event) {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 5, Value: math.Inf(1)})
		}),
	}
	ofArms := set("propensity above 1", event.PropensityInvalid, func(e *event.Event) { e.Prob = 1.01 })
	ofNumbers := []conform.Refused{
		set("density infinite", event.PropensityInvalid, func(e *event.Event) { e.Prob = math.Inf(1) }),
		set("number below the interval", event.ArmUnknown, func(e *event.Event) { e.Value = -.01 }),
		set("number above the interval", event.ArmUnknown, func(e *event.Event) { e.Value = 1.01 }),
		set("number NaN", event.ArmUnknown, func(e *event.Event) { e.Value = math.NaN() }),
		set("bin of another number", event.ArmUnknown, func(e *event.Event) { e.Arm = (e.Arm + 1) % 4 }),
		set("features of actions", event.ActionsInvalid, func(e *event.Event) { e.Actions = make([]event.Vector, 4) }),
	}
	regression := []conform.Refused{
		set("extreme field", event.Extreme, func(e *event.Event) {
			e.X.Dense = append(e.X.Dense[:0], event.Feature{Hash: 1, Value: 1e12})
		}),
		set("extreme sparse feature", event.Extreme, func(e *event.Event) {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1 << 60, Value: 1e12})
		}),
		set("too many features", event.TooManyFeatures, func(e *event.Event) {
			for i := range uint64(80) {
				e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1000 + i, Value: 1})
			}
		}),
	}
	timeless := []conform.Refused{
		set("no time", event.TimeInvalid, func(e *event.Event) { e.Time = 0 }),
		set("time in nanoseconds", event.TimeInvalid, func(e *event.Event) { e.Time *= 1e6 }),
		set("time of another century", event.TimeInvalid, func(e *event.Event) { e.Time = 1 }),
	}
	sameLearning := []string{Softmax, SquareCB, RegCB, RegCBElim, LinTS, Normal, UCB1, KLUCB} // as epsilon, linucb or thompson
	for name, c := range configurations() {
		if c.Features == Disjoint && slices.Contains(sameLearning, c.Policy) || name == "cover on all" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ms := conform.Models{
				New:     func(t testing.TB) learner.Model { return newModel(t, c) },
				Fill:    fill,
				Wild:    wild,
				Refused: append([]conform.Refused(nil), refused...),
			}
			if c.Features != Disjoint {
				ms.Fill = fillActions
			}
			if c.Continuous() {
				ms.Refused = append(ms.Refused, ofNumbers...)
			} else {
				ms.Refused = append(ms.Refused, ofArms)
			}
			if c.contextual() {
				ms.Refused = append(ms.Refused, regression...)
			}
			if c.HalfLife != 0 || c.Window != 0 {
				ms.Refused = append(ms.Refused, timeless...)
			}
			conform.Model(t, ms)
		})
	}
}

// configurations are the policies and their variants.
func configurations() map[string]Config {
	out := map[string]Config{}
	for _, p := range Policies() {
		c := config(p, 4)
		c.MaxFeatures = 64
		out[p] = c
		if c.contextual() {
			c.Matrix = "diagonal"
			out[p+" diagonal"] = c
		}
	}
	edit := func(name, of string, change func(c *Config)) {
		c := out[of]
		change(&c)
		out[name] = c
	}
	for _, p := range []string{Thompson, EXP3, LinUCB} {
		edit(p+" half-life", p, func(c *Config) { c.HalfLife = time.Hour })
		edit(p+" window", p, func(c *Config) { c.Window = 4 * time.Hour })
	}
	edit("bag half-life", Bag, func(c *Config) { c.HalfLife = time.Hour })
	edit("diagonal half-life", "linucb diagonal", func(c *Config) { c.HalfLife = time.Hour })
	edit("shared", LinTS, func(c *Config) { c.Features = Shared })
	edit("shared diagonal", "lints diagonal", func(c *Config) { c.Features = Shared })
	edit("hybrid", LinUCB, func(c *Config) { c.Features = Hybrid })
	edit("integrals", LinTS, func(c *Config) { c.Draws = 0 })
	edit("cover on all", Cover, func(c *Config) { c.NoUnif = false })
	edit("entropy", Reinforce, func(c *Config) { c.Entropy = .1 })
	return out
}

// play lets the model decide n rounds and learn from them. It returns the mean
// regret per round over the last half, and the mean excess of the squared error
// over that of the true rates in the last half.
func play(t *testing.T, m *Model, s *sim.ClicksStream, n int) (regret, excess float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var e event.Event
	var p []float64
	for i := range n {
		s.Context(&e)
		p = m.Distribution(&e, nil, p[:0])
		e.Arm = Choose(p, r.Float64())
		e.Prob, e.Label, e.Labelled = p[e.Arm], s.Reward(e.Arm), true
		if m.cfg.Continuous() { // any number of the bin
			bins := float64(m.arms.len())
			e.Value, e.Prob = (float64(e.Arm)+r.Float64())/bins, e.Prob*bins
		}
		step := m.Learn(&e)
		if step.Reject != nil {
			t.Fatal(step.Reject)
		}
		if i >= n/2 {
			best := 0.
			for _, v := range s.Rates() {
				best = max(best, v)
			}
			truth := s.Rates()[e.Arm]
			regret += (best - truth) / float64(n-n/2)
			excess += (step.Prediction - truth) * (step.Prediction - truth) / float64(n-n/2)
		}
	}
	return regret, excess
}

// uniform is the regret of choosing at random.
func uniform(s *sim.ClicksStream, n int) float64 {
	var e event.Event
	regret := 0.
	for range n {
		s.Context(&e)
		best, mean := 0., 0.
		for _, v := range s.Rates() {
			best = max(best, v)
			mean += v / float64(len(s.Rates()))
		}
		regret += (best - mean) / float64(n)
	}
	return regret
}

// Some seeds have two arms that are hard to tell apart, so the seeds are pooled.
func TestPoliciesFindTheBestArm(t *testing.T) {
	const seeds, share = 3, .2 // share of the regret of choosing at random
	for _, c := range []struct {
		policy    string
		fields, n int
		error     float64 // squared error of the predictions against the true rates
	}{
		{Thompson, 0, 2000, 1e-3},
		{LinUCB, 0, 4000, 1e-3},
		{LinUCB, 3, 8000, 2e-3},
	} {
		var regret, random, excess float64
		for seed := range uint64(seeds) {
			r, e := play(t, newModel(t, config(c.policy, 4)), sim.Clicks(seed, 4, c.fields), c.n)
			regret += r / seeds
			excess += e / seeds
			random += uniform(sim.Clicks(seed, 4, c.fields), c.n) / seeds
		}
		if regret > share*random {
			t.Errorf("%s, %d fields: regret %.4f, choosing at random has %.4f", c.policy, c.fields, regret, random)
		}
		if excess > c.error {
			t.Errorf("%s, %d fields: squared error of the predictions %.5f", c.policy, c.fields, excess)
		}
	}
}

// The other policies, as they come, lose clearly less than choosing at random.
func TestEveryPolicyLearns(t *testing.T) {
	for _, policy := range Policies() {
		if policy == Thompson || policy == LinUCB {
			continue
		}
		const arms, n = 4, 5000
		fields := 0
		c := config(policy, arms)
		if c.contextual() {
			fields = 3
		}
		regret, _ := play(t, newModel(t, c), sim.Clicks(2, arms, fields), n)
		if random := uniform(sim.Clicks(2, arms, fields), n); regret > .6*random {
			t.Errorf("%s: regret %.4f, choosing at random has %.4f", policy, regret, random)
		}
	}
}

func TestDistribution(t *testing.T) {
	for policy, c := range configurations() {
		m := newModel(t, c)
		r := rand.New(rand.NewPCG(3, 4))
		var e event.Event
		for i := range 300 {
			e.Reset()
			if c.Features == Disjoint {
				fill(r, &e)
			} else {
				fillActions(r, &e)
			}
			p := m.Distribution(&e, nil, []float64{7})
			if p[0] != 7 || len(p) != 5 {
				t.Fatalf("%s: %v was not appended to", policy, p)
			}
			sum := 0.
			for _, v := range p[1:] {
				if v < .05/4 {
					t.Fatalf("%s: %v is below the floor", policy, p)
				}
				sum += v
				if even := i == 0 && c.Features == Disjoint && c.Policy != Cover && c.Policy != Normal && c.Policy != Ladder && (c.Policy != LinTS && c.Policy != Logistic || c.Draws == 0); even && math.Abs(v-.25) > 1e-9 {
					t.Fatalf("%s: %v, nothing is known yet", policy, p)
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Fatalf("%s: %v adds up to %v", policy, p[1:], sum)
			}
			m.Learn(&e)
		}
	}
}

func TestLinUCBDistributionDoesNotAllocate(t *testing.T) {
	m := newModel(t, config(LinUCB, 4))
	r := rand.New(rand.NewPCG(5, 6))
	var e event.Event
	for range 50 {
		e.Reset()
		fill(r, &e)
		m.Learn(&e)
	}
	p := make([]float64, 0, 4)
	if n := testing.AllocsPerRun(100, func() { p = m.Distribution(&e, nil, p[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Readers share one model; the race detector watches.
func TestDistributionIsConcurrent(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB, Cats} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(11, 12))
		var e event.Event
		for range 100 {
			e.Reset()
			fill(r, &e)
			m.Learn(&e)
		}
		want := m.Distribution(&e, nil, nil)
		results := make(chan []float64, 8)
		for range cap(results) {
			go func() { results <- m.Distribution(&e, nil, nil) }()
		}
		for range cap(results) {
			if got := <-results; !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", policy, got, want)
			}
		}
	}
}

// The gradient in a step and in a reading is that of the loss at the frozen parameters.
func TestReadingIsTheGradient(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB, Cats} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(7, 8))
		var e event.Event
		for range 200 {
			e.Reset()
			fill(r, &e)
			m.Learn(&e)
		}
		m.SetReference(0)
		s := m.Predict(&e)
		ref := s.Ref[0]
		if ref.Loss != s.Loss || ref.Grad != s.Grad {
			t.Errorf("%s: reading %+v of a reference that equals the model, step %+v", policy, ref, s)
		}
		if want := (s.Prediction - e.Label) * (s.Prediction - e.Label); s.Loss != want || s.Grad != 2*(s.Prediction-e.Label) {
			t.Errorf("%s: loss %v, gradient %v for prediction %v of %v", policy, s.Loss, s.Grad, s.Prediction, e.Label)
		}
		var sketch float64 // no two of the event's weights share a coordinate with opposite signs here
		for i, j := range ref.J {
			if j >= pooled {
				sketch += ref.X[i] * ref.X[i]
			}
		}
		if norm := math.Abs(ref.Grad) * math.Sqrt(sketch); math.Abs(norm-s.GradNorm) > 1e-9*norm {
			t.Errorf("%s: the sketch has a gradient of norm %v, the step %v", policy, norm, s.GradNorm)
		}
		other := e
		other.Arm = (e.Arm + 1) % 4
		other.Value = (float64(other.Arm) + .5) / 4
		before := append([]uint16(nil), ref.J...)
		again := m.Predict(&other).Ref[0]
		if again.J[0] != 0 || again.J[len(again.J)-1] == before[len(before)-1] {
			t.Errorf("%s: two arms share the coordinates %v and %v", policy, before, again.J)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB, Cats} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(9, 10))
		var e event.Event
		for range 200 {
			e.Reset()
			fill(r, &e)
			m.Learn(&e)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := Open(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := opened.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: the opened model encodes differently (%v)", policy, err)
		}
		p, q := m.Distribution(&e, nil, nil), opened.Distribution(&e, nil, nil)
		for i := range p {
			if p[i] != q[i] {
				t.Errorf("%s: probabilities %v, opened %v", policy, p, q)
				break
			}
		}
	}
}

func TestForeignConfigurationsAreRefused(t *testing.T) {
	base := config(LinUCB, 4)
	refusedFor := func(key string, c Config) {
		t.Helper()
		b, err := newModel(t, c).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		m := newModel(t, base)
		if err := m.UnmarshalBinary(b); err == nil || !strings.Contains(err.Error(), "learner.bandit."+key+": ") {
			t.Errorf("another %s: %v", key, err)
		}
	}
	for key, text := range map[string]string{"policy": Thompson, "features": Shared, "matrix": "diagonal", "standardize": "off", "salt": "s"} {
		c := config(LinUCB, 4)
		for _, s := range c.choices() {
			if s.key == key {
				*s.at = text
			}
		}
		refusedFor(key, c)
	}
	for i, n := range base.numbers() {
		if AboutArms(n.key) {
			continue
		}
		c := config(LinUCB, 4)
		if *n.at == -1 { // by the policy
			*c.numbers()[i].at = 0.7
		} else {
			*c.numbers()[i].at = (*n.at*3 + 2) / 4
		}
		refusedFor(n.key, c)
	}
	for i, n := range base.wholes() {
		if AboutArms(n.key) {
			continue
		}
		c := config(LinUCB, 4)
		*c.wholes()[i].at++
		refusedFor(n.key, c)
	}
	for i, f := range base.flags() {
		c := config(LinUCB, 4)
		*c.flags()[i].at = !*c.flags()[i].at
		refusedFor(f.key, c)
	}
	for i, d := range base.spans() {
		if AboutArms(d.key) {
			continue
		}
		c := config(LinUCB, 4)
		*c.spans()[i].at = time.Hour
		refusedFor(d.key, c)
	}
	newer := wire.Seal(wire.Begin(nil, wire.KindBandit, formatVersion+1), 0)
	if _, err := Open(newer); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("format version %d", formatVersion+1)) {
		t.Errorf("a newer format: %v", err)
	}
}

func TestValidate(t *testing.T) {
	c := config(LinUCB, 3)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		key    string
		change func(c *Config)
	}{
		{"policy: \"ucb\"", func(c *Config) { c.Policy = "ucb" }},
		{"arms: 1 arms", func(c *Config) { c.Arms = c.Arms[:1] }},
		{"arms: \"a0\"", func(c *Config) { c.Arms[1] = "a0" }},
		{"arms: [", func(c *Config) { c.Arms[1] = "" }},
		{"floor: -0.1:", func(c *Config) { c.Floor = -.1 }},
		{"floor: 1.5:", func(c *Config) { c.Floor = 1.5 }},
		{"reward_max: 0:", func(c *Config) { c.RewardMax = 0 }},
		{"reward_min: NaN:", func(c *Config) { c.RewardMin = math.NaN() }},
		{"prior_alpha: 0:", func(c *Config) { c.PriorAlpha = 0 }},
		{"prior_beta: NaN:", func(c *Config) { c.PriorBeta = math.NaN() }},
		{"prior_mean: 2:", func(c *Config) { c.PriorMean = 2 }},
		{"prior_weight: 0:", func(c *Config) { c.PriorWeight = 0 }},
		{"draws: 2000:", func(c *Config) { c.Draws = 2000 }},
		{"draws: 0:", func(c *Config) { c.Draws, c.Policy = 0, Normal }},
		{"draws: 0:", func(c *Config) { c.Draws, c.Policy, c.Features = 0, LinTS, Shared }},
		{"alpha: -1:", func(c *Config) { c.Alpha = -1 }},
		{"spread: -1:", func(c *Config) { c.Spread = -1 }},
		{"epsilon: 2:", func(c *Config) { c.Epsilon = 2 }},
		{"temperature: 0:", func(c *Config) { c.Temperature = 0 }},
		{"gamma_scale: -1:", func(c *Config) { c.GammaScale = -1 }},
		{"gamma_exponent: 2:", func(c *Config) { c.GammaExponent = 2 }},
		{"size: 0:", func(c *Config) { c.Size = 0 }},
		{"psi: -1:", func(c *Config) { c.Psi = -1 }},
		{"gamma: 0:", func(c *Config) { c.Gamma = 0 }},
		{"rate: -1:", func(c *Config) { c.Rate = -1 }},
		{"entropy: -1:", func(c *Config) { c.Entropy = -1 }},
		{"importance_clip: 0.5:", func(c *Config) { c.ImportanceClip = .5 }},
		{"features: \"all\":", func(c *Config) { c.Features = "all" }},
		{"features: \"shared\":", func(c *Config) { c.Features, c.Policy = Shared, Bag }},
		{"matrix: \"none\":", func(c *Config) { c.Matrix = "none" }},
		{"max_features: 257:", func(c *Config) { c.MaxFeatures, c.Matrix = 257, "full" }},
		{"max_features: 70000:", func(c *Config) { c.MaxFeatures = 70000 }},
		{"half_life: 1ms:", func(c *Config) { c.HalfLife = time.Millisecond }},
		{"half_life: 1h0m0s:", func(c *Config) { c.HalfLife, c.Policy = time.Hour, Gradient }},
		{"window: 1h0m0s: must be 0 with learner.bandit.half_life", func(c *Config) { c.HalfLife, c.Window = time.Hour, time.Hour }},
		{"window: 1h0m0s: must be 0 with policy reinforce", func(c *Config) { c.Window, c.Policy = time.Hour, Reinforce }},
		{"window: 1h0m0s: needs a full matrix", func(c *Config) { c.Window, c.Matrix = time.Hour, "diagonal" }},
		{"reward_min: -1: must be 0 with policy ladder", func(c *Config) { *c = config(Ladder, 3); c.RewardMin = -1 }},
		{"draws: 0", func(c *Config) { *c = config(Ladder, 3); c.Draws = 0 }},
		{"reward_max: 0.5: must be at least what a sale of arm", func(c *Config) { *c = config(Ladder, 3); c.RewardMax = .5 }},
		{"cost: -1:", func(c *Config) { c.Cost = -1 }},
		{"policy: cover: has no half_life", func(c *Config) { c.HalfLife, c.Policy = time.Hour, Cover }},
		{"lambda: 1e-10:", func(c *Config) { c.Lambda = 1e-10 }},
		{"lambda: -1:", func(c *Config) { c.Lambda = -1 }},
		{"mellowness: -0.5:", func(c *Config) { c.Mellowness = -0.5 }},
		{"optimism: -0.5:", func(c *Config) { c.Optimism = -0.5 }},
		{"standardize: \"yes\":", func(c *Config) { c.Standardize = "yes" }},
		{"clip: -1:", func(c *Config) { c.Clip = -1 }},
		{"extreme: +Inf:", func(c *Config) { c.Extreme = math.Inf(1) }},
	} {
		c := config(LinUCB, 3)
		bad.change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "learner.bandit."+bad.key) {
			t.Errorf("%s: %v", bad.key, err)
		}
		if _, err := New(c); err == nil {
			t.Errorf("%s: New accepts it", bad.key)
		}
	}
}

// Whatever the bytes under a valid checksum, Open returns a usable model or an error.
func FuzzOpen(f *testing.F) {
	for _, c := range configurations() {
		c.Bins = 3
		c.Arms, c.Limits = c.Arms[:min(3, len(c.Arms))], c.Limits[:min(3, len(c.Limits))]
		m := newModel(f, c)
		var e event.Event
		for i := range 20 {
			small(&e, i)
			m.Learn(&e)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:len(b)-8])
	}
	watched := watchedModel(f)
	f.Add(watched[:len(watched)-8])
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Open(wire.Seal(append([]byte(nil), body...), 0))
		if err != nil {
			return
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Open(b); err != nil {
			t.Fatalf("the bytes of an opened model are refused: %v (%v)", err, again)
		}
		var e event.Event
		e.Reset()
		e.Prob, e.Labelled, e.Label, e.Time, e.Value = 1, true, m.Config().RewardMax, 1e12, m.Config().ValueMin
		if n := len(m.Distribution(&e, nil, nil)); n != m.arms.len() {
			t.Fatalf("%d probabilities", n)
		}
		if s := m.Learn(&e); s.Reject != nil && s.Reject.Reason != event.Unstable && s.Reject.Reason != event.TimeInvalid && s.Reject.Reason != event.TooManyFeatures {
			t.Fatal(s.Reject)
		}
	})
}

func TestOpenRefusesOtherThings(t *testing.T) {
	if _, err := Open([]byte("nothing")); !errors.Is(err, wire.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkLearn(b *testing.B) {
	for _, c := range []struct {
		policy string
		fields int
		matrix string
	}{{Thompson, 8, "auto"}, {LinUCB, 8, "full"}, {LinUCB, 63, "full"}, {Cats, 63, "full"}, {Cats, 63, "diagonal"}} {
		b.Run(c.policy+"/"+strconv.Itoa(c.fields)+"/"+c.matrix, func(b *testing.B) {
			cfg := config(c.policy, 10)
			if c.policy == Cats {
				cfg = Default()
				cfg.Policy = Cats
			}
			cfg.Matrix = c.matrix
			m := newModel(b, cfg)
			s := sim.Clicks(1, 10, c.fields)
			events := make([]event.Event, 256)
			for i := range events {
				s.Context(&events[i])
				events[i].Arm, events[i].Prob, events[i].Labelled = i%10, .1, true
				events[i].Label = s.Reward(i % 10)
				if c.policy == Cats {
					events[i].Value = float64(i) / 256
					events[i].Arm = event.Bin(events[i].Value, 0, 1, cfg.Bins)
				}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m.Learn(&events[i&255])
				i++
			}
		})
	}
}
