package bandit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Candidate is a policy that is evaluated off policy on the decisions that a bandit learns.
type Candidate struct {
	// Name is the candidate's in metrics and reports: small letters, digits, _ and -.
	Name string `koanf:"name"`
	// Policy is current, the bandit as it is before it learns the decision; uniform; always, one Arm; or
	// a policy that makes other choices of the same statistics, see Rule. Default: always when Arm is set, else Name.
	Policy string `koanf:"policy"`
	// Arm is the arm of always. Where it is not eligible all others are alike.
	Arm string `koanf:"arm"`
	// Set are settings of the policy that differ from those of the bandit.
	Set map[string]string `koanf:"set"`
}

// What a candidate may be beside a policy of Policies. The logged policy is always evaluated.
const (
	Logged  = "logged"
	Current = "current"
	Uniform = "uniform"
	Always  = "always"
)

// MostCandidates bounds the candidates of a bandit: each has some 20 series of every partition, and its intervals take 0.1 ms with every save.
const MostCandidates = 100

// Kin lists the policies that make choices of the same statistics as policy does, itself included; nil when
// there are none but itself.
func Kin(policy string) []string {
	for _, kin := range [][]string{
		{LinUCB, LinTS, Greedy, Softmax, SquareCB, RegCB, RegCBElim},
		{Thompson, Normal, UCB1, KLUCB},
	} {
		if slices.Contains(kin, policy) {
			return kin
		}
	}
	return nil
}

// ruleKeys are the settings that a candidate may have of its own: they say how to choose, not what to learn.
var ruleKeys = [...]string{
	"floor", "draws", "alpha", "spread", "epsilon", "temperature", "gamma_scale", "gamma_exponent", "mellowness",
	"prior_alpha", "prior_beta",
}

// policy returns what the candidate is.
func (c *Candidate) policy() string {
	switch {
	case c.Policy != "":
		return c.Policy
	case c.Arm != "":
		return Always
	}
	return c.Name
}

// Identity says in full what the candidate is, but for its name: sums of another identity are not its own.
func (c Candidate) Identity() string {
	out := c.policy()
	if c.Arm != "" {
		out += " " + c.Arm
	}
	for _, k := range slices.Sorted(maps.Keys(c.Set)) {
		out += " " + k + "=" + c.Set[k]
	}
	return out
}

// String renders all settings as they are configured, equal ones equally.
func (c Candidate) String() string {
	var set []string
	for _, k := range slices.Sorted(maps.Keys(c.Set)) {
		set = append(set, fmt.Sprintf("%s: %q", k, c.Set[k]))
	}
	return fmt.Sprintf("{name: %q, policy: %q, arm: %q, set: {%s}}", c.Name, c.policy(), c.Arm, strings.Join(set, ", "))
}

// Candidates asks candidates what they would do with the decisions that a model is about to learn.
type Candidates struct {
	list []candidate
	p, q []float64 // memory: probabilities, predicted rewards
}

// candidate is one of them, with memory for the model under its rule.
type candidate struct {
	kind   string
	name   string // of the arm of always
	arm    int
	cfg    Config
	linear linear
	counts counts
}

// NewCandidates returns the candidates of a bandit with the settings c; before them stands the logged policy.
func NewCandidates(c Config, list []Candidate) (*Candidates, error) {
	if len(list) > MostCandidates {
		return nil, fmt.Errorf("%d candidates: at most %d", len(list), MostCandidates)
	}
	if c.Continuous() && len(list) > 0 {
		return nil, fmt.Errorf("%d candidates: none with policy cats: while learning only choices among arms are evaluated; use 'streamlearner ope' on the log of decisions, which knows densities", len(list))
	}
	k := &Candidates{list: []candidate{{kind: Logged}}}
	seen := []string{Logged}
	for i := range list {
		one := &list[i]
		if err := one.validName(); err != nil {
			return nil, err
		}
		if slices.Contains(seen, one.Name) {
			return nil, fmt.Errorf("%s: is there twice, or is %s, which is always evaluated; give it another name", one.Name, Logged)
		}
		seen = append(seen, one.Name)
		made, err := one.make(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.Name, err)
		}
		k.list = append(k.list, made)
	}
	return k, nil
}

func (c *Candidate) validName() error {
	ok := len(c.Name) > 0 && len(c.Name) <= 32 && strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
	if !ok {
		return fmt.Errorf("name %q: must be 1 to 32 small letters, digits, _ and -", c.Name)
	}
	return nil
}

// make checks the candidate against the settings of the bandit.
func (c *Candidate) make(b Config) (candidate, error) {
	out := candidate{kind: c.policy(), name: c.Arm, cfg: b}
	kin := Kin(b.Policy)
	switch out.kind {
	case Current, Uniform:
		if c.Arm != "" || len(c.Set) > 0 {
			return out, fmt.Errorf("%s has no arm and no settings; remove them", out.kind)
		}
	case Always:
		if !slices.Contains(b.Arms, c.Arm) {
			return out, fmt.Errorf("arm %q must be one of learner.bandit.arms %q", c.Arm, b.Arms)
		}
		if len(c.Set) > 0 {
			return out, fmt.Errorf("%s has no settings; remove set", Always)
		}
	default:
		if !slices.Contains(kin, out.kind) {
			return out, fmt.Errorf("policy %q must be one of %s", out.kind, strings.Join(append([]string{Current, Uniform, Always}, kin...), ", "))
		}
		if c.Arm != "" {
			return out, fmt.Errorf("policy %s has no arm; remove it, or take %s", out.kind, Always)
		}
		out.cfg.resolvePrior() // what is learned is that of the bandit's policy
		out.cfg.Policy = out.kind
		for _, key := range slices.Sorted(maps.Keys(c.Set)) {
			if err := out.cfg.setRule(key, c.Set[key]); err != nil {
				return out, err
			}
		}
		return out, out.cfg.Validate()
	}
	return out, nil
}

