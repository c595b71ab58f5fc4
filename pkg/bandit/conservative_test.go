package bandit

import (
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// A conservative bandit never earns much less than its baseline on the way, as the plain one does while it
// tries bad arms, and in the end chooses the best arm.
func TestConservative(t *testing.T) {
	worst := func(conservative float64) (lost, best float64) {
		c := config(UCB1, 5)
		c.Baseline, c.Conservative, c.Floor, c.Alpha = "a0", conservative, 0, 1
		m := newModel(t, c)
		r := rand.New(rand.NewPCG(1, 2))
		means := []float64{.5, .1, .15, .1, .7}
		earned := 0.0
		var e event.Event
		const rounds = 8000
		for i := range rounds {
			p := m.Distribution(&e, nil, nil)
			a := Choose(p, r.Float64())
			e = event.Event{Arm: a, Prob: p[a], Weight: 1, Labelled: true}
			if r.Float64() < means[a] {
				e.Label = 1
			}
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
			earned += means[a]
			if a == 4 && i >= rounds-1000 {
				best += 1. / 1000
			}
			lost = max(lost, means[0]*float64(i+1)-earned-conservative*means[0]*float64(i+1))
		}
		return lost, best
	}
	if lost, best := worst(.1); lost > 0 || best < .9 {
		t.Errorf("it lost up to %v more than a tenth of what the baseline earns, and gives the best arm %v in the end", lost, best)
	}
	if lost, _ := worst(0); lost < 2 {
		t.Errorf("without the rule %v is lost: the test proves nothing", lost)
	}
}

// The rule is of published bytes, too, and gives way where the baseline cannot be chosen.
func TestConservativePolicy(t *testing.T) {
	c := config(UCB1, 3)
	c.Baseline, c.Conservative = "a1", .2
	b := encoded(t, newModel(t, c))
	p, err := OpenPolicy(b)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if q := p.Distribution(&e, nil, nil); q[1] != 1 {
		t.Errorf("before anything is known the probabilities are %v", q)
	}
	if q := p.Distribution(&e, []bool{true, false, true}, nil); q[0] == 0 || q[2] == 0 {
		t.Errorf("without the baseline the probabilities are %v", q)
	}
	c = config(LinUCB, 3)
	c.Baseline, c.Conservative = "a1", .2
	if err := c.Validate(); err == nil || !containsText(err, "learner.bandit.conservative: 0.2: must be 0 with policy linucb") {
		t.Errorf("with context: %v", err)
	}
	c = config(UCB1, 3)
	c.Conservative = .2
	if err := c.Validate(); err == nil || !containsText(err, "learner.bandit.baseline must name the arm") {
		t.Errorf("without a baseline: %v", err)
	}
}
