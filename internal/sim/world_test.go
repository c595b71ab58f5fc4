package sim

import (
	"context"
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

var (
	seeds = flag.Int("seeds", 1500, "how many seeds TestFaults runs")
	first = flag.Uint64("seed", 1, "the first seed")
)

// fraudConfig is a learner of the Fraud stream.
func fraudConfig(tb testing.TB, bits int, edit func(*learner.Config)) learner.Config {
	tb.Helper()
	d, err := event.NewJSON(event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id"}, true)
	if err != nil {
		tb.Fatal(err)
	}
	model := sgd.Default()
	model.Bits = bits
	c := learner.Config{
		Model:    func() (learner.Model, error) { return sgd.New(model) },
		Decoder:  d,
		Guard:    learner.DefaultGuard(),
		Snapshot: learner.DefaultSnapshot(),
		Settings: "learner.loss=logistic\n",
		Binary:   "test",
	}
	if edit != nil {
		edit(&c)
	}
	return c
}

// smallWorld is short enough to run thousands of: everything happens within a
// few hundred records, among them two bursts of poison and bad bytes.
func smallWorld(tb testing.TB, seed uint64) *World {
	c := fraudConfig(tb, 10-3*int(seed%2), func(c *learner.Config) {
		c.Guard.Block, c.Guard.Window = 10, 400
		c.Guard.FalseFreezeEvery = 2_000
		c.Guard.ReferenceAfter, c.Guard.ReferenceEvery = 50, 400
		c.Guard.CooldownEvents, c.Guard.ProbationEvents = 60, 40
		c.Snapshot = learner.SnapshotConfig{Every: 10, Quarantine: 30, Keep: 5}
	})
	if seed%2 == 0 { // stored as large models are, in a base and changes
		c.WholeBytes, c.Fanout = 1, 2
		wide, err := event.NewJSON(event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id",
			Categorical: []string{"amount", "km"}, Cross: [][]string{{"amount", "merchant"}}}, true)
		if err != nil {
			tb.Fatal(err)
		}
		c.Decoder = wide
	}
	n := 120
	if seed%8 == 0 { // long enough for an armed guard
		n = 1000
	}
	s := Fraud(seed)
	s.Malformed, s.Extreme = 0.02, 0.01
	s.Poison = []Episode{{From: 700, To: 850, Share: 1}}
	w := &World{Config: c, Command: map[int]state.Command{}}
	for i := range n {
		w.Records = append(w.Records, learner.Record{Offset: int64(i), LeaderEpoch: 0, Time: int64(i), Value: s.Next(nil)})
	}
	if seed%3 == 0 {
		w.Command[n/3] = state.Command{ID: "a", Kind: learner.CommandFreeze, Who: "op", Why: "test"}
		w.Command[n/2] = state.Command{ID: "b", Kind: learner.CommandUnfreeze, Who: "op", Why: "test"}
	}
	return w
}

func TestFaults(t *testing.T) {
	var total Counts
	for i := range *seeds {
		seed := *first + uint64(i)
		c, err := smallWorld(t, seed).Run(seed)
		if err != nil {
			t.Fatalf("seed %d: %v (run it alone: go test ./internal/sim -run TestFaults -seed %d -seeds 1)", seed, err, seed)
		}
		total.Add(c)
	}
	t.Logf("%d seeds: %+v; 0 events lost, 0 learned twice", *seeds, total)
	if *seeds < 500 {
		return
	}
	for name, n := range map[string]int{
		"crashes": total.Crashes, "lost replies": total.LostReplies, "lost writes": total.LostWrites, "zombies": total.Zombies,
		"fenced saves": total.Fenced, "duplicates": total.Duplicates, "published": total.Published, "freezes": total.Freezes,
		"saves with changes": total.Chained,
	} {
		if n == 0 {
			t.Errorf("no %s happened: the simulation proves nothing about them", name)
		}
	}
}

// forgetful delivers every record that comes, also those that were learned.
type forgetful struct{ Honest }

func (forgetful) Deliver(*Owner, int64) bool { return true }

// unfenced claims anew when it is fenced, as if its generation did not matter.
type unfenced struct{ Honest }

func (u unfenced) Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
	err := u.Honest.Save(ctx, s, k, o, snap)
	if !errors.Is(err, state.ErrFenced) {
		return err
	}
	_, claim, stateErr := s.State(ctx, k)
	if stateErr != nil {
		return stateErr
	}
	o.Claim = claim
	stored, _, stateErr := s.State(ctx, k)
	if stateErr != nil {
		return stateErr
	}
	o.Base = stored.Seq
	return u.Honest.Save(ctx, s, k, o, snap)
}

// hasty publishes its newest parameters although nothing has proven them.
type hasty struct{ Honest }

func (h hasty) Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
	if snap.Current != nil {
		p := *snap.Current
		p.Number, p.Sum = o.Learner.Stats().Live+1000, snap.Refs[0]
		snap.Current = &p
	}
	return h.Honest.Save(ctx, s, k, o, snap)
}

// offsetOnly stores the offset that it has read, but the state of the save before.
type offsetOnly struct {
	Honest
	old *state.Snapshot
}

func (m *offsetOnly) Save(ctx context.Context, s *state.Mem, k state.Key, o *Owner, snap *state.Snapshot) error {
	torn := *snap
	if m.old != nil && m.old.Next.Offset < snap.Next.Offset {
		torn = *m.old
		torn.Next = snap.Next
	}
	m.old = snap
	return m.Honest.Save(ctx, s, k, o, &torn)
}

func TestMutantsAreCaught(t *testing.T) {
	for name, c := range map[string]struct {
		shell func() Shell
		want  string
	}{
		"learns duplicates":          {func() Shell { return forgetful{} }, "learned twice"},
		"saves though it is fenced":  {func() Shell { return unfenced{} }, "zombie"},
		"publishes what is unproven": {func() Shell { return hasty{} }, "was published"},
		"saves offset without state": {func() Shell { return &offsetOnly{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 200; seed++ {
				w := smallWorld(t, seed)
				w.Shell = c.shell()
				if _, err := w.Run(seed); err != nil {
					if !strings.Contains(err.Error(), c.want) {
						t.Errorf("caught by %q, expected %q", err, c.want)
					}
					return
				}
			}
			t.Error("200 seeds did not catch it")
		})
	}
}
