package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// evaluated has a bandit's candidates evaluated on every fourth decision.
func evaluated(tb testing.TB, c *learner.Config, b bandit.Config) {
	tb.Helper()
	list := []bandit.Candidate{{Name: bandit.Current}, {Name: bandit.Uniform}, {Name: "first", Arm: "a0"}}
	k, err := bandit.NewCandidates(b, list)
	if err != nil {
		tb.Fatal(err)
	}
	c.Evaluate = learner.Evaluation{
		Names: []string{bandit.Logged}, Identities: []string{bandit.Logged}, Sums: ope.Default(), Every: 4, Alpha: 0.05,
		Ask: func(m learner.Model, e *event.Event, d []ope.Decision) bool { return k.Ask(m.(*bandit.Model), e, d) },
	}
	for _, candidate := range list {
		c.Evaluate.Names, c.Evaluate.Identities = append(c.Evaluate.Names, candidate.Name), append(c.Evaluate.Identities, candidate.Identity())
	}
}

// newRailWorld makes a world of decisions with their rewards. One of the arms earns
// next to nothing, others are slow, and guard rails take them out. An operator gives orders about the arms.
func newRailWorld(tb testing.TB, i uint64, rng *rand.Rand) *World {
	tb.Helper()
	b := bandit.Default()
	b.Policy = [...]string{bandit.Thompson, bandit.UCB1, bandit.KLUCB}[i%3]
	b.Arms, b.Baseline, b.NewEvents, b.Drain = []string{"a0", "a1", "a2"}, "a0", 5, 8*time.Second
	b.GuardRails = []bandit.GuardRail{{Metric: bandit.RewardMetric, Alpha: 0.3}}
	if i%4 == 1 {
		b.GuardRails = append(b.GuardRails, bandit.GuardRail{Metric: "ms", Worse: bandit.HigherIsWorse, Max: 1000, Margin: "10%", Alpha: 0.3})
	}
	c := fraudConfig(tb, 5, shortGuard)
	c.Guard.Enabled = false
	c.Snapshot = learner.SnapshotConfig{Every: 4, Quarantine: 8, Keep: keep}
	c.Model = func() (learner.Model, error) { return bandit.New(b) }
	c.Arms = func(names []string) (learner.Reading, error) {
		d, err := event.NewJSON(event.Schema{Label: "r", ID: "id", Time: "ts", Arm: "arm", Arms: names, Probability: "p", Metrics: []string{"ms"}, Exclude: []string{"ms"}}, true)
		return learner.Reading{Decoder: d, Schema: fmt.Appendf(nil, `{"arms":%d}`, len(names))}, err
	}
	beginWithArms(tb, &c, b.Arms)
	if i%2 == 0 {
		evaluated(tb, &c, b)
	}
	w := &World{Config: c, serves: servesArms, opens: opensArms}
	for k := range int64(56) {
		arm, reward := rng.IntN(3), 0.0
		if k > 24 {
			arm = rng.IntN(4)
		}
		if u := rng.Float64(); arm == 1 && u < 0.05 || arm != 1 && u < 0.9 {
			reward = 1
		}
		at := DecisionsStart + k*1000
		value := fmt.Appendf(nil, `{"id":"d%d","ts":%d,"arm":"a%d","p":0.25,"r":%v,"ms":%d}`, k, at, arm, reward, 100+400*(arm/2))
		w.Records = append(w.Records, learner.Record{Offset: k, Time: at, Value: value})
	}
	if i%4 == 3 {
		w.changeLimits(b)
	}
	if i%5 > 0 {
		w.giveOrders(rng, 6, 7, append(aboutArms(), aboutMode()...)...)
	}
	return w
}

// beginWithArms has records read with the arms of the beginning.
func beginWithArms(tb testing.TB, c *learner.Config, names []string) {
	tb.Helper()
	r, err := c.Arms(names)
	if err != nil {
		tb.Fatal(err)
	}
	c.Schema = r.Schema
	if c.Join != nil {
		c.Join.Records = r.Records
	} else {
		c.Decoder = r.Decoder
	}
}

// changeLimits has a restart cap an arm.
func (w *World) changeLimits(b bandit.Config) {
	w.ChangeAt, w.Changed = int64(len(w.Records)/4), w.Config
	w.Config.Settings += "learner.bandit.limits=\n"
	w.Changed.Settings += "learner.bandit.limits=a2: 0.5\n"
	b.Limits = []bandit.Limit{{Arm: "a2", Cap: 0.5}}
	w.Changed.Model = func() (learner.Model, error) { return bandit.New(b) }
}

// servesArms fails when readers would choose an arm that is out, or one more often than its cap allows.
func servesArms(o *orders, parameters []byte) error {
	p, err := bandit.OpenPolicy(parameters)
	if err != nil {
		return err
	}
	q := p.Distribution(&event.Event{ID: []byte("q"), Weight: 1}, nil, nil)
	for i, name := range p.Arms() {
		if q[i] > 0 && slices.Contains(o.out, name) {
			return fmt.Errorf("readers choose arm %s with probability %v: it was taken out", name, q[i])
		}
		if most := o.caps[name]; most > 0 && q[i] > most+1e-9 {
			return fmt.Errorf("readers choose arm %s with probability %v: its cap is %v", name, q[i], most)
		}
	}
	return nil
}

func opensArms(then, now []byte) (names []string, err error) {
	old, err := bandit.Open(then)
	if err != nil {
		return nil, err
	}
	m, err := bandit.Open(now)
	if err != nil {
		return nil, err
	}
	for _, o := range bandit.Openings(old, m) {
		names = append(names, o.Arm)
	}
	return names, nil
}
