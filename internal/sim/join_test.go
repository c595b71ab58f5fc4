package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// loop decodes the records of a DecisionsStream.
func loop(arms []string) (*event.Loop, error) {
	return event.NewLoop(event.LoopSchema{
		Schema: event.Schema{Label: "reward", ID: "id", Time: "ts", Arm: "arm", Arms: arms, Probability: "p", Context: "context"},
		Kind:   "kind", Decision: "decision", Reward: "reward", Activation: "shown", Shown: "shown",
	})
}

// decisionsConfig is a learner of a DecisionsStream of three arms.
func decisionsConfig(tb testing.TB, edit func(*learner.Config, *bandit.Config)) (learner.Config, bandit.Config) {
	tb.Helper()
	c, b := fraudConfig(tb, 5, shortGuard), bandit.Default()
	b.Policy, b.Arms = bandit.LinTS, []string{"a0", "a1", "a2"}
	c.Join = &learner.JoinConfig{
		Config:   join.Config{Window: 8_000, Lateness: 3_000, Keep: 10_000, Reducer: join.Max, MaxOpen: 1000},
		MaxAhead: 3_600_000,
	}
	c.Arms = func(names []string) (learner.Reading, error) {
		records, err := loop(names)
		return learner.Reading{Records: records, Schema: fmt.Appendf(nil, `{"arms":%d}`, len(names))}, err
	}
	edit(&c, &b)
	beginWithArms(tb, &c, b.Arms)
	c.Model = func() (learner.Model, error) { return bandit.New(b) }
	return c, b
}

// newJoinWorld makes a world of decisions whose rewards come late, out of order, twice,
// too late or not at all, with records that are refused and orders of an operator between them.
func newJoinWorld(tb testing.TB, i uint64, rng *rand.Rand) *World {
	tb.Helper()
	s := Decisions(i+1, 4, 2) // the fourth arm is unknown at first
	s.Delay, s.Disorder, s.Repeated, s.Hidden = 3000, 2500+2000*int64(i%2), 0.2, 0.3
	w := &World{serves: servesArms, opens: opensArms}
	var b bandit.Config
	w.Config, b = decisionsConfig(tb, func(c *learner.Config, b *bandit.Config) {
		c.Guard.Enabled = false
		c.Snapshot = learner.SnapshotConfig{Every: 4, Quarantine: 8, Keep: keep}
		c.Join.Correct = i%2 == 1
		c.Join.SkipUnrewarded = i%4 == 2
		if i%4 == 3 {
			c.Join.MaxOpen = 6 // too few
		}
		if i%4 == 0 {
			b.Policy = bandit.Thompson
		}
		if b.Baseline, b.NewEvents, b.Drain = "a0", 4, 10*time.Second; i%8 == 0 {
			b.GuardRails = []bandit.GuardRail{{Metric: bandit.RewardMetric, Alpha: 0.4}}
		}
	})
	if i%4 == 1 {
		evaluated(tb, &w.Config, b)
	}
	for k := int64(0); k < 72; k++ {
		value, at := s.Next(nil)
		if k%17 == 5 {
			value = []byte(strings.Replace(string(value), `"kind":"`, `"kind":"un`, 1))
		}
		w.Records = append(w.Records, learner.Record{Offset: k, Time: at, Value: value})
	}
	if i%8 == 6 {
		w.changeLimits(b)
	}
	if i%5 > 0 {
		w.giveOrders(rng, 10, 7, append(aboutArms(), aboutMode()...)...)
	}
	return w
}

// A bandit whose late rewards correct it knows in the end what one knows that waited for all of them.
func TestLateRewardsCorrectWhatWasLearned(t *testing.T) {
	type arm struct{ prediction, probability float64 }
	learn := func(window int64) (out []arm, s *learner.JoinStats) {
		c, _ := decisionsConfig(t, func(c *learner.Config, _ *bandit.Config) {
			c.Guard.Enabled = false
			c.Join.Window, c.Join.Keep, c.Join.Correct, c.Join.MaxOpen = window, 3_600_000, true, 10_000
		})
		l := start(t, c)
		stream := Decisions(5, 3, 2)
		for range 1200 {
			value, at := stream.Next(nil)
			l.Feed(learner.Record{Offset: l.Next().Offset, Time: at, Value: value})
		}
		for value, at, ok := stream.Rest(nil); ok; value, at, ok = stream.Rest(nil) {
			l.Feed(learner.Record{Offset: l.Next().Offset, Time: at, Value: value})
		}
		l.Finish()
		m := l.Model().(*bandit.Model)
		e := event.Event{ID: []byte("q"), Weight: 1}
		stream.clicks.Context(&e)
		p := m.Distribution(&e, nil, nil)
		for a := range p {
			e.Arm = a
			out = append(out, arm{m.Predict(&e).Prediction, p[a]})
		}
		return out, l.Stats().Join
	}
	early, s := learn(8_000)
	waited, w := learn(1_800_000)
	if s.Corrected < 100 || w.Corrected != 0 || s.Late+w.Late > 0 {
		t.Errorf("corrected %d of a short window, %d of a long one; late %d, %d", s.Corrected, w.Corrected, s.Late, w.Late)
	}
	for a := range early {
		if x, y := early[a], waited[a]; math.Abs(x.prediction-y.prediction) > 1e-9 || math.Abs(x.probability-y.probability) > 1e-9 {
			t.Errorf("arm %d: %+v, having waited %+v", a, x, y)
		}
	}
}