// setRule sets one of ruleKeys.
func (c *Config) setRule(key, value string) error {
	if !slices.Contains(ruleKeys[:], key) {
		return fmt.Errorf("set %s: must be one of %s", key, strings.Join(ruleKeys[:], ", "))
	}
	x, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("set %s: %q must be a number", key, value)
	}
	for _, n := range c.numbers() {
		if n.key == key {
			*n.at = x
		}
	}
	for _, n := range c.wholes() {
		if n.key == key {
			*n.at = int(x)
			if float64(*n.at) != x {
				return fmt.Errorf("set %s: %q must be a whole number", key, value)
			}
		}
	}
	return nil
}

// Ask fills d, with an element for the logged policy and each candidate, with what they would do with an event that
// m is about to learn, and with the rewards that m predicts. It returns false for an event that is no decision.
func (k *Candidates) Ask(m *Model, e *event.Event, d []ope.Decision) bool {
	n := m.arms.len()
	if !e.Labelled || e.Weight == 0 || e.Arm < 0 || e.Arm >= n || !(e.Prob > 0 && e.Prob <= 1) || len(e.Actions) > 0 && len(e.Actions) != n {
		return false
	}
	k.q = m.predictAll(e, k.q[:0])
	var eligible []bool
	if len(e.Eligible) > 0 {
		eligible = e.Eligible
	}
	for i := range k.list {
		d[i] = ope.Decision{Reward: e.Label, Propensity: e.Prob}
		c := &k.list[i]
		if c.kind == Logged {
			d[i].Target = e.Prob
			continue
		}
		k.p = c.distribution(m, e, eligible, k.p[:0])
		d[i].Target = k.p[e.Arm]
		d[i].Logged = k.q[e.Arm]
		for a, p := range k.p {
			d[i].Expected += float64(p * k.q[a])
		}
	}
	return true
}

// distribution appends what the candidate would do.
func (c *candidate) distribution(m *Model, e *event.Event, eligible []bool, dst []float64) []float64 {
	switch c.kind {
	case Current:
		return m.Distribution(e, eligible, dst)
	case Uniform, Always:
		return c.constant(m, eligible, dst)
	}
	r := m.rails
	r.floor = c.cfg.Floor
	if live, ok := m.live.(*linear); ok {
		c.linear = *live
		c.linear.cfg = &c.cfg
		return distribution(&c.linear, &r, m.arms.len(), e, eligible, dst)
	}
	if live, ok := m.live.(*counts); ok {
		c.counts = *live
		c.counts.cfg = &c.cfg
		return distribution(&c.counts, &r, m.arms.len(), e, eligible, dst)
	}
	return m.Distribution(e, eligible, dst) // does not occur: checked by make
}

// constant appends the probabilities of a candidate that looks at nothing but what can be chosen.
func (c *candidate) constant(m *Model, eligible []bool, dst []float64) []float64 {
	var memory [maxArms]bool
	n := m.arms.len()
	eligible = m.rails.mask(eligible, memory[:n])
	if c.kind == Always {
		if c.arm < 0 || c.arm >= n || m.arms.list[c.arm].Name != c.name {
			c.arm = m.arms.find(c.name)
		}
		if c.arm >= 0 && isEligible(eligible, c.arm) {
			dst = append(dst, make([]float64, n)...)
			dst[len(dst)-n+c.arm] = 1
			return dst
		}
	}
	could := 0
	for a := range n {
		if isEligible(eligible, a) {
			could++
		}
	}
	for a := range n {
		p := 0.0
		if isEligible(eligible, a) {
			p = 1 / float64(could)
		}
		dst = append(dst, p)
	}
	return dst
}

// predictAll appends the reward that the model predicts for every arm, inside of the range of rewards.
func (m *Model) predictAll(e *event.Event, dst []float64) []float64 {
	start, n := len(dst), m.arms.len()
	dst = slices.Grow(dst, n)[:start+n]
	q := dst[start:]
	clear(q)
	switch live := m.live.(type) {
	case *linear:
		var memory [maxArms]float64
		z, members := memory[:n], live.members()
		for b := range members {
			live.margins(e, nil, b, z, nil)
			for a, v := range z {
				q[a] += v / float64(members)
			}
		}
	case *counts:
		for a := range q {
			q[a] = live.mean(a)
		}
	default:
		arm := e.Arm
		for a := range q {
			e.Arm = a
			q[a], _, _ = live.predict(e)
		}
		e.Arm = arm
	}
	for a, z := range q {
		q[a] = min(max(m.cfg.prediction(z), m.cfg.RewardMin), m.cfg.RewardMax)
	}
	return dst
}
