package bandit

import "github.com/streamlearner/streamlearner/pkg/event"

// Policy is what a published bandit chooses by: state in, probabilities out. It does not learn, and
// many goroutines may use it at once.
type Policy struct {
	cfg   Config
	arms  *arms
	names []string
	rails rails
	core  core
	key   Key
	fixed []float64 // the probabilities of all arms, when they depend on no event
}

// OpenPolicy reads the bytes that Model.AppendBinary wrote.
func OpenPolicy(b []byte) (*Policy, error) {
	m, err := Open(b)
	if err != nil {
		return nil, err
	}
	p := &Policy{cfg: m.cfg, arms: m.arms, names: m.arms.names(), rails: m.rails, core: m.live, key: NewKey(m.cfg.Salt)}
	switch m.cfg.Policy {
	case Thompson, Ladder, UCB1, KLUCB, EXP3, EXP3IX, Gradient:
		p.fixed = m.Distribution(&event.Event{}, nil, nil)
	}
	return p, nil
}

// Config returns the settings of the bandit.
func (p *Policy) Config() Config { return p.cfg }

// Continuous reports whether the policy chooses a number, see Value.
func (p *Policy) Continuous() bool { return p.cfg.Continuous() }

// Arms returns the names of the arms in the order of their indices.
func (p *Policy) Arms() []string { return p.names }

// Table returns what is known of every arm, in the same order.
func (p *Policy) Table() []Arm { return p.arms.list }

// Baseline returns the index of the arm that decisions fall back to; not ok when none is named.
func (p *Policy) Baseline() (arm int, ok bool) { return p.arms.baseline, p.arms.baseline >= 0 }

// Distribution is Model.Distribution. It takes memory only for integrals and for draws with shared
// or hybrid features.
func (p *Policy) Distribution(e *event.Event, eligible []bool, dst []float64) []float64 {
	if p.fixed != nil && eligible == nil {
		return append(dst, p.fixed...)
	}
	return distribution(p.core, &p.rails, p.arms.len(), e, eligible, dst)
}

// Uniform returns the number in [0, 1) by which the decision with that id is made, see Choose.
func (p *Policy) Uniform(id []byte) float64 { return p.key.Uniform(id) }
