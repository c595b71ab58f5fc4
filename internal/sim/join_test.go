package sim

import (
	"math"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// decisionsConfig is a learner of a DecisionsStream of three arms.
func decisionsConfig(tb testing.TB, edit func(*learner.Config, *bandit.Config)) learner.Config {
	tb.Helper()
	records, err := event.NewLoop(event.LoopSchema{
		Schema: event.Schema{Label: "reward", ID: "id", Time: "ts", Arm: "arm", Arms: []string{"a0", "a1", "a2"}, Probability: "p", Context: "context"},
		Kind:   "kind", Decision: "decision", Reward: "reward", Activation: "shown", Shown: "shown",
	})
	if err != nil {
		tb.Fatal(err)
	}
	c := fraudConfig(tb, 5, nil)
	b := bandit.Default()
	b.Policy, b.Arms = bandit.LinTS, []string{"a0", "a1", "a2"}
	c.Join = &learner.JoinConfig{
		Config:  join.Config{Window: 8_000, Lateness: 3_000, Keep: 10_000, Reducer: join.Max, MaxOpen: 1000},
		Records: records, MaxAhead: 3_600_000,
	}
	if edit != nil {
		edit(&c, &b)
	}
	c.Model = func() (learner.Model, error) { return bandit.New(b) }
	return c
}

// joinWorlds are how many worlds of decisions there are.
const joinWorlds = 8

// newJoinWorld makes a world of decisions whose rewards come late, out of order, twice,
// too late or not at all, with records that are refused and orders of an operator between them.
func newJoinWorld(tb testing.TB, i uint64) *World {
	tb.Helper()
	s := Decisions(i+1, 3, 2)
	s.Delay, s.Disorder, s.Repeated, s.Hidden = 3000, 2500+2000*int64(i%2), 0.2, 0.3
	w := &World{Command: map[int64]state.Command{}}
	w.Config = decisionsConfig(tb, func(c *learner.Config, b *bandit.Config) {
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
	})
	for k := int64(0); k < 72; k++ {
		value, at := s.Next(nil)
		if k%17 == 5 {
			value = []byte(strings.Replace(string(value), `"kind":"`, `"kind":"un`, 1))
		}
		w.Records = append(w.Records, learner.Record{Offset: k, Time: at, Value: value})
	}
	if i%3 == 0 {
		w.Command[30] = state.Command{ID: "a", Kind: learner.CommandFreeze, Who: "op", Why: "test"}
		w.Command[45] = state.Command{ID: "b", Kind: learner.CommandUnfreeze, Who: "op", Why: "test"}
	}
	if i%3 == 1 {
		w.Command[40] = state.Command{ID: "c", Kind: learner.CommandRollback, Who: "op", Why: "test", Args: state.Args{Version: 2, Forced: true, Restore: true}}
		w.Command[60] = state.Command{ID: "f", Kind: learner.CommandPromote, Who: "op", Why: "test"}
	}
	return w
}

// Open decisions survive whatever goes wrong: every one is learned once, with all its rewards.
func TestFaultsOfJoins(t *testing.T) {
	var total Counts
	corrected := uint64(0)
	for i := range uint64(joinWorlds) {
		w := newJoinWorld(t, i)
		for seed := i; seed < 60*joinWorlds; seed += joinWorlds {
			c, err := w.Run(seed)
			if err != nil {
				t.Fatalf("world %d, seed %d: %v", i, seed, err)
			}
			total.Add(&c)
		}
		j := w.ref.stats.Join
		corrected += j.Corrected
		t.Logf("world %d: learned %d, join %+v", i, w.ref.stats.Learned, *j)
		if w.ref.stats.Learned < 5 || j.Late+j.Duplicates == 0 || j.NeverShown == 0 || w.ref.stats.Rejected[event.KindUnknown] == 0 {
			t.Errorf("world %d tries too little: learned %d, join %+v", i, w.ref.stats.Learned, *j)
		}
	}
	if total.Crashes == 0 || total.Zombies == 0 || total.Forward == 0 || total.Rebuilt == 0 || corrected == 0 {
		t.Errorf("too few faults: %+v, corrected %d", total, corrected)
	}
}

// amnesiac forgets open decisions in a restart.
type amnesiac struct{ Honest }

func (amnesiac) Restore(c learner.Config, snap *state.Snapshot) (*learner.Learner, error) {
	l, err := learner.Restore(c, snap)
	if err == nil {
		l.Finish()
	}
	return l, err
}

func TestForgottenDecisionsAreNoticed(t *testing.T) {
	w := newJoinWorld(t, 1)
	w.Shell = amnesiac{}
	for seed := range uint64(20) {
		if _, err := w.Run(seed); err != nil {
			return
		}
	}
	t.Error("nothing was noticed")
}

// A bandit whose late rewards correct it knows in the end what one knows that waited for all of them.
func TestLateRewardsCorrectWhatWasLearned(t *testing.T) {
	type arm struct{ prediction, probability float64 }
	learn := func(window int64) (out []arm, s *learner.JoinStats) {
		l := start(t, decisionsConfig(t, func(c *learner.Config, _ *bandit.Config) {
			c.Guard.Enabled = false
			c.Join.Window, c.Join.Keep, c.Join.Correct, c.Join.MaxOpen = window, 3_600_000, true, 10_000
		}))
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
